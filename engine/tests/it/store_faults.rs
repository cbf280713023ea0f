//! Every call to the object store fails once, in every way: imports, received spans, assembly, retention,
//! thinning, erasing and vacuum lose nothing.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Int64Array, RecordBatch, UInt32Array,
};
use datafusion::arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::Int64Type;
use engine::{
    Clock, CompactSettings, Components, Decode, Engine, Intake, LiveSettings, Payload,
    RetentionSettings, Settings,
};
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use schema::spans::{PARENT_SPAN_ID, SPAN_ID, START_TIME_UNIX_NANO, STATUS_CODE, TRACE_ID};
use schema::{SpanBatch, TraceId};
use testing::{Loss, SimDisk};

use crate::it::assembly::sample;
use crate::it::faulty_store::{Fault, FaultyStore};
use crate::it::fixtures::{Answers, answers, assert_same, rows};
use crate::it::sim::SimFiles;

/// What is asked at the end.
const QUESTIONS: [&str; 2] = [
    "SELECT * FROM spans ORDER BY trace_id, span_id, start_time, is_duplicate, duration_ns, span_name",
    "SELECT * FROM traces ORDER BY trace_id",
];

/// The last day of the sample, on which the clock of the test stands still.
const TODAY: &str = "2026-11-15";
/// Days before this one are taken out.
const KEPT_FROM: &str = "2026-11-14";
/// The traces of this hour are thinned.
const THINNED: &str = "2026-11-14T10:00:00Z";
/// How many requests there were in it, all alike.
const ALIKE: u64 = 8;

/// The rows that come at once.
type Parts = [RecordBatch; 5];

/// Part 0 has some old spans, and requests of yesterday that are alike. The others are of today; each brings
/// late spans of traces in those before.
fn parts() -> Parts {
    let all = sample();
    let starts = all.column_by_name(START_TIME_UNIX_NANO).unwrap().as_primitive::<Int64Type>();
    let rows_in = |from_ns: i64, to_ns: i64| {
        let are_in: BooleanArray =
            starts.iter().map(|start| start.map(|s| (from_ns..to_ns).contains(&s))).collect();
        filter_record_batch(&all, &are_in).unwrap()
    };
    let midnight = |day: &str| at(&format!("{day}T00:00:00Z"));
    let old = rows_in(0, midnight(KEPT_FROM)).slice(0, 20);
    let new = rows_in(midnight(TODAY), i64::MAX);
    let first = concat_batches(&all.schema(), &[old, alike(&all)]).unwrap();
    let new = |first, rows| new.slice(first, rows);
    [first, new(0, 60), new(60, 30), new(90, 30), new(120, 10)]
}

fn at(time: &str) -> i64 {
    time.parse::<DateTime<Utc>>().unwrap().timestamp_nanos_opt().unwrap()
}

/// Requests of one span that did not fail.
fn alike(all: &RecordBatch) -> RecordBatch {
    let (parents, states) = (all.column_by_name(PARENT_SPAN_ID), all.column_by_name(STATUS_CODE));
    let (parents, states) = (parents.unwrap(), states.unwrap().as_string::<i32>());
    let is_model = |row: &usize| parents.is_null(*row) && states.value(*row) != "error";
    let model = (0..all.num_rows()).find(is_model).unwrap() as u32;
    let rows = take_record_batch(all, &UInt32Array::from(vec![model; ALIKE as usize])).unwrap();
    let ids = |bytes: usize| -> ArrayRef {
        let ids = (1..=ALIKE).map(|id| [vec![0; bytes - 8], id.to_be_bytes().to_vec()].concat());
        Arc::new(FixedSizeBinaryArray::try_from_iter(ids).unwrap())
    };
    let fields = rows.schema();
    let columns = fields.fields().iter().zip(rows.columns()).map(|(field, column)| {
        match field.name().as_str() {
            TRACE_ID => ids(16),
            SPAN_ID => ids(8),
            START_TIME_UNIX_NANO => Arc::new(Int64Array::from(vec![at(THINNED); ALIKE as usize])),
            _ => Arc::clone(column),
        }
    });
    RecordBatch::try_new(rows.schema(), columns.collect()).unwrap()
}

/// A trace that lies in several of the parts that are there when it is erased, and its spans in those.
fn erased(parts: &Parts) -> (HashSet<TraceId>, u64) {
    let ids = |part: &RecordBatch| -> Vec<TraceId> {
        let ids = part.column_by_name(TRACE_ID).unwrap().as_fixed_size_binary();
        ids.iter().map(|id| TraceId::from_bytes(id.unwrap()).unwrap()).collect()
    };
    let first = ids(&parts[2])[0];
    let spans = parts[1..4].iter().flat_map(ids).filter(|id| *id == first).count();
    (HashSet::from([first]), spans as u64)
}

/// A clock that stands still.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        format!("{TODAY}T12:00:00Z").parse().unwrap()
    }
}

/// Reads requests back: each has the number of its part.
#[derive(Debug)]
struct Numbers(Arc<Parts>);

impl Decode for Numbers {
    fn context(&self) -> String {
        "numbers".into()
    }

    fn decode(&self, payload: &Payload, _: &str) -> Result<Vec<SpanBatch>, String> {
        let part = self.0.get(usize::from(payload.bytes[0])).ok_or("no such part")?;
        Ok(vec![SpanBatch::try_new(part.clone()).unwrap()])
    }
}

fn settings() -> Settings {
    Settings { query_threads: 1, ..Settings::default() }
}

/// A reader in a process of its own.
async fn open(store: Arc<dyn ObjectStore>) -> engine::Result<Engine> {
    Engine::with_components(store, settings(), Arc::new(Noon)).await
}

/// The process that does the work.
struct Process {
    engine: Engine,
    intake: Intake,
    parts: Arc<Parts>,
}

impl Process {
    async fn start(
        store: Arc<dyn ObjectStore>,
        disk: &SimDisk,
        parts: &Arc<Parts>,
    ) -> engine::Result<Self> {
        let components = Components {
            store,
            files: Arc::new(SimFiles(disk.clone())),
            clock: Arc::new(Noon),
            decode: Arc::new(Numbers(Arc::clone(parts))),
        };
        let live = LiveSettings {
            wal_dir: PathBuf::from("node/wal"),
            // Flushes are steps of the script.
            flush_age_ms: 3_600_000,
            ..LiveSettings::default()
        };
        let (engine, intake) = Engine::live_with_components(components, settings(), live).await?;
        Ok(Self { engine, intake, parts: Arc::clone(parts) })
    }

    async fn import(&self, part: usize) -> engine::Result<()> {
        let mut writer = self.engine.writer();
        writer.append(SpanBatch::try_new(self.parts[part].clone()).unwrap()).await?;
        writer.accept();
        writer.commit().await?;
        Ok(())
    }

    /// Asks nothing of the store: it must succeed.
    async fn receive(&self, part: usize) {
        let rows = &self.parts[part];
        let spans = rows.num_rows() as u64;
        let bytes = vec![part as u8].into();
        let payload = Payload { format: 1, received_ns: at(THINNED), spans, bytes };
        let batches = vec![SpanBatch::try_new(rows.clone()).unwrap()];
        self.intake.append(payload, batches).await.unwrap();
    }

    async fn step(&self, step: Step) -> engine::Result<()> {
        let engine = &self.engine;
        match step {
            Step::Import(part) => self.import(part).await,
            Step::Receive(part) => {
                self.receive(part).await;
                Ok(())
            }
            Step::Flush(_) => self.intake.flush().await.map(drop),
            Step::Assemble => {
                // Two units of work at least: a file is written in pieces.
                let settings =
                    CompactSettings { unit_rows: 40, ..CompactSettings::default().at_once() };
                while engine.assemble(&settings).await?.version.is_some() {}
                Ok(())
            }
            Step::Vacuum => engine.vacuum(Duration::ZERO).await.map(drop),
            Step::Expire => engine.expire(&engine.expired(1).await?).await.map(drop),
            Step::Thin => {
                let due = engine.to_thin(0).await?;
                engine.thin(&due, &policy(), &CompactSettings::default()).await.map(drop)
            }
            Step::Erase => {
                let traces = erased(&self.parts).0;
                engine.erase(&traces, &CompactSettings::default()).await.map(drop)
            }
        }
    }
}

/// Of the requests that are alike, every fourth stays.
fn policy() -> RetentionSettings {
    RetentionSettings {
        thin_slower_ms: u64::MAX,
        thin_one_in: 4,
        thin_at_least: 1,
        ..RetentionSettings::default()
    }
}

/// The steps of the script.
#[derive(Debug, Clone, Copy)]
enum Step {
    Import(usize),
    /// Spans come from the network.
    Receive(usize),
    /// What was received goes to files.
    Flush(usize),
    Assemble,
    Vacuum,
    Expire,
    Thin,
    Erase,
}

const SCRIPT: [Step; 15] = [
    Step::Import(0),
    Step::Import(1),
    Step::Expire,
    Step::Receive(2),
    Step::Flush(2),
    Step::Assemble,
    Step::Thin,
    Step::Vacuum,
    Step::Import(3),
    Step::Erase,
    Step::Receive(4),
    // The traces that are not assembled have spans in memory: there is nothing to do yet.
    Step::Assemble,
    Step::Flush(4),
    Step::Assemble,
    Step::Vacuum,
];

impl Step {
    /// By how much it changes the number of spans in files.
    fn change(self, parts: &Parts) -> i64 {
        let rows = |part: usize| parts[part].num_rows() as i64;
        match self {
            Self::Import(part) | Self::Flush(part) => rows(part),
            Self::Expire => ALIKE as i64 - rows(0),
            Self::Thin => ALIKE as i64 / 4 - ALIKE as i64,
            Self::Erase => -(erased(parts).1 as i64),
            Self::Receive(_) | Self::Assemble | Self::Vacuum => 0,
        }
    }

    /// By how much it changes the number of spans in memory.
    fn change_in_memory(self, parts: &Parts) -> i64 {
        match self {
            Self::Receive(part) => parts[part].num_rows() as i64,
            Self::Flush(part) => -(parts[part].num_rows() as i64),
            _ => 0,
        }
    }
}

/// Runs the script with a fault at a call; what fails is done again, by another process after a crash.
/// Returns the answers, how many calls there were, and the last version.
async fn run(parts: &Arc<Parts>, at: u64, fault: Fault) -> (Answers, u64, u64) {
    let objects = Arc::new(InMemory::new());
    let store = FaultyStore::new(&objects, at, fault);
    let healthy = || Arc::clone(&objects) as Arc<dyn ObjectStore>;
    let mut disk = SimDisk::new();
    let faulty = Arc::clone(&store) as Arc<dyn ObjectStore>;
    let mut process = match Process::start(faulty, &disk, parts).await {
        Ok(process) => process,
        Err(_) => {
            disk = disk.after_power_cut(Loss::Everything);
            Process::start(healthy(), &disk, parts).await.unwrap()
        }
    };
    let reader = open(healthy()).await.unwrap();
    let (mut stored, mut in_memory) = (0, 0);
    for step in SCRIPT {
        let was_met = store.calls() > at;
        let result = process.step(step).await;
        if store.is_down() && !was_met {
            disk = disk.after_power_cut(Loss::Everything);
            process = Process::start(healthy(), &disk, parts).await.unwrap();
        }
        // A failure may have done its work, all of it or nothing; only the lake knows.
        let now = in_files(&reader).await;
        let change = step.change(parts);
        let done = stored + change;
        assert!(now == stored || now == done, "{step:?}: {stored} became {now}");
        if result.is_ok() {
            assert_eq!(now, done, "{step:?} succeeded");
        } else if change == 0 || now == stored || matches!(step, Step::Flush(_)) {
            // A flush need not know that it came through.
            process.step(step).await.unwrap();
        }
        stored = done;
        in_memory += step.change_in_memory(parts);
        if !was_met && store.calls() > at {
            let seen = count(&process.engine).await;
            assert_eq!(seen, stored + in_memory, "{step:?}: what was acknowledged is seen once");
            assert_eq!(count(&reader).await, stored, "{step:?}: by who sees files only");
        }
    }
    assert!(at == u64::MAX || store.calls() > at, "the fault was not met");
    let calls = store.calls();
    assert_eq!((in_memory, count(&process.engine).await), (0, stored));
    let checked = reader.check().await.unwrap();
    assert_eq!((checked.findings, checked.spans as i64), (vec![], stored));
    let version = reader.snapshot().await.unwrap().version;
    let answers = answers(&reader.session().await.unwrap(), &QUESTIONS).await;
    (answers, calls, version)
}

/// The spans in files, as the table log counts them.
async fn in_files(engine: &Engine) -> i64 {
    let files = engine.snapshot().await.unwrap().files;
    files.iter().map(|file| file.rows.unwrap() as i64).sum()
}

/// The spans that a query sees; all files are opened.
async fn count(engine: &Engine) -> i64 {
    let session = engine.session().await.unwrap();
    rows(&session, "SELECT count(duration_ns) FROM spans").await[0][0].parse().unwrap()
}

/// Every so many calls one fails, in one run of the test.
const STRIDE: u64 = 9;

/// Scenario: imports and received spans, with retention, thinning, assembly, erasing and vacuum in between;
/// at each call to the store in turn the call fails, or is done without an answer, or is the last one of its
/// process; or what it creates seems to be there already, be it or not.
/// Guarantees: an import is there as a whole or not at all, and what is to go goes as a whole or not at all;
/// what was received is seen once, in memory or in files, also by the next process; nothing is lost, doubled
/// or unreadable, and no file is missing; the work can be done again, and the answers in the end are those of
/// a run without a fault.
///
/// Each run takes some of the calls, other ones each time; `SPANLAKE_FAULT_SEED` repeats a run, and
/// `SPANLAKE_EVERY_CALL=1` takes all.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_may_fail() {
    let parts = Arc::new(parts());
    let (expected, calls, version) = run(&parts, u64::MAX, Fault::Error).await;
    let spans: i64 = SCRIPT.iter().map(|step| step.change(&parts)).sum();
    assert!(expected[0].len() as i64 == spans && spans > 100, "{} of {spans}", expected[0].len());
    let (same, creations, same_version) = run(&parts, u64::MAX, Fault::Taken).await;
    assert_eq!((same, same_version), (expected.clone(), version));
    // What each step commits that changes files; one assembly has nothing to do.
    let is_committing = |step: &&Step| !matches!(step, Step::Receive(_) | Step::Vacuum);
    let committing = SCRIPT.iter().filter(is_committing).count() as u64 - 1;
    assert!(version >= committing, "version {version} after {committing} steps");
    // The table itself; and the store is probed with two, once per process.
    assert_eq!(creations, 2 + 1 + version);
    assert!(calls > 80, "{calls} calls");
    let expected = Arc::new(expected);
    let stride = if std::env::var_os("SPANLAKE_EVERY_CALL").is_some() { 1 } else { STRIDE };
    let seed =
        std::env::var("SPANLAKE_FAULT_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("SPANLAKE_FAULT_SEED={seed} repeats this run: {calls} calls, {creations} creations");
    let faults = [
        (Fault::Error, seed, calls, stride),
        (Fault::LostAnswer, seed + stride / 3, calls, stride),
        (Fault::Crash, seed + 2 * stride / 3, calls, stride),
        (Fault::Taken, seed, creations, 1),
        (Fault::Refused, seed + 1, creations, 1),
    ];
    for (fault, first, end, stride) in faults {
        let cases = (first % stride..end).step_by(stride as usize).map(|at| {
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
