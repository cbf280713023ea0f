//! Every call to the object store fails once, in every way: imports, assembly and vacuum lose nothing.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{filter_record_batch, not};
use datafusion::arrow::datatypes::Int64Type;
use engine::{Clock, CompactSettings, Engine, Settings};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use schema::{SpanBatch, TraceId};

use crate::it::assembly::sample;
use crate::it::fixtures::{Answers, answers, assert_same, rows};

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It fails, and has done nothing.
    Error,
    /// It is done, and the caller is told that it failed.
    LostAnswer,
    /// It is done or not, as the number of the call is odd or even, and nothing works any more.
    Crash,
    /// An object is created, and the caller is told that somebody else did it: the client of the store
    /// has tried again below us.
    Taken,
    /// An object is not created, and the caller is told that somebody else did it: S3 answers 409 when
    /// two try at once, and may refuse both.
    Refused,
}

impl Fault {
    /// Whether it can only happen where an object is created.
    fn is_of_creation(self) -> bool {
        matches!(self, Self::Taken | Self::Refused)
    }
}

/// A store in memory with one fault.
#[derive(Debug)]
struct FaultyStore {
    objects: Arc<InMemory>,
    calls: AtomicU64,
    at: u64,
    fault: Fault,
    is_down: AtomicBool,
}

/// What to do with a call.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Do,
    DoAndFail,
    Fail,
}

impl FaultyStore {
    fn new(objects: &Arc<InMemory>, at: u64, fault: Fault) -> Arc<Self> {
        let (calls, is_down) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { objects: Arc::clone(objects), calls, at, fault, is_down })
    }

    fn verdict(&self) -> Verdict {
        if self.fault.is_of_creation() { Verdict::Do } else { self.next_verdict() }
    }

    fn next_verdict(&self) -> Verdict {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Verdict::Fail;
        }
        if call != self.at {
            return Verdict::Do;
        }
        self.is_down.store(self.fault == Fault::Crash, Ordering::SeqCst);
        match self.fault {
            Fault::Error | Fault::Refused => Verdict::Fail,
            Fault::LostAnswer | Fault::Taken => Verdict::DoAndFail,
            Fault::Crash if call % 2 == 1 => Verdict::DoAndFail,
            Fault::Crash => Verdict::Fail,
        }
    }

    fn is_down(&self) -> bool {
        self.is_down.load(Ordering::SeqCst)
    }
}

fn broken() -> Error {
    Error::Generic { store: "faulty", source: "the fault of this test".into() }
}

/// Does a call as the verdict says.
macro_rules! with_fault {
    ($store:expr, $call:expr) => {
        match $store.verdict() {
            Verdict::Do => $call.await,
            Verdict::DoAndFail => $call.await.and(Err(broken())),
            Verdict::Fail => Err(broken()),
        }
    };
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Key,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let is_creation = opts.mode == PutMode::Create;
        if !(is_creation && self.fault.is_of_creation()) {
            return with_fault!(self, self.objects.put_opts(location, payload, opts));
        }
        let taken = || {
            let (path, source) = (location.to_string(), "the fault of this test".into());
            Err(Error::AlreadyExists { path, source })
        };
        match self.next_verdict() {
            Verdict::Do => self.objects.put_opts(location, payload, opts).await,
            Verdict::DoAndFail => {
                self.objects.put_opts(location, payload, opts).await?;
                taken()
            }
            Verdict::Fail => taken(),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Key,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        with_fault!(self, self.objects.put_multipart_opts(location, opts))
    }

    async fn get_opts(&self, location: &Key, options: GetOptions) -> Result<GetResult> {
        with_fault!(self, self.objects.get_opts(location, options))
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Key>>,
    ) -> BoxStream<'static, Result<Key>> {
        match self.verdict() {
            Verdict::Do => self.objects.delete_stream(locations),
            Verdict::Fail => futures::stream::once(async { Err(broken()) }).boxed(),
            Verdict::DoAndFail => {
                let deleted = self.objects.delete_stream(locations);
                deleted.map(|result| result.and(Err(broken()))).boxed()
            }
        }
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.verdict() {
            Verdict::Do => self.objects.list(prefix),
            _ => futures::stream::once(async { Err(broken()) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        with_fault!(self, self.objects.list_with_delimiter(prefix))
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        with_fault!(self, self.objects.copy_opts(from, to, options))
    }
}

/// What is asked at the end.
const QUESTIONS: [&str; 2] = [
    "SELECT * FROM spans ORDER BY trace_id, span_id, start_time, is_duplicate, duration_ns, span_name",
    "SELECT * FROM traces ORDER BY trace_id",
];

/// The part that is imported when a trace has been erased.
const ERASED_BEFORE: usize = 4;

/// The last day that is kept, and the clock of the test.
const KEPT_FROM: &str = "2026-11-15";

/// The rows of each import: a few traces of an old day; then, of the last day, a few in four parts, of which
/// each brings late spans of traces in those before.
type Parts = [RecordBatch; 5];

fn parts() -> Parts {
    let all = sample();
    let starts = all.column_by_name("start_time_unix_nano").unwrap().as_primitive::<Int64Type>();
    let kept_from: DateTime<Utc> = format!("{KEPT_FROM}T00:00:00Z").parse().unwrap();
    let kept_from = kept_from.timestamp_nanos_opt().unwrap();
    let of_last_day: BooleanArray =
        starts.iter().map(|start| start.map(|s| s >= kept_from)).collect();
    let new = filter_record_batch(&all, &of_last_day).unwrap();
    let old = filter_record_batch(&all, &not(&of_last_day).unwrap()).unwrap();
    let new = |first, rows| new.slice(first, rows);
    [old.slice(0, 20), new(0, 60), new(60, 30), new(90, 30), new(120, 10)]
}

/// A trace that lies in several of the parts that are there when it is erased.
fn erased(parts: &Parts) -> (HashSet<TraceId>, u64) {
    let ids = |part: &RecordBatch| -> Vec<TraceId> {
        let ids = part.column_by_name("trace_id").unwrap().as_fixed_size_binary();
        ids.iter().map(|id| TraceId::from_bytes(id.unwrap()).unwrap()).collect()
    };
    let first = ids(&parts[2])[0];
    let spans = parts[1..ERASED_BEFORE].iter().flat_map(ids).filter(|id| *id == first).count();
    (HashSet::from([first]), spans as u64)
}

/// A clock that stands still.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        format!("{KEPT_FROM}T12:00:00Z").parse().unwrap()
    }
}

async fn open(store: Arc<dyn ObjectStore>) -> engine::Result<Engine> {
    let settings = Settings { query_threads: 1, ..Settings::default() };
    Engine::with_components(store, settings, Arc::new(Noon)).await
}

async fn import(engine: &Engine, rows: &RecordBatch) -> engine::Result<()> {
    let mut writer = engine.writer();
    writer.append(SpanBatch::try_new(rows.clone()).unwrap()).await?;
    writer.accept();
    writer.commit().await?;
    Ok(())
}

/// The steps of the script.
#[derive(Debug, Clone, Copy)]
enum Step {
    Import(usize),
    Assemble,
    Vacuum,
    Expire,
    Erase,
}

const SCRIPT: [Step; 11] = [
    Step::Import(0),
    Step::Import(1),
    Step::Expire,
    Step::Import(2),
    Step::Assemble,
    Step::Vacuum,
    Step::Import(3),
    Step::Erase,
    Step::Import(ERASED_BEFORE),
    Step::Assemble,
    Step::Vacuum,
];

impl Step {
    /// By how much it changes the number of spans.
    fn change(self, parts: &Parts) -> i64 {
        match self {
            Self::Import(part) => parts[part].num_rows() as i64,
            Self::Expire => -(parts[0].num_rows() as i64),
            Self::Erase => -(erased(parts).1 as i64),
            Self::Assemble | Self::Vacuum => 0,
        }
    }
}

async fn step(engine: &Engine, step: Step, parts: &Parts) -> engine::Result<()> {
    match step {
        Step::Import(part) => import(engine, &parts[part]).await,
        Step::Assemble => {
            // Two units of work at least: a file is written in pieces.
            let settings =
                CompactSettings { unit_rows: 40, ..CompactSettings::default().at_once() };
            while engine.assemble(&settings).await?.version.is_some() {}
            Ok(())
        }
        Step::Vacuum => engine.vacuum(Duration::ZERO).await.map(drop),
        Step::Expire => engine.expire(&engine.expired(0).await?).await.map(drop),
        Step::Erase => engine.erase(&erased(parts).0, &CompactSettings::default()).await.map(drop),
    }
}

/// Runs the script with a fault at a call; what fails is done again, by another process after a crash.
/// Returns the answers, how many calls there were, and the last version.
async fn run(parts: &Parts, at: u64, fault: Fault) -> (Answers, u64, u64) {
    let objects = Arc::new(InMemory::new());
    let store = FaultyStore::new(&objects, at, fault);
    let healthy = || open(Arc::clone(&objects) as Arc<dyn ObjectStore>);
    let mut engine = match open(Arc::clone(&store) as Arc<dyn ObjectStore>).await {
        Ok(engine) => engine,
        Err(_) => healthy().await.unwrap(),
    };
    let mut stored = 0;
    for part_step in SCRIPT {
        let result = step(&engine, part_step, parts).await;
        if store.is_down() {
            engine = healthy().await.unwrap();
        }
        // A failure may have done its work, all of it or nothing; only the lake knows.
        let now = count(&healthy().await.unwrap()).await;
        let change = part_step.change(parts);
        let done = stored + change;
        assert!(now == stored || now == done, "{part_step:?}: {stored} became {now}");
        if result.is_ok() {
            assert_eq!(now, done, "{part_step:?} succeeded");
        } else if change == 0 || now == stored {
            step(&engine, part_step, parts).await.unwrap();
        }
        stored = done;
    }
    assert!(at == u64::MAX || store.calls.load(Ordering::SeqCst) > at, "the fault was not met");
    let engine = healthy().await.unwrap();
    let version = engine.snapshot().await.unwrap().version;
    let answers = answers(&engine.session().await.unwrap(), &QUESTIONS).await;
    (answers, store.calls.load(Ordering::SeqCst), version)
}

async fn count(engine: &Engine) -> i64 {
    let session = engine.session().await.unwrap();
    rows(&session, "SELECT count(duration_ns) FROM spans").await[0][0].parse().unwrap()
}

/// Scenario: imports, with retention, assembly, erasing and vacuum in between; at each call to the store in
/// turn the call fails, or is done without an answer, or is the last one of its process; or what it creates
/// seems to be there already, be it or not.
/// Guarantees: an import is there as a whole or not at all, and what is to go goes as a whole or not at all;
/// nothing is lost, doubled or unreadable; the work can be done again, and the answers in the end are those
/// of a run without a fault.
///
/// Each run takes every ninth call, a different one for each way to fail; `SPANLAKE_EVERY_CALL=1` takes all.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_may_fail() {
    let parts = Arc::new(parts());
    let (expected, calls, version) = run(&parts, u64::MAX, Fault::Error).await;
    let spans: i64 = SCRIPT.iter().map(|step| step.change(&parts)).sum();
    assert!(expected[0].len() as i64 == spans && spans < 129, "{} of {spans}", expected[0].len());
    let (same, creations, same_version) = run(&parts, u64::MAX, Fault::Taken).await;
    assert_eq!((same, same_version), (expected.clone(), version));
    // The table itself, and what each step but the vacuums commits.
    let committing = SCRIPT.iter().filter(|step| !matches!(step, Step::Vacuum)).count() as u64;
    assert!(version >= committing, "version {version} after {committing} steps");
    // The store is probed with two, once per process.
    assert_eq!(creations, 2 + 1 + version);
    assert!(calls > 80, "{calls} calls");
    let expected = Arc::new(expected);
    let step = if std::env::var_os("SPANLAKE_EVERY_CALL").is_some() { 1 } else { 9_usize };
    let faults = [
        (Fault::Error, (0..calls).step_by(step)),
        (Fault::LostAnswer, (3 % step as u64..calls).step_by(step)),
        (Fault::Crash, (7 % step as u64..calls).step_by(step)),
        (Fault::Taken, (0..creations).step_by(1)),
        (Fault::Refused, (0..creations).step_by(1)),
    ];
    for (fault, calls) in faults {
        let cases = calls.map(|at| {
            let (parts, expected) = (Arc::clone(&parts), Arc::clone(&expected));
            async move {
                let case = tokio::spawn(async move { run(&parts, at, fault).await.0 });
                let found = case.await.unwrap_or_else(|e| panic!("{fault:?} at call {at}: {e}"));
                assert_same(&found, &expected, &QUESTIONS, &format!("{fault:?} at call {at}"));
            }
        });
        futures::stream::iter(cases).for_each_concurrent(4, |case| case).await;
    }
}
