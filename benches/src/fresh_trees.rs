//! Tree columns of fresh spans: by the operator, and by the window that it replaces.

use std::hint::black_box;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringViewArray,
};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use tokio::runtime::Builder;

use crate::requests::Random;

/// Traces of one call.
pub(crate) const TRACES: usize = 2000;
/// Spans of each trace.
pub(crate) const TRACE_SPANS: usize = 20;

const BATCH_ROWS: usize = 8 << 10;
/// Traces that are open at the same time: their rows come in turn.
const OPEN: usize = 50;

/// Which tree columns a question reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Columns {
    /// The struct as a whole.
    All,
    /// `depth` and `self_time_ns`.
    Two,
}

/// Asks for tree columns of all spans again and again, on one thread. Planned once: neither plan keeps anything.
pub(crate) fn work(rule: bool, columns: Columns) -> impl FnMut() {
    let runtime = Builder::new_current_thread().build().expect("a runtime starts");
    let context = session(rule);
    let tree = "span_tree(span_id, parent_span_id, start_time_unix_nano, duration_ns, span_kind, \
                status_code, service_name, span_name, flags, service_instance_id) \
                OVER (PARTITION BY trace_id)";
    let sql = match columns {
        Columns::All => format!("SELECT trace_id, span_name, {tree} FROM spans"),
        Columns::Two => format!(
            "SELECT trace_id, tree['depth'], tree['self_time_ns'] FROM (SELECT *, {tree} AS tree FROM spans)"
        ),
    };
    let plan = runtime.block_on(async {
        let frame = context.sql(&sql).await.expect("the question is right");
        frame.create_physical_plan().await.expect("it has a plan")
    });
    move || {
        runtime.block_on(async {
            let plan = Arc::clone(&plan);
            let mut rows = execute_stream(plan, context.task_ctx()).expect("it starts");
            while let Some(batch) = rows.next().await {
                black_box(batch.expect("it runs"));
            }
        });
    }
}

fn session(rule: bool) -> SessionContext {
    let mut rules = PhysicalOptimizer::new().rules;
    if rule {
        rules = udfs::with_span_tree_rule(rules);
    }
    let mut state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_target_partitions(1))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    udfs::register_all(&mut state).expect("functions register");
    let context = SessionContext::new_with_state(state);
    let batches = batches();
    let table = MemTable::try_new(batches[0].schema(), vec![batches]).expect("one schema");
    context.register_table("spans", Arc::new(table)).expect("a new name");
    context
}

/// One span, in the types of the stored table.
struct Span {
    trace: [u8; 16],
    id: u64,
    parent: Option<u64>,
    start: i64,
    end: i64,
    kind: &'static str,
    status: &'static str,
    service: String,
    name: String,
}

/// Batches of a lake that receives: spans come when they end, those of traces that are open in turn.
fn batches() -> Vec<RecordBatch> {
    let mut random = Random::new(1);
    let mut spans: Vec<Span> = Vec::new();
    for _ in 0..TRACES / OPEN {
        let first = spans.len();
        for _ in 0..OPEN {
            trace(&mut random, &mut spans);
        }
        spans[first..].sort_by_key(|span| (span.end, span.id));
    }
    spans.chunks(BATCH_ROWS).map(batch).collect()
}

fn trace(random: &mut Random, spans: &mut Vec<Span>) {
    let mut trace = [0; 16];
    trace[..8].copy_from_slice(&random.next().to_le_bytes());
    trace[8..].copy_from_slice(&random.next().to_le_bytes());
    let root = spans.len();
    for at in 0..TRACE_SPANS {
        let (parent, start, end) = if at == 0 {
            let start = random.below(1_000_000) as i64;
            (None, start, start + 50_000_000)
        } else {
            let parent = &spans[root + random.below(at as u64) as usize];
            let duration = (parent.end - parent.start) as u64;
            let start = parent.start + random.below(duration / 2 + 1) as i64;
            let end = start + random.below((parent.end - start) as u64 + 1) as i64;
            (Some(parent.id), start, end)
        };
        spans.push(Span {
            trace,
            id: random.next() | 1,
            parent,
            start,
            end,
            kind: ["server", "client", "internal"][at % 3],
            status: if random.below(20) == 0 { "error" } else { "unset" },
            service: format!("service-{}", random.below(8)),
            name: format!("GET /api/v1/operation/{}", random.below(60)),
        });
    }
}

fn batch(spans: &[Span]) -> RecordBatch {
    fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        Arc::new(values.collect::<StringViewArray>())
    }
    fn numbers(values: impl Iterator<Item = i64>) -> ArrayRef {
        Arc::new(values.collect::<Int64Array>())
    }
    fn ids<const N: usize>(values: impl Iterator<Item = Option<[u8; N]>>) -> ArrayRef {
        let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, N as i32);
        Arc::new(ids.expect("ids of one length"))
    }
    let columns: [(&str, ArrayRef); 11] = [
        ("trace_id", ids(spans.iter().map(|span| Some(span.trace)))),
        ("span_id", ids(spans.iter().map(|span| Some(span.id.to_be_bytes())))),
        ("parent_span_id", ids(spans.iter().map(|span| span.parent.map(u64::to_be_bytes)))),
        ("flags", numbers(spans.iter().map(|_| 0x101))),
        ("service_name", texts(spans.iter().map(|span| Some(&*span.service)))),
        ("span_name", texts(spans.iter().map(|span| Some(&*span.name)))),
        ("span_kind", texts(spans.iter().map(|span| Some(span.kind)))),
        ("start_time_unix_nano", numbers(spans.iter().map(|span| span.start))),
        ("duration_ns", numbers(spans.iter().map(|span| span.end - span.start))),
        ("status_code", texts(spans.iter().map(|span| Some(span.status)))),
        ("service_instance_id", texts(spans.iter().map(|span| Some(&*span.service)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .expect("columns of one length")
}
