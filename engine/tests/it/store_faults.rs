//! Every call to the object store fails once, in every way: imports, assembly and vacuum lose nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use engine::{CompactSettings, Engine, Settings, SystemClock};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use schema::SpanBatch;

use crate::it::assembly::sample;
use crate::it::fixtures::rows;

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It fails, and has done nothing.
    Error,
    /// It is done, and the caller is told that it failed.
    LostAnswer,
    /// It is done or not, as the number of the call is odd or even, and nothing works any more.
    Crash,
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
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Verdict::Fail;
        }
        if call != self.at {
            return Verdict::Do;
        }
        self.is_down.store(self.fault == Fault::Crash, Ordering::SeqCst);
        match self.fault {
            Fault::Error => Verdict::Fail,
            Fault::LostAnswer => Verdict::DoAndFail,
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
        with_fault!(self, self.objects.put_opts(location, payload, opts))
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

type Answers = Vec<Vec<Vec<String>>>;

/// A few whole traces, in three parts: the second and the third bring late spans of traces in the first.
fn parts() -> [RecordBatch; 3] {
    let all = sample();
    let part = |from: usize, rows: usize| all.slice(from, rows);
    [part(0, 60), part(60, 30), part(90, 30)]
}

async fn open(store: Arc<dyn ObjectStore>) -> engine::Result<Engine> {
    let settings = Settings { query_threads: 1, ..Settings::default() };
    Engine::with_components(store, settings, Arc::new(SystemClock)).await
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
}

const SCRIPT: [Step; 7] = [
    Step::Import(0),
    Step::Import(1),
    Step::Assemble,
    Step::Vacuum,
    Step::Import(2),
    Step::Assemble,
    Step::Vacuum,
];

async fn step(engine: &Engine, step: Step, parts: &[RecordBatch; 3]) -> engine::Result<()> {
    match step {
        Step::Import(part) => import(engine, &parts[part]).await,
        Step::Assemble => {
            // Two units of work at least, so that one commit comes before the other.
            let settings =
                CompactSettings { unit_rows: 40, ..CompactSettings::default().at_once() };
            while engine.assemble(&settings).await?.version.is_some() {}
            Ok(())
        }
        Step::Vacuum => engine.vacuum(Duration::ZERO).await.map(drop),
    }
}

/// Runs the script with a fault at a call; what fails is done again, by another process after a crash.
/// Returns the answers, and how many calls there were.
async fn run(parts: &[RecordBatch; 3], at: u64, fault: Fault) -> (Answers, u64) {
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
        let added = match part_step {
            Step::Import(part) => parts[part].num_rows() as u64,
            Step::Assemble | Step::Vacuum => 0,
        };
        assert!(now == stored || now == stored + added, "{part_step:?}: {stored} became {now}");
        if result.is_ok() {
            assert_eq!(now, stored + added, "{part_step:?} succeeded");
        } else if added == 0 || now == stored {
            step(&engine, part_step, parts).await.unwrap();
        }
        stored += added;
    }
    let session = healthy().await.unwrap().session().await.unwrap();
    let mut answers = Vec::new();
    for question in QUESTIONS {
        answers.push(rows(&session, question).await);
    }
    (answers, store.calls.load(Ordering::SeqCst))
}

async fn count(engine: &Engine) -> u64 {
    let session = engine.session().await.unwrap();
    rows(&session, "SELECT count(duration_ns) FROM spans").await[0][0].parse().unwrap()
}

/// Scenario: three imports, with assembly and vacuum in between; at each call to the store in turn the call
/// fails, or is done without an answer, or is the last one of its process.
/// Guarantees: an import is there as a whole or not at all; nothing is lost, doubled or unreadable; the work
/// can be done again, and the answers in the end are those of a run without a fault.
///
/// Each run takes every tenth call, a different one for each way to fail; `SPANLAKE_EVERY_CALL=1` takes all.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_may_fail() {
    let parts = Arc::new(parts());
    let (expected, calls) = run(&parts, u64::MAX, Fault::Error).await;
    assert_eq!(expected[0].len(), 120);
    assert!(calls > 50, "{calls} calls");
    let expected = Arc::new(expected);
    let step = if std::env::var_os("SPANLAKE_EVERY_CALL").is_some() { 1 } else { 10 };
    for (first, fault) in [(0, Fault::Error), (3, Fault::LostAnswer), (7, Fault::Crash)] {
        let cases = (first % step..calls).step_by(step as usize).map(|at| {
            let (parts, expected) = (Arc::clone(&parts), Arc::clone(&expected));
            async move {
                let case = tokio::spawn(async move { run(&parts, at, fault).await.0 });
                let found = case.await.unwrap_or_else(|e| panic!("{fault:?} at call {at}: {e}"));
                for (found, expected) in found.iter().zip(expected.iter()) {
                    assert_eq!(found, expected, "{fault:?} at call {at}");
                }
            }
        });
        futures::stream::iter(cases).for_each_concurrent(4, |case| case).await;
    }
}
