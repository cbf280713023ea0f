//! Where everything stands: callers left of what they call, with few crossings.
//!
//! Layers by the longest way from a caller that nobody calls, order by the mean place of neighbours: the first two
//! steps of Sugiyama's method. Calls in a circle are turned round for the layers only.

use std::collections::BTreeSet;

/// A place for each node, and how many of them there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// `(column, row)` of each node.
    pub(super) places: Vec<(usize, usize)>,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// How often places are improved.
const SWEEPS: usize = 8;

/// Places the nodes `0..nodes`.
pub(super) fn layout(nodes: usize, edges: &[(usize, usize)]) -> Layout {
    let forward = without_circles(nodes, edges);
    let layers = layers(nodes, &forward);
    let columns = layers.iter().max().map_or(0, |last| last + 1);
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); columns];
    for (node, layer) in layers.iter().enumerate() {
        order[*layer].push(node);
    }
    let mut place = vec![0; nodes];
    number(&order, &mut place);
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        for step in 0..columns {
            let column = if down { step } else { columns - 1 - step };
            let mean = |node: usize| {
                let others = forward.iter().filter_map(|(from, to)| match (down, node) {
                    (true, node) if *to == node => Some(*from),
                    (false, node) if *from == node => Some(*to),
                    _ => None,
                });
                let (sum, count) =
                    others.fold((0, 0), |(sum, count), other| (sum + place[other], count + 1));
                if count == 0 {
                    place[node] as f64
                } else {
                    f64::from(sum as u32) / f64::from(count)
                }
            };
            let mut means: Vec<(f64, usize)> =
                order[column].iter().map(|node| (mean(*node), *node)).collect();
            means.sort_by(|a, b| a.0.total_cmp(&b.0).then(place[a.1].cmp(&place[b.1])));
            order[column] = means.into_iter().map(|(_, node)| node).collect();
        }
        number(&order, &mut place);
    }
    let rows = order.iter().map(Vec::len).max().unwrap_or(0);
    let places = (0..nodes).map(|node| (layers[node], place[node])).collect();
    Layout { places, columns, rows }
}

fn number(order: &[Vec<usize>], place: &mut [usize]) {
    for column in order {
        for (row, node) in column.iter().enumerate() {
            place[*node] = row;
        }
    }
}

/// The edges, those turned round that lead back to where one came from.
fn without_circles(nodes: usize, edges: &[(usize, usize)]) -> BTreeSet<(usize, usize)> {
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut is_called = vec![false; nodes];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        callees[*from].push(*to);
        is_called[*to] = true;
    }
    let mut forward = BTreeSet::new();
    let (mut is_on_way, mut is_done) = (vec![false; nodes], vec![false; nodes]);
    // First from those that nobody calls, so that what is turned round is what leads back to them.
    let (called, not_called): (Vec<usize>, Vec<usize>) =
        (0..nodes).partition(|node| is_called[*node]);
    let starts = not_called.into_iter().chain(called);
    for start in starts {
        if is_done[start] {
            continue;
        }
        let mut way = vec![(start, 0)];
        is_on_way[start] = true;
        while let Some((node, next)) = way.last_mut() {
            let node = *node;
            let Some(callee) = callees[node].get(*next).copied() else {
                is_on_way[node] = false;
                is_done[node] = true;
                way.pop();
                continue;
            };
            *next += 1;
            if is_on_way[callee] {
                forward.insert((callee, node));
                continue;
            }
            forward.insert((node, callee));
            if !is_done[callee] {
                is_on_way[callee] = true;
                way.push((callee, 0));
            }
        }
    }
    forward
}

fn layers(nodes: usize, forward: &BTreeSet<(usize, usize)>) -> Vec<usize> {
    let mut layers = vec![0; nodes];
    // No way is longer than the number of nodes.
    for _ in 0..nodes {
        let mut has_changed = false;
        for (from, to) in forward {
            if layers[*to] < layers[*from] + 1 {
                layers[*to] = layers[*from] + 1;
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    layers
}
