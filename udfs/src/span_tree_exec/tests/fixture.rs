//! Tables of spans, and sessions with and without the rule.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::{register_all, with_span_tree_rule};

/// One span as text and numbers; its place in the table is its `row`.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace: Option<u8>,
    pub(super) id: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) start: Option<i64>,
    pub(super) duration: i64,
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) service: Option<&'static str>,
    pub(super) name: Option<&'static str>,
}

impl Span {
    /// A server span of service `web`.
    pub(super) fn new(trace: u8, id: u64, parent: Option<u64>, start: i64, duration: i64) -> Self {
        Self {
            trace: Some(trace),
            id: Some(hex(id)),
            parent: parent.map(hex),
            start: Some(start),
            duration,
            kind: "server",
            status: "ok",
            service: Some("web"),
            name: Some("GET"),
        }
    }
}

/// A span id as text.
pub(super) fn hex(id: u64) -> String {
    format!("{id:016x}")
}

/// A trace id as text of 16 bytes. Ids differ in one half only: in the first one, or in the second.
fn trace_id(trace: u8) -> String {
    let (first, second) = if trace.is_multiple_of(2) { (trace, 0) } else { (0, trace) };
    format!("{first:08}{second:08}")
}

/// The spans from `first_row` on as a batch.
pub(super) fn batch(spans: &[Span], first_row: usize) -> RecordBatch {
    fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }
    fn numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
        Arc::new(values.collect::<Int64Array>())
    }
    let columns: [(&str, ArrayRef); 10] = [
        ("row", numbers((first_row..first_row + spans.len()).map(|row| Some(row as i64)))),
        ("trace", texts(spans.iter().map(|span| span.trace.map(trace_id)))),
        ("id", texts(spans.iter().map(|span| span.id.as_deref()))),
        ("parent", texts(spans.iter().map(|span| span.parent.as_deref()))),
        ("start", numbers(spans.iter().map(|span| span.start))),
        ("duration", numbers(spans.iter().map(|span| Some(span.duration)))),
        ("kind", texts(spans.iter().map(|span| Some(span.kind)))),
        ("status", texts(spans.iter().map(|span| Some(span.status)))),
        ("service", texts(spans.iter().map(|span| span.service))),
        ("name", texts(spans.iter().map(|span| span.name))),
    ];
    let nullable = columns.map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable).expect("columns of one length")
}

/// Spans as a table: partitions of batches of the given numbers of rows, and one for what is left.
pub(super) fn table(spans: &[Span], partitions: &[Vec<usize>]) -> MemTable {
    let mut first = 0;
    let mut take = |rows: &usize| {
        let last = (first + rows).min(spans.len());
        let taken = batch(&spans[first..last], first);
        first = last;
        taken
    };
    let mut batches: Vec<Vec<RecordBatch>> =
        partitions.iter().map(|sizes| sizes.iter().map(&mut take).collect()).collect();
    let rest = take(&spans.len());
    if rest.num_rows() > 0 || batches.is_empty() {
        batches.push(vec![rest]);
    }
    MemTable::try_new(batch(&[], 0).schema(), batches).expect("batches of one schema")
}

/// How a session plans and what it may use.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) rule: bool,
    pub(super) threads: usize,
    pub(super) runtime: Arc<RuntimeEnv>,
}

impl Setup {
    pub(super) fn new(rule: bool) -> Self {
        Self { rule, threads: 2, runtime: Arc::default() }
    }

    pub(super) fn memory(self, bytes: usize) -> Self {
        let pool = Arc::new(FairSpillPool::new(bytes));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
        Self { runtime: runtime.expect("a runtime"), ..self }
    }

    /// A session over the table `spans`.
    pub(super) fn session(&self, spans: MemTable) -> SessionContext {
        let mut rules = PhysicalOptimizer::new().rules;
        if self.rule {
            rules = with_span_tree_rule(rules);
        }
        let config = SessionConfig::new().with_target_partitions(self.threads).with_batch_size(64);
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_default_features()
            .with_physical_optimizer_rules(rules)
            .build();
        register_all(&mut state).expect("functions register");
        let session = SessionContext::new_with_state(state);
        session.register_table("spans", Arc::new(spans)).expect("a new name");
        session
    }
}

/// The tree of a span, partitioned by `trace_id`.
pub(super) fn tree_by(trace_id: &str) -> String {
    format!(
        "span_tree(id, parent, start, duration, kind, status, service, name) \
         OVER (PARTITION BY {trace_id})"
    )
}

/// The rows of an answer as sorted lines, or the error.
pub(super) async fn answer(session: &SessionContext, sql: &str) -> Result<Vec<String>, String> {
    let batches = async { session.sql(sql).await?.collect().await }.await;
    batches.map(|batches| lines(&batches)).map_err(|error| error.strip_backtrace())
}

pub(super) fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let line = |batch: &RecordBatch, row| {
        let cell = |column: &ArrayRef| array_value_to_string(column, row).expect("displayable");
        batch.columns().iter().map(cell).collect::<Vec<_>>().join(" | ")
    };
    let mut lines: Vec<String> = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| line(batch, row)))
        .collect();
    lines.sort();
    lines
}

/// The physical plan of a statement.
pub(super) async fn plan(session: &SessionContext, sql: &str) -> String {
    let frame = session.sql(sql).await.expect("the statement is right");
    let plan = frame.create_physical_plan().await.expect("the statement has a plan");
    displayable(plan.as_ref()).indent(false).to_string()
}
