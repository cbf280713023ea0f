//! The critical path of a trace: which operation bounds the response, and for
//! how long. Written here once more, so that the generator is not judged by
//! the code it is meant to test.

use std::collections::HashMap;

use crate::week::{Row, Trace};
use datasets::Kind;

/// Nanoseconds on the critical path, by operation. They sum to the root's duration.
pub(crate) fn by_operation(trace: &Trace) -> HashMap<(&str, &'static str), u64> {
    let mut children: HashMap<[u8; 8], Vec<&Row>> = HashMap::new();
    for span in &trace.spans {
        if let Some(parent) = span.parent_span_id {
            children.entry(parent).or_default().push(span);
        }
    }
    let root = trace.root();
    let mut times = HashMap::new();
    attribute(root, root.start_ns, root.end_ns, &children, &mut times);
    times
}

/// Walks backwards from `high`: the child that ended last bounds the response.
fn attribute<'t>(
    span: &'t Row,
    low: u64,
    high: u64,
    children: &HashMap<[u8; 8], Vec<&'t Row>>,
    times: &mut HashMap<(&'t str, &'static str), u64>,
) {
    let mut own = 0;
    let mut now = high;
    let mut inside: Vec<(u64, u64, &Row)> = children
        .get(&span.span_id)
        .into_iter()
        .flatten()
        .filter(|child| !(span.kind == Kind::Producer && child.kind == Kind::Consumer))
        .map(|child| (child.end_ns.min(high), child.start_ns.max(low), *child))
        .filter(|(end, start, _)| end > start)
        .collect();
    inside.sort_by_key(|(end, start, child)| (std::cmp::Reverse(*end), *start, child.span_id));
    for (end, start, child) in inside {
        if end <= now {
            own += now - end;
            attribute(child, start, end, children, times);
            now = start;
        }
    }
    own += now - low;
    *times.entry(span.operation()).or_default() += own;
}

#[test]
fn sections_partition_the_root() {
    for trace in crate::week::week().traces.iter().step_by(97) {
        let sum: u64 = by_operation(trace).values().sum();
        assert_eq!(sum, trace.root().duration_ns());
    }
}
