//! The service graph: who calls whom, as a drawing, as Graphviz and as a page.

mod dot;
mod layout;
mod svg;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use engine::Session;

use crate::error::Result;
use crate::format;
use crate::instant;
use crate::page::{Answer, Level, Page, Section, Table};

/// Who calls whom.
#[derive(Debug, Clone)]
pub struct ServiceGraph {
    /// Names, in order.
    pub nodes: Vec<Node>,
    /// Calls between them.
    pub edges: Vec<Edge>,
    scope: String,
    table: Table,
}

/// A service, a database, a queue or whatever else is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Calls that it answered.
    pub calls: f64,
    /// Of 20 calls of the slowest kind one took longer, in nanoseconds.
    pub p95_ns: Option<f64>,
    /// The worst of the calls to it.
    pub health: Health,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Something that sends spans.
    Service,
    /// A database.
    Database,
    /// Something without spans: a caller or a third party.
    Virtual,
}

/// Calls of one to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The caller, as its place among the nodes.
    pub client: usize,
    /// The callee.
    pub server: usize,
    /// How many calls there were.
    pub calls: f64,
    /// How many of them failed.
    pub errors: f64,
    /// Of 20 calls one took longer, in nanoseconds.
    pub p95_ns: Option<f64>,
    /// Whether messages are sent instead.
    pub is_messaging: bool,
    /// What the errors say.
    pub health: Health,
}

/// What evidence says about calls (semantics 8.3), the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// More than one in ten fails, certainly.
    Failing,
    /// More than one in a thousand fails, certainly.
    Degraded,
    /// Neither.
    Healthy,
    /// Too few calls to say.
    Idle,
}

impl Health {
    fn parse(text: &str) -> Self {
        match text {
            "failing" => Self::Failing,
            "degraded" => Self::Degraded,
            "idle" => Self::Idle,
            _ => Self::Healthy,
        }
    }

    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Degraded => "degraded",
            Self::Healthy => "healthy",
            Self::Idle => "idle",
        }
    }
}

impl ServiceGraph {
    /// Asks for the graph of a time.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Engine`] if the lake cannot be queried.
    pub async fn ask(session: &Session, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Self> {
        let sql = format!(
            "SELECT client_service, server_service, connection_type, calls, errors, error_rate, p50_ns, p95_ns, \
             p99_ns, health\nFROM service_graph(\"from\" => '{}', \"to\" => '{}')\n\
             ORDER BY calls DESC, client_service, server_service",
            instant::to_text(&from),
            instant::to_text(&to)
        );
        let table = Table::ask(session, &sql).await?;
        let scope = format!("{} to {} UTC", from.format("%F %T"), to.format("%F %T"));
        Ok(Self::of(table, scope))
    }

    fn of(table: Table, scope: String) -> Self {
        let mut kinds: BTreeMap<String, NodeKind> = BTreeMap::new();
        for row in table.rows() {
            let kind = match row.text("connection_type") {
                "database" => NodeKind::Database,
                "virtual_node" => NodeKind::Virtual,
                _ => NodeKind::Service,
            };
            let (client, server) = (row.text("client_service"), row.text("server_service"));
            // Of an edge to or from what has no spans, the other end has: it is in another edge as a service.
            kinds.entry(client.into()).or_insert(NodeKind::Virtual);
            kinds.entry(server.into()).or_insert(kind);
            if kind == NodeKind::Service {
                kinds.insert(client.into(), NodeKind::Service);
                kinds.insert(server.into(), NodeKind::Service);
            }
            if kind == NodeKind::Database {
                kinds.insert(client.into(), NodeKind::Service);
            }
        }
        let mut nodes: Vec<Node> = kinds
            .into_iter()
            .map(|(name, kind)| Node { name, kind, calls: 0.0, p95_ns: None, health: Health::Idle })
            .collect();
        let mut edges = Vec::new();
        for row in table.rows() {
            let place =
                |name: &str| nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok();
            let (client, server) =
                (place(row.text("client_service")), place(row.text("server_service")));
            let (Some(client), Some(server)) = (client, server) else { continue };
            let edge = Edge {
                client,
                server,
                calls: row.number("calls").unwrap_or(0.0),
                errors: row.number("errors").unwrap_or(0.0),
                p95_ns: row.number("p95_ns"),
                is_messaging: row.text("connection_type") == "messaging_system",
                health: Health::parse(row.text("health")),
            };
            nodes[server].calls += edge.calls;
            let longest = edge.p95_ns.into_iter().chain(nodes[server].p95_ns).fold(0.0, f64::max);
            nodes[server].p95_ns = (longest > 0.0).then_some(longest);
            nodes[server].health = nodes[server].health.min(edge.health);
            edges.push(edge);
        }
        Self { nodes, edges, scope, table }
    }

    /// The drawing, by itself: for a browser, or inside a page.
    pub fn svg(&self) -> String {
        svg::drawing(self)
    }

    /// The graph for Graphviz: `dot -Tsvg`.
    pub fn dot(&self) -> String {
        dot::graph(self)
    }

    /// The drawing, what stands out in it, and its numbers.
    pub fn page(&self) -> Page {
        let mut answers = Vec::new();
        for edge in &self.edges {
            let level = match edge.health {
                Health::Failing => Level::Alert,
                Health::Degraded => Level::Warning,
                Health::Healthy | Health::Idle => continue,
            };
            let (client, server) = (&self.nodes[edge.client].name, &self.nodes[edge.server].name);
            let text = format!(
                "{client} -> {server} is {}: {} of {} calls failed",
                edge.health.word(),
                format::share(edge.errors / edge.calls),
                format::number(edge.calls),
            );
            answers.push(Answer { level, text });
        }
        if answers.is_empty() {
            let text = match self.edges.is_empty() {
                true => "no service called another in this time".into(),
                false => format!(
                    "{} services and {} kinds of calls, none of which fails",
                    self.nodes.len(),
                    self.edges.len()
                ),
            };
            answers.push(Answer { level: Level::Good, text });
        }
        answers.sort_by_key(|answer| answer.level);
        Page {
            title: "Service graph".into(),
            scope: self.scope.clone(),
            answers,
            sections: vec![Section {
                title: "Who calls whom".into(),
                text: Some(
                    "Callers are left of what they call; lines are wider the more calls there are. Databases are \
                     round, and what has no spans is dashed. A thick border says that calls fail."
                        .into(),
                ),
                figure: Some(self.svg()),
                table: Some(self.table.clone()),
            }],
        }
    }
}

#[cfg(test)]
mod tests;
