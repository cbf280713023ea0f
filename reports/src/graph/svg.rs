//! The graph as a drawing that needs nothing else, in light and dark.

use maud::{Markup, PreEscaped, html};

use super::layout::layout;
use super::{Edge, Health, Node, NodeKind, ServiceGraph};
use crate::format;

const STYLE: &str = include_str!("graph.css");

const NODE_WIDTH: f64 = 170.0;
const NODE_HEIGHT: f64 = 44.0;
const COLUMN: f64 = 310.0;
const ROW: f64 = 78.0;
const MARGIN: f64 = 20.0;
/// Longer names are cut off; the title has them whole.
const MOST_CHARS: usize = 22;

/// The drawing.
pub(super) fn drawing(graph: &ServiceGraph) -> String {
    let edges: Vec<(usize, usize)> =
        graph.edges.iter().map(|edge| (edge.client, edge.server)).collect();
    let layout = layout(graph.nodes.len(), &edges);
    let width = MARGIN * 2.0 + NODE_WIDTH + COLUMN * layout.columns.saturating_sub(1) as f64;
    let height = MARGIN * 2.0 + ROW * layout.rows as f64;
    let in_column = |column| layout.places.iter().filter(|(at, _)| *at == column).count();
    let corner = |node: usize| {
        let (column, row) = layout.places[node];
        // Short columns stand in the middle.
        let above = (layout.rows - in_column(column)) as f64 / 2.0;
        (
            MARGIN + COLUMN * column as f64,
            MARGIN + ROW * (row as f64 + above) + (ROW - NODE_HEIGHT) / 2.0,
        )
    };
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class="graph" role="img" aria-label="Service graph"
            width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } {
            style { (PreEscaped(STYLE)) }
            defs {
                marker #graph-arrow viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
                    markerUnits="userSpaceOnUse" orient="auto" { path.head d="M0 0 L8 4 L0 8 Z" {} }
            }
            @for edge in &graph.edges { (line(edge, graph, corner(edge.client), corner(edge.server))) }
            @for (place, node) in graph.nodes.iter().enumerate() { (shape(node, corner(place))) }
        }
    }
    .into_string()
}

fn line(edge: &Edge, graph: &ServiceGraph, from: (f64, f64), to: (f64, f64)) -> Markup {
    let (x1, y1) = (from.0 + NODE_WIDTH, from.1 + NODE_HEIGHT / 2.0);
    let (x2, y2) = (to.0, to.1 + NODE_HEIGHT / 2.0);
    let path = if edge.client == edge.server {
        // A loop above.
        let (x, y) = (from.0 + NODE_WIDTH / 2.0, from.1);
        format!(
            "M{} {y} C{} {} {} {} {} {y}",
            x - 20.0,
            x - 30.0,
            y - 34.0,
            x + 30.0,
            y - 34.0,
            x + 20.0
        )
    } else if x2 > x1 {
        let bend = (x2 - x1) / 2.0;
        format!("M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend)
    } else {
        // Back, below the nodes.
        let (x1, y1) = (from.0 + NODE_WIDTH / 2.0, from.1 + NODE_HEIGHT);
        let (x2, y2) = (to.0 + NODE_WIDTH / 2.0, to.1 + NODE_HEIGHT);
        let low = y1.max(y2) + 30.0;
        format!("M{x1} {y1} C{x1} {low} {x2} {low} {x2} {y2}")
    };
    let width = 1.0 + edge.calls.max(1.0).log10() / 2.0;
    // At the end of the line, where lines of one caller are apart.
    let (x, y) = match (edge.client == edge.server, x2 > x1) {
        (true, _) => (from.0 + NODE_WIDTH / 2.0, from.1 - 28.0),
        (_, true) => (x2 - 8.0, y2 - 6.0),
        (_, false) => ((from.0 + to.0 + NODE_WIDTH) / 2.0, y1.max(y2) + NODE_HEIGHT / 2.0 + 26.0),
    };
    let (client, server) = (&graph.nodes[edge.client].name, &graph.nodes[edge.server].name);
    // Others have a title: several labels at one node would lie on each other.
    let is_labelled = matches!(edge.health, Health::Failing | Health::Degraded);
    let failed = (edge.errors > 0.0).then(|| format::share(edge.errors / edge.calls));
    html! {
        g.edge.(edge.health.word()).messages[edge.is_messaging] {
            title {
                (client) " -> " (server) ": " (format::number(edge.calls)) " calls"
                @if let Some(failed) = &failed { ", " (failed) " failed" }
                @if let Some(p95_ns) = edge.p95_ns { ", p95 " (format::duration(p95_ns)) }
            }
            path d=(path) stroke-width=(width) marker-end="url(#graph-arrow)" {}
            @if is_labelled {
                text x=(x) y=(y) text-anchor=(if x2 > x1 && edge.client != edge.server { "end" } else { "middle" }) {
                    @if let Some(failed) = &failed { (failed) " failed" }
                }
            }
        }
    }
}

fn shape(node: &Node, (x, y): (f64, f64)) -> Markup {
    let radius = if node.kind == NodeKind::Database { 22.0 } else { 6.0 };
    let mark = match node.health {
        Health::Failing => "\u{2716} ",
        Health::Degraded => "\u{26a0} ",
        Health::Healthy | Health::Idle => "",
    };
    let shown: String = if node.name.chars().count() > MOST_CHARS {
        node.name.chars().take(MOST_CHARS - 1).chain(['\u{2026}']).collect()
    } else {
        node.name.clone()
    };
    let about = match node.kind {
        NodeKind::Service => "",
        NodeKind::Database => "a database, ",
        NodeKind::Virtual => "it has no spans, ",
    };
    html! {
        g.node.(node.health.word()).virtual[node.kind == NodeKind::Virtual] {
            title { (node.name) ": " (about) (node.health.word()) }
            rect x=(x) y=(y) width=(NODE_WIDTH) height=(NODE_HEIGHT) rx=(radius) {}
            text x=(x + NODE_WIDTH / 2.0) y=(y + 19.0) text-anchor="middle" { (mark) (shown) }
            text.small x=(x + NODE_WIDTH / 2.0) y=(y + 35.0) text-anchor="middle" {
                (format::number(node.calls)) " calls"
                @if let Some(p95_ns) = node.p95_ns { ", p95 " (format::duration(p95_ns)) }
            }
        }
    }
}
