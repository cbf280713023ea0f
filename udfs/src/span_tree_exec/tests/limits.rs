//! Memory, files and turns: what the operator may take, and what it gives back.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};

use super::fixture::{Setup, Span, lines, table, tree_by};
use crate::SpanTreeExec;

const MIB: usize = 1 << 20;

/// Traces of ten spans, the rows of all in turn.
fn many(traces: u64) -> Vec<Span> {
    let span = |at: u64| {
        let (trace, id) = (at % traces, at / traces + 1);
        let parent = (id > 1).then_some(id / 2);
        let mut span = Span::new(0, id, parent, 10 * id as i64, 200 - 7 * id as i64);
        // There are more traces than a byte has numbers: `id` makes ids of the rest.
        span.trace = Some((trace % 256) as u8);
        span.id = Some(format!("{:08x}{id:08x}", trace / 256 + 1));
        span.parent = parent.map(|parent| format!("{:08x}{parent:08x}", trace / 256 + 1));
        span
    };
    (0..10 * traces).map(span).collect()
}

/// The plan of the trees of all spans, without a sort.
async fn trees(session: &SessionContext) -> Arc<dyn ExecutionPlan> {
    let sql = format!("SELECT *, {} AS t FROM spans", tree_by("trace"));
    let frame = session.sql(&sql).await.expect("the statement is right");
    frame.create_physical_plan().await.expect("the statement has a plan")
}

async fn rows(
    plan: &Arc<dyn ExecutionPlan>,
    session: &SessionContext,
) -> Result<Vec<RecordBatch>, DataFusionError> {
    execute_stream(Arc::clone(plan), session.task_ctx())?.try_collect().await
}

fn spilled_rows(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = match plan.downcast_ref::<SpanTreeExec>() {
        Some(operator) => operator.metrics().and_then(|all| all.spilled_rows()).unwrap_or(0),
        None => 0,
    };
    own + plan.children().into_iter().map(spilled_rows).sum::<usize>()
}

/// Scenario: the spans take more memory than the query may use.
/// Guarantees: the same answer by way of files, and everything is given back.
#[tokio::test]
async fn more_rows_than_memory() {
    let spans = many(4000);
    let in_batches = || table(&spans, &[vec![1000; 20], vec![1000; 19]]);
    let plenty = Setup::new(true);
    let session = plenty.session(in_batches());
    let plan = trees(&session).await;
    let expected = rows(&plan, &session).await.expect("there is memory");
    assert_eq!(spilled_rows(&plan), 0);
    let scarce = Setup::new(true).memory(4 * MIB);
    let session = scarce.session(in_batches());
    let plan = trees(&session).await;
    let actual = rows(&plan, &session).await.expect("there is disk");
    assert!(spilled_rows(&plan) >= spans.len(), "{} rows", spilled_rows(&plan));
    assert!(lines(&actual) == lines(&expected));
    drop(plan);
    assert_eq!(scarce.runtime.memory_pool.reserved(), 0);
    assert_eq!(scarce.runtime.disk_manager.used_disk_space(), 0);
}

#[tokio::test]
async fn a_trace_larger_than_memory_is_named() {
    let mut spans = many(2000);
    spans.iter_mut().for_each(|span| span.trace = Some(7));
    let scarce = Setup::new(true).memory(2 * MIB);
    let session = scarce.session(table(&spans, &[vec![1000; 20]]));
    let error = rows(&trees(&session).await, &session).await.expect_err("it does not fit");
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
    assert!(error.to_string().contains("a trace does not fit"), "{error}");
    assert_eq!(scarce.runtime.disk_manager.used_disk_space(), 0);
}

/// Scenario: a client goes away while rows come in, while trees are computed, and while they go out.
/// Guarantees: memory and files are free again.
#[tokio::test]
async fn cancelled_at_any_time() {
    let spans = many(3000);
    for memory in [100 * MIB, 3 * MIB] {
        for polls in [1, 2, 5, 20, 60, 200] {
            let setup = Setup::new(true).memory(memory);
            let session = setup.session(table(&spans, &[vec![1000; 20]]));
            let plan = trees(&session).await;
            let mut stream = execute_stream(plan, session.task_ctx()).expect("it starts");
            for _ in 0..polls {
                let _ = futures::poll!(stream.next());
                tokio::task::yield_now().await;
            }
            drop(stream);
            // Tasks that fed the stream end at their next turns.
            let taken = || {
                let bytes = setup.runtime.disk_manager.used_disk_space() as usize;
                bytes + setup.runtime.memory_pool.reserved()
            };
            for _ in 0..10_000 {
                if taken() > 0 {
                    tokio::task::yield_now().await;
                }
            }
            assert_eq!(taken(), 0);
        }
    }
}

/// Scenario: a partition that is in memory already, so that nothing has to be waited for.
/// Guarantees: others have their turn while trees are computed.
#[tokio::test]
async fn gives_way() {
    let setup = Setup { threads: 1, ..Setup::new(true) };
    let session = setup.session(table(&many(4000), &[]));
    let mut stream = execute_stream(trees(&session).await, session.task_ctx()).expect("it starts");
    let mut turns = 0;
    while futures::poll!(stream.next()).is_pending() {
        turns += 1;
        tokio::task::yield_now().await;
    }
    assert!(turns >= 5, "{turns} turns");
}
