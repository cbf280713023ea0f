//! The hot kernels, each as work that can be done again and again.
//!
//! `benches/kernels.rs` times them with criterion, and the program `instructions`
//! counts what they execute.

use std::hint::black_box;
use std::sync::Arc;

use engine::{CompactSettings, Engine, Location, Settings};
use ingest::SpanBatchBuilder;
use prost::Message;
use schema::SpanBatch;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use udfs::sketch::Sketch;
use udfs::tree::{Kind, Trace, Tree, TreeBuilder};

use crate::fresh_trees::{self, Columns as TreeColumns};
use crate::requests::{Random, Shape, request};

/// Work that is done with each call.
pub type Work = Box<dyn FnMut()>;

/// One kernel.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// How it is called in tables and on the command line.
    pub name: &'static str,
    /// What one item of it is.
    pub item: &'static str,
    /// Items of one call.
    pub items: u64,
    /// Prepares the work.
    pub prepare: fn() -> Work,
}

/// All kernels.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "decode_protobuf", item: "span", items: SPANS as u64, prepare: decode_protobuf },
    Kernel { name: "decode_json", item: "span", items: SPANS as u64, prepare: decode_json },
    Kernel {
        name: "span_trees",
        item: "span",
        items: (TRACES * TRACE_SPANS) as u64,
        prepare: span_trees,
    },
    Kernel { name: "trees_operator", item: "span", items: FRESH_SPANS, prepare: trees_operator },
    Kernel {
        name: "trees_two_columns",
        item: "span",
        items: FRESH_SPANS,
        prepare: trees_two_columns,
    },
    Kernel { name: "trees_window", item: "span", items: FRESH_SPANS, prepare: trees_window },
    Kernel { name: "sketch_add", item: "value", items: VALUES as u64, prepare: sketch_add },
    Kernel { name: "sketch_merge", item: "sketch", items: SKETCHES as u64, prepare: sketch_merge },
    Kernel { name: "sketch_quantile", item: "quantile", items: 1000, prepare: sketch_quantile },
    Kernel { name: "store", item: "span", items: SPANS as u64, prepare: store },
    Kernel { name: "assemble", item: "span", items: SPANS as u64, prepare: assemble },
    Kernel { name: "plan", item: "statement", items: 1, prepare: plan },
];

const SPANS: usize = 2048;
const TRACES: usize = 100;
const TRACE_SPANS: usize = 50;
const FRESH_SPANS: u64 = (fresh_trees::TRACES * fresh_trees::TRACE_SPANS) as u64;
const VALUES: usize = 10_000;
const SKETCHES: usize = 100;

/// A kernel by its name.
pub fn kernel(name: &str) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| kernel.name == name)
}

fn spans() -> Shape {
    Shape { spans: SPANS, resources: 2, failed_every: 20 }
}

fn decode_protobuf() -> Work {
    let bytes = request(spans(), 1).encode_to_vec();
    let mut builder = SpanBatchBuilder::default();
    Box::new(move || {
        ingest::otlp::protobuf::decode(black_box(&bytes), &mut builder).expect("a valid request");
        black_box(builder.finish());
    })
}

fn decode_json() -> Work {
    let bytes = serde_json::to_vec(&request(spans(), 1)).expect("requests have a JSON form");
    let mut builder = SpanBatchBuilder::default();
    Box::new(move || {
        ingest::otlp::json::decode(black_box(&bytes), &mut builder).expect("a valid request");
        black_box(builder.finish());
    })
}

/// Traces in which every span has an earlier one for parent, in the order of the wire.
fn span_trees() -> Work {
    let mut random = Random::new(1);
    let traces: Vec<Columns> = (0..TRACES).map(|_| Columns::new(&mut random)).collect();
    let (mut builder, mut tree) = (TreeBuilder::default(), Tree::default());
    Box::new(move || {
        tree.clear();
        for trace in &traces {
            black_box(builder.append(&trace.trace(), &mut tree));
        }
        black_box(&tree);
    })
}

fn trees_operator() -> Work {
    Box::new(fresh_trees::work(true, TreeColumns::All))
}

fn trees_two_columns() -> Work {
    Box::new(fresh_trees::work(true, TreeColumns::Two))
}

fn trees_window() -> Work {
    Box::new(fresh_trees::work(false, TreeColumns::All))
}

/// The columns of one trace.
struct Columns {
    ids: Vec<u64>,
    parents: Vec<u64>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    kinds: Vec<Kind>,
    errors: Vec<bool>,
    services: Vec<u64>,
    names: Vec<u64>,
}

impl Columns {
    fn new(random: &mut Random) -> Self {
        let ids: Vec<u64> = (0..TRACE_SPANS).map(|_| random.next() | 1).collect();
        let parent = |at: usize| match at {
            0 => 0,
            _ => ids[random.below(at as u64) as usize],
        };
        let parents = (0..TRACE_SPANS).map(parent).collect();
        let starts: Vec<i64> = (0..TRACE_SPANS as i64).map(|at| at * 1000).collect();
        Self {
            ends: starts.iter().map(|start| start + random.below(50_000) as i64).collect(),
            kinds: (0..TRACE_SPANS).map(|at| Kind::from_otlp(1 + at as i64 % 5)).collect(),
            errors: (0..TRACE_SPANS).map(|at| at % 20 == 19).collect(),
            services: (0..TRACE_SPANS).map(|_| random.below(8)).collect(),
            names: (0..TRACE_SPANS).map(|_| random.below(30)).collect(),
            ids,
            parents,
            starts,
        }
    }

    fn trace(&self) -> Trace<'_> {
        Trace {
            span_id: &self.ids,
            parent_id: &self.parents,
            start_ns: &self.starts,
            end_ns: &self.ends,
            kind: &self.kinds,
            is_error: &self.errors,
            service: &self.services,
            name: &self.names,
            flags: None,
            instance: None,
        }
    }
}

/// Durations over five orders of magnitude.
fn durations(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::new(seed);
    let duration = |_| 10_f64.powf(3.0 + random.below(5000) as f64 / 1000.0);
    (0..count).map(duration).collect()
}

fn sketch_of(values: &[f64]) -> Sketch {
    let mut sketch = Sketch::default();
    values.iter().for_each(|value| sketch.add(*value));
    sketch
}

fn sketch_add() -> Work {
    let values = durations(1, VALUES);
    Box::new(move || drop(black_box(sketch_of(black_box(&values)))))
}

fn sketch_merge() -> Work {
    let sketches: Vec<_> =
        (0..SKETCHES).map(|seed| sketch_of(&durations(seed as u64, 1000))).collect();
    Box::new(move || {
        let mut all = Sketch::default();
        sketches.iter().for_each(|sketch| all.merge(black_box(sketch)));
        black_box(all);
    })
}

fn sketch_quantile() -> Work {
    let sketch = sketch_of(&durations(1, VALUES));
    Box::new(move || {
        for step in 0..1000 {
            black_box(sketch.quantile(f64::from(step) / 1000.0));
        }
    })
}

/// A lake in a folder that ends with it.
struct Lake {
    runtime: Runtime,
    engine: Engine,
    _folder: TempDir,
}

impl Lake {
    fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().to_str().expect("a path in UTF-8");
        let location = Location::parse(path).expect("a folder is a location");
        // One thread: what runs at the same time could not be counted twice alike.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        let settings = Settings { query_threads: 1, ..Settings::default() };
        let engine =
            runtime.block_on(Engine::open_or_create(&location, settings)).expect("a new lake");
        Arc::new(Self { runtime, engine, _folder: folder })
    }

    fn store(&self, batches: &[SpanBatch]) {
        self.runtime.block_on(async {
            let mut writer = self.engine.writer();
            for batch in batches {
                writer.append(batch.clone()).await.expect("a batch is stored");
            }
            writer.accept();
            writer.commit().await.expect("a commit succeeds");
        });
    }

    fn assemble(&self) {
        let settings = CompactSettings::default().at_once();
        self.runtime.block_on(self.engine.assemble(&settings)).expect("assembly succeeds");
    }
}

fn batches() -> Vec<SpanBatch> {
    let mut builder = SpanBatchBuilder::default();
    let bytes = request(spans(), 1).encode_to_vec();
    ingest::otlp::protobuf::decode(&bytes, &mut builder).expect("a valid request");
    builder.finish()
}

fn store() -> Work {
    let batches = batches();
    Box::new(move || Lake::new().store(&batches))
}

fn assemble() -> Work {
    let batches = batches();
    Box::new(move || {
        let lake = Lake::new();
        lake.store(&batches);
        lake.assemble();
    })
}

/// Checks and plans a question on a lake that did not change, up to the point where rows are read. It is a new
/// one each time: a session keeps what it has planned.
fn plan() -> Work {
    let lake = Lake::new();
    lake.store(&batches());
    lake.assemble();
    let question = "SELECT service_name, span_name, date_trunc('minute', start_time) AS minute, \
                    count(*) AS calls, count(*) FILTER (WHERE status_code = 'error') AS errors, \
                    p95(duration_ns) AS p95 FROM spans WHERE start_time >= \
                    TIMESTAMP '2026-09-21 00:00:00' AND span_kind IN ('server', 'consumer') \
                    GROUP BY 1, 2, 3";
    let mut asked = 0;
    Box::new(move || {
        let lake = Arc::clone(&lake);
        asked += 1;
        let question = format!("{question} -- {asked:09}");
        lake.runtime.block_on(async {
            let session = lake.engine.session().await.expect("a session");
            let statement = session.prepare(&question).await.expect("the question is right");
            black_box(statement.execute().await.expect("the question runs"));
        });
    })
}
