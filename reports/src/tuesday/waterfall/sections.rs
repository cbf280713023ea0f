//! When each span itself bounded the response.
//!
//! The lake says for how long each span did (`critical_path_ns`), by the rules of
//! semantics.md 2.4. That already tells which children the path goes through, so where
//! it ran follows from their intervals, and the result is checked against the lake's.

use super::SpanRow;

/// The stretches of each span in nanoseconds since the epoch, latest first; none where
/// they would not add up to the span's `critical_path_ns`.
///
/// Spans lie in calling order; `children` holds those of each span, and the roots last.
pub(super) fn sections(spans: &[SpanRow], children: &[Vec<usize>]) -> Vec<Vec<(i64, i64)>> {
    let on_path = on_path(spans, children);
    let mut windows = vec![(0, 0); spans.len()];
    for root in children.last().into_iter().flatten() {
        windows[*root] = interval(&spans[*root]);
    }
    let mut sections = Vec::with_capacity(spans.len());
    // In calling order a span's window is known before the span is reached.
    for (index, span) in spans.iter().enumerate() {
        let (from, to) = windows[index];
        let mut below: Vec<usize> =
            children[index].iter().copied().filter(|child| on_path[*child]).collect();
        below.sort_by_key(|child| {
            let (start, end) = interval(&spans[*child]);
            (std::cmp::Reverse(end), start, *child)
        });
        let mut own = Vec::new();
        let mut at = to;
        for child in below {
            let (start, end) = interval(&spans[child]);
            let window = (start.max(from), end.min(at));
            if window.0 < window.1 {
                own.push((window.1, at));
                windows[child] = window;
                at = window.0;
            }
        }
        own.push((from, at));
        own.retain(|(from, to)| from < to);
        let total: i64 = own.iter().map(|(from, to)| to - from).sum();
        sections.push(if total == span.critical_path_ns { own } else { Vec::new() });
    }
    sections
}

/// Whether the critical path goes through a span or one below it.
fn on_path(spans: &[SpanRow], children: &[Vec<usize>]) -> Vec<bool> {
    let mut on_path: Vec<bool> = spans.iter().map(|span| span.critical_path_ns > 0).collect();
    // Backwards in calling order, children come before their parents.
    for index in (0..spans.len()).rev() {
        on_path[index] = on_path[index] || children[index].iter().any(|child| on_path[*child]);
    }
    on_path
}

fn interval(span: &SpanRow) -> (i64, i64) {
    (span.start_ns, span.start_ns + span.duration_ns)
}
