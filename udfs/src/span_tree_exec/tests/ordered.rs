//! Input that says that it is ordered by trace: it is computed while it comes.

use datafusion::prelude::{SessionContext, col};

use super::fixture::{Setup, Span, answer, plan, table, tree_by};

/// Traces of some spans each, one after the other; the last has no id.
fn sorted(traces: u8, spans_of_each: u64) -> Vec<Span> {
    let span = |trace: u8, id: u64| {
        let parent = (id > 1).then_some(id / 2);
        let span = Span::new(trace, id, parent, 10 * id as i64, 5000 - 7 * id as i64);
        // Odd traces come behind even ones: see the text of the ids.
        Span { trace: (trace + 1 < traces).then_some(trace), ..span }
    };
    let of = |trace| (1..=spans_of_each).map(move |id| span(trace, id));
    let (odd, even): (Vec<u8>, Vec<u8>) = (0..traces - 1).partition(|trace| trace % 2 == 1);
    let first = even.iter().filter(|trace| **trace == 0);
    let rest = even.iter().filter(|trace| **trace != 0);
    first.chain(&odd).chain(rest).chain(&[traces - 1]).flat_map(|trace| of(*trace)).collect()
}

fn session(setup: &Setup, spans: &[Span], sizes: &[usize]) -> SessionContext {
    let order = vec![vec![col("trace").sort(true, false)]];
    let batches = table(spans, &[sizes.to_vec()]).with_sort_order(order);
    Setup { threads: 1, ..setup.clone() }.session(batches)
}

#[tokio::test]
async fn order_is_used_and_kept() {
    let spans = sorted(7, 10);
    let sql = format!("SELECT row, trace, {} AS t FROM spans ORDER BY trace", tree_by("trace"));
    let with = session(&Setup::new(true), &spans, &[33, 37]);
    let without = session(&Setup::new(false), &spans, &[33, 37]);
    let shown = plan(&with, &sql).await;
    assert!(shown.contains("ordered") && !shown.contains("SortExec"), "{shown}");
    assert_eq!(answer(&with, &sql).await, answer(&without, &sql).await);
}

/// Scenario: more rows than are computed at once, in batches that end within traces; then little memory, so
/// that there is hardly a batch at a time.
/// Guarantees: every trace is whole, and nothing goes to files.
#[tokio::test]
async fn traces_that_have_ended_are_computed() {
    let spans = sorted(200, 400);
    let sizes = [70_001, 9_999];
    let sql = format!("SELECT row, {} AS t FROM spans", tree_by("trace"));
    let expected = answer(&session(&Setup::new(false), &spans, &sizes), &sql).await;
    let plenty = session(&Setup::new(true), &spans, &sizes);
    assert!(plan(&plenty, &sql).await.contains("ordered"));
    assert!(answer(&plenty, &sql).await == expected);
    let small: Vec<usize> = vec![777; 103];
    let scarce = Setup::new(true).memory(3 << 20);
    assert!(answer(&session(&scarce, &spans, &small), &sql).await == expected);
}

#[tokio::test]
async fn a_trace_larger_than_memory_is_named() {
    let scarce = Setup::new(true).memory(1 << 20);
    let sql = format!("SELECT row, {} AS t FROM spans", tree_by("trace"));
    let session = session(&scarce, &sorted(2, 20_000), &[1000; 40]);
    let error = answer(&session, &sql).await.expect_err("it does not fit");
    assert!(error.contains("a trace does not fit"), "{error}");
}
