//! Traces whose critical paths are known by construction, and lakes that hold them.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Float64Array, Int64Array, RecordBatch, StringArray,
    new_null_array,
};
use engine::{Engine, Session, Settings, SystemClock};
use object_store::memory::InMemory;
use schema::SpanBatch;
use schema::spans::{self, stored_schema};

pub(crate) const MS: i64 = 1_000_000;
pub(crate) const SECOND: i64 = 1_000 * MS;

/// Monday of 2026-W46, 00:00 UTC.
pub(crate) const MONDAY_NS: i64 = 1_794_182_400 * SECOND;

/// How long a request and its answer are under way together.
pub(crate) const LATENCY_NS: i64 = 4 * MS;
/// By how much a clock may be ahead.
pub(crate) const SKEW_NS: i64 = 3 * SECOND;

/// Calls that follow each other below the root.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) service: &'static str,
    pub(crate) name: &'static str,
    pub(crate) calls: u64,
    pub(crate) each_ns: i64,
    pub(crate) failed_calls: u64,
}

/// A trace: the root's own time, then one step after the other, then the rest of the own time.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub(crate) id: u128,
    pub(crate) service: &'static str,
    pub(crate) name: &'static str,
    pub(crate) start_ns: i64,
    pub(crate) own_ns: i64,
    pub(crate) root_failed: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) flaw: Flaw,
    /// `service.version` of all spans.
    pub(crate) version: &'static str,
    /// How many traces it stands for.
    pub(crate) weight: u64,
}

/// What is unusual about a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// One more span, whose parent is not there.
    MissingParent,
    /// The first span below the root came twice.
    Duplicate,
    /// A second, later root with a critical path of its own.
    SecondRoot,
    /// The child that is off the path starts before its parent.
    EarlyChild,
    /// The child that is off the path ends before it starts.
    NegativeDuration,
    /// The first call of the first step is a client; the server below it worked all but
    /// [`LATENCY_NS`] of that time, on a clock that is [`SKEW_NS`] ahead.
    SkewedServer,
}

impl Trace {
    pub(crate) fn duration_ns(&self) -> i64 {
        self.own_ns + self.steps.iter().map(|s| s.calls as i64 * s.each_ns).sum::<i64>()
    }

    pub(crate) fn hex_id(&self) -> String {
        format!("{:032x}", self.id)
    }
}

/// One row of the stored table.
#[derive(Debug, Clone)]
struct Span {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    kind: &'static str,
    service: &'static str,
    name: &'static str,
    start_ns: i64,
    duration_ns: i64,
    negative_ns: Option<i64>,
    failed: bool,
    version: &'static str,
    weight: u64,
}

fn spans_of(trace: &Trace) -> Vec<Span> {
    let span = |id, parent, service, name, start_ns, duration_ns, failed| Span {
        trace: trace.id,
        id,
        parent,
        kind: if parent.is_none() { "server" } else { "internal" },
        service,
        name,
        start_ns,
        duration_ns,
        negative_ns: None,
        failed,
        version: trace.version,
        weight: trace.weight,
    };
    let (start, length) = (trace.start_ns, trace.duration_ns());
    let mut spans =
        vec![span(1, None, trace.service, trace.name, start, length, trace.root_failed)];
    let mut at = start + trace.own_ns / 2;
    let mut last_step = at;
    for step in &trace.steps {
        for call in 0..step.calls {
            let id = spans.len() as u64 + 1;
            let failed = call < step.failed_calls;
            spans.push(span(id, Some(1), step.service, step.name, at, step.each_ns, failed));
            last_step = at;
            at += step.each_ns;
        }
    }
    // Runs beside the last step and ends no later, so the path does not go through it.
    let mut beside = span(900, Some(1), "cache", "get", last_step, MS / 10, false);
    match trace.flaw {
        Flaw::None => {}
        Flaw::MissingParent => {
            spans.push(span(901, Some(902), "lost", "child", at, MS, false));
        }
        Flaw::Duplicate => spans.push(spans[1].clone()),
        Flaw::SecondRoot => {
            spans.push(span(903, None, "queue", "consume", at, 500 * MS, false));
            spans.push(span(904, Some(903), "queue", "handle", at, 400 * MS, false));
        }
        Flaw::SkewedServer => {
            let client = &mut spans[1];
            client.kind = "client";
            let (start, length) = (client.start_ns + LATENCY_NS / 2, client.duration_ns);
            let worked = length - LATENCY_NS;
            let mut server = span(905, Some(2), "remote", "answer", start + SKEW_NS, worked, false);
            server.kind = "server";
            spans.push(server);
        }
        Flaw::EarlyChild => beside.start_ns = start - 10,
        Flaw::NegativeDuration => (beside.duration_ns, beside.negative_ns) = (0, Some(7)),
    }
    if trace.flaw == Flaw::EarlyChild {
        beside.duration_ns = 10;
    }
    spans.push(beside);
    spans
}

fn batch(spans: &[Span]) -> SpanBatch {
    let fixed = |bytes: i32, values: Vec<Option<Vec<u8>>>| -> ArrayRef {
        let mut builder = FixedSizeBinaryBuilder::with_capacity(values.len(), bytes);
        for value in values {
            match value {
                Some(value) => builder.append_value(value).unwrap(),
                None => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    };
    let text = |of: &dyn Fn(&Span) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(spans.iter().map(of)))
    };
    let id = |id: u64| Some(id.to_be_bytes().to_vec());
    let schema = stored_schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        spans::TRACE_ID => {
            fixed(16, spans.iter().map(|s| Some(s.trace.to_be_bytes().to_vec())).collect())
        }
        spans::SPAN_ID => fixed(8, spans.iter().map(|s| id(s.id)).collect()),
        spans::PARENT_SPAN_ID => fixed(8, spans.iter().map(|s| s.parent.and_then(id)).collect()),
        spans::SERVICE_NAME => text(&|s| s.service),
        spans::SPAN_NAME => text(&|s| s.name),
        spans::SPAN_KIND => text(&|s| s.kind),
        spans::STATUS_CODE => text(&|s| if s.failed { "error" } else { "unset" }),
        "service_version" => text(&|s| s.version),
        spans::START_TIME_UNIX_NANO => {
            Arc::new(Int64Array::from_iter_values(spans.iter().map(|s| s.start_ns)))
        }
        spans::DURATION_NS => {
            Arc::new(Int64Array::from_iter_values(spans.iter().map(|s| s.duration_ns)))
        }
        spans::NEGATIVE_DURATION_NS => {
            Arc::new(spans.iter().map(|s| s.negative_ns).collect::<Int64Array>())
        }
        spans::SAMPLE_WEIGHT => {
            let weight = |span: &Span| (span.weight > 1).then_some(span.weight as f64);
            Arc::new(spans.iter().map(weight).collect::<Float64Array>())
        }
        _ => new_null_array(field.data_type(), spans.len()),
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    SpanBatch::try_new(batch).unwrap()
}

/// A lake in memory that holds these traces, in two commits with interleaved spans.
pub(crate) async fn lake(traces: &[Trace]) -> Engine {
    let store = Arc::new(InMemory::new());
    let settings = Settings { query_threads: 2, ..Settings::default() };
    let engine = Engine::with_components(store, settings, Arc::new(SystemClock)).await.unwrap();
    let all: Vec<Span> = traces.iter().flat_map(spans_of).collect();
    for part in 0..2 {
        let spans: Vec<Span> = all.iter().skip(part).step_by(2).cloned().collect();
        let mut writer = engine.writer();
        if !spans.is_empty() {
            writer.append(batch(&spans)).await.unwrap();
        }
        writer.accept();
        writer.commit().await.unwrap();
    }
    engine
}

/// A session on such a lake.
pub(crate) async fn session(traces: &[Trace]) -> Session {
    lake(traces).await.session().await.unwrap()
}
