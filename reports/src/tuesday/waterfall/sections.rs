//! Where each span stands, and when it itself bounded the response.
//!
//! The lake says for how long each span did (`critical_path_ns`), by the rules of
//! semantics.md 2.4. That already tells which children the path goes through, so where
//! it ran follows from their intervals, and the result is checked against the lake's.
//!
//! It also tells whose clock was off: the lake's path takes some server spans as if they
//! lay in the middle of the client that waited for them (docs/decisions/0005). When it
//! does so is its rule and not repeated here. A span was moved if its recorded interval
//! does not give the time that the lake found below it, and the middle does.

use super::SpanRow;

/// How one span is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Placed {
    /// The stretches of its own in nanoseconds since the epoch, latest first; none where
    /// they would not add up to the span's `critical_path_ns`.
    pub(super) critical: Vec<(i64, i64)>,
    /// By how much it was moved into its parent, with all below it; 0 if it was not.
    pub(super) moved_ns: i64,
}

/// Places all spans: the start of those that were moved, and of all below them, changes.
///
/// Spans lie in calling order; `children` holds those of each span, and the roots last.
pub(super) fn place(spans: &mut [SpanRow], children: &[Vec<usize>]) -> Vec<Placed> {
    let on_path_ns = on_path_ns(spans, children);
    let mut placed = vec![Placed::default(); spans.len()];
    let mut shifts = vec![0; spans.len()];
    let mut windows = vec![(0, 0); spans.len()];
    for root in children.last().into_iter().flatten() {
        windows[*root] = interval(&spans[*root]);
    }
    // In calling order a span's window and start are known before the span is reached.
    for index in 0..spans.len() {
        for child in &children[index] {
            spans[*child].start_ns += shifts[index];
            shifts[*child] = shifts[index];
        }
        if let [only] = children[index][..] {
            let time = on_path_ns[only];
            let moved_ns = clock_skew(windows[index], &spans[index], &spans[only], time);
            spans[only].start_ns += moved_ns;
            shifts[only] += moved_ns;
            placed[only].moved_ns = moved_ns;
        }
        let below = children[index].iter().copied().filter(|child| on_path_ns[*child] > 0);
        placed[index].critical = own_stretches(spans, index, below.collect(), &mut windows);
    }
    placed
}

/// The stretches of one span, and the windows of those below it that are on the path.
fn own_stretches(
    spans: &[SpanRow],
    index: usize,
    mut below: Vec<usize>,
    windows: &mut [(i64, i64)],
) -> Vec<(i64, i64)> {
    let (from, to) = windows[index];
    below.sort_by_key(|child| {
        let (start, end) = interval(&spans[*child]);
        (std::cmp::Reverse(end), start, *child)
    });
    let mut own = Vec::new();
    let mut at = to;
    for child in below {
        let window = clipped(interval(&spans[child]), (from, at));
        if window.0 < window.1 {
            own.push((window.1, at));
            windows[child] = window;
            at = window.0;
        }
    }
    own.push((from, at));
    own.retain(|(from, to)| from < to);
    if length(&own) == spans[index].critical_path_ns { own } else { Vec::new() }
}

/// What to add to the start of an only child to have it where the lake's path has it.
fn clock_skew(window: (i64, i64), parent: &SpanRow, child: &SpanRow, on_path_ns: i64) -> i64 {
    let latency = (parent.duration_ns - child.duration_ns) / 2;
    let skew = parent.start_ns + latency - child.start_ns;
    let (start, end) = interval(child);
    let fits = |shift| length(&[clipped((start + shift, end + shift), window)]) == on_path_ns;
    if on_path_ns > 0 && !fits(0) && fits(skew) { skew } else { 0 }
}

/// The critical-path time of each span and all below it: how much of its interval the path takes.
fn on_path_ns(spans: &[SpanRow], children: &[Vec<usize>]) -> Vec<i64> {
    let mut times: Vec<i64> = spans.iter().map(|span| span.critical_path_ns).collect();
    // Backwards in calling order, children come before their parents.
    for index in (0..spans.len()).rev() {
        times[index] += children[index].iter().map(|child| times[*child]).sum::<i64>();
    }
    times
}

fn interval(span: &SpanRow) -> (i64, i64) {
    (span.start_ns, span.start_ns + span.duration_ns)
}

fn clipped((start, end): (i64, i64), (from, to): (i64, i64)) -> (i64, i64) {
    (start.max(from), end.min(to))
}

fn length(stretches: &[(i64, i64)]) -> i64 {
    stretches.iter().map(|(from, to)| (to - from).max(0)).sum()
}
