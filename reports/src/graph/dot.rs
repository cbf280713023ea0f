//! The graph as Graphviz reads it.

use std::fmt::Write;

use super::{Health, NodeKind, ServiceGraph};
use crate::format;

/// A digraph.
pub(super) fn graph(graph: &ServiceGraph) -> String {
    let mut text =
        String::from("digraph services {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    for node in &graph.nodes {
        let shape = match node.kind {
            NodeKind::Service => "",
            NodeKind::Database => ", shape=cylinder, style=solid",
            NodeKind::Virtual => ", style=\"rounded,dashed\"",
        };
        let width = pen(node.health);
        let _ = writeln!(text, "  {} [penwidth={width}{shape}];", quoted(&node.name));
    }
    for edge in &graph.edges {
        let (client, server) = (&graph.nodes[edge.client].name, &graph.nodes[edge.server].name);
        let mut label = format!("{} calls", format::number(edge.calls));
        if edge.errors > 0.0 {
            let _ = write!(label, "\\n{} failed", format::share(edge.errors / edge.calls));
        }
        if let Some(p95_ns) = edge.p95_ns {
            let _ = write!(label, "\\np95 {}", format::duration(p95_ns));
        }
        let style = if edge.is_messaging { ", style=dashed" } else { "" };
        let _ = writeln!(
            text,
            "  {} -> {} [label=\"{label}\", penwidth={}{style}];",
            quoted(client),
            quoted(server),
            pen(edge.health)
        );
    }
    text.push_str("}\n");
    text
}

fn pen(health: Health) -> f64 {
    match health {
        Health::Failing => 4.0,
        Health::Degraded => 2.5,
        Health::Healthy | Health::Idle => 1.0,
    }
}

fn quoted(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
