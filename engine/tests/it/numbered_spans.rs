//! Spans that are numbers, requests that name them, and engines that take them live.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{
    ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, new_null_array,
};
use engine::{
    Components, Decode, Engine, Intake, IntakeError, LiveSettings, Payload, Settings, SystemClock,
};
use object_store::ObjectStore;
use schema::SpanBatch;
use schema::spans::{
    DURATION_NS, PARENT_SPAN_ID, SERVICE_NAME, SPAN_ID, SPAN_KIND, SPAN_NAME, START_TIME_UNIX_NANO,
    STATUS_CODE, TRACE_ID, stored_schema,
};
use testing::SimDisk;

use crate::it::fixtures::rows;
use crate::it::sim::{SimFiles, SimStore};

/// 2026-11-09T00:00:00Z.
const DAY: i64 = 1_794_182_400_000_000_000;
const SPANS_PER_TRACE: u64 = 4;

/// Spans `first..first + count`: each trace has four, one below the other.
pub(crate) fn spans(first: u64, count: u64) -> SpanBatch {
    let numbers = || first..first + count;
    let id = |bytes: usize, of: &dyn Fn(u64) -> Option<u64>| -> ArrayRef {
        let ids = numbers().map(|number| {
            let mut id = vec![0; bytes - 8];
            id.extend(of(number)?.to_be_bytes());
            Some(id)
        });
        let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, bytes as i32);
        Arc::new(array.expect("ids of one length"))
    };
    let text = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(numbers().map(|_| text)))
    };
    let schema = stored_schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        // Traces come in an order that is not that of their ids.
        TRACE_ID => id(16, &|n| Some(1 + u64::MAX / 2 - n / SPANS_PER_TRACE)),
        SPAN_ID => id(8, &|n| Some(n + 1)),
        PARENT_SPAN_ID => id(8, &|n| (n % SPANS_PER_TRACE != 0).then_some(n)),
        START_TIME_UNIX_NANO => {
            Arc::new(Int64Array::from_iter_values(numbers().map(|n| DAY + n as i64 * 1000)))
        }
        DURATION_NS => Arc::new(Int64Array::from_iter_values(numbers().map(|n| n as i64))),
        SERVICE_NAME => text("shop"),
        SPAN_NAME => text("GET /"),
        SPAN_KIND => text("server"),
        STATUS_CODE => text("unset"),
        _ => new_null_array(field.data_type(), count as usize),
    });
    let batch = RecordBatch::try_new(stored_schema(), columns.collect()).expect("a batch");
    SpanBatch::try_new(batch).expect("the stored schema")
}

/// The request that holds these spans, with some bytes that are only weight.
pub(crate) fn payload(first: u64, count: u64, weight: usize) -> Payload {
    let mut bytes = format!("{first} {count} ").into_bytes();
    bytes.resize(bytes.len() + weight, b'x');
    Payload { format: 7, received_ns: DAY, spans: count, bytes: bytes.into() }
}

/// Sends spans `first..first + count`.
pub(crate) async fn send(
    intake: &Intake,
    first: u64,
    count: u64,
    weight: usize,
) -> Result<(), IntakeError> {
    intake.append(payload(first, count, weight), vec![spans(first, count)]).await
}

/// Reads [`payload`]s back.
#[derive(Debug)]
pub(crate) struct Numbered;

impl Decode for Numbered {
    fn context(&self) -> String {
        "numbered".into()
    }

    fn decode(&self, payload: &Payload, context: &str) -> Result<Vec<SpanBatch>, String> {
        assert_eq!((payload.format, context), (7, "numbered"));
        let text = std::str::from_utf8(&payload.bytes).map_err(|e| e.to_string())?;
        let mut words = text.split(' ');
        let mut number = || -> Option<u64> { words.next()?.parse().ok() };
        match (number(), number()) {
            (Some(first), Some(count)) => Ok(vec![spans(first, count)]),
            _ => Err(format!("not two numbers: {text}")),
        }
    }
}

/// A disk and a store on which engines are opened one after another.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) disk: SimDisk,
    pub(crate) store: SimStore,
    pub(crate) live: LiveSettings,
    pub(crate) settings: Settings,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let disk = SimDisk::new();
        let store = SimStore::new(&disk);
        let live = LiveSettings {
            wal_dir: PathBuf::from("node/wal"),
            wal_max_bytes: 1 << 20,
            wal_segment_bytes: 16 << 10,
            // Flushes happen when a test asks for them.
            flush_age_ms: 3_600_000,
            ..LiveSettings::default()
        };
        Self { disk, store, live, settings: Settings::default() }
    }

    pub(crate) async fn open(&self) -> engine::Result<(Engine, Intake)> {
        let store: Arc<dyn ObjectStore> = Arc::new(self.store.clone());
        let components = Components {
            store,
            files: Arc::new(SimFiles(self.disk.clone())),
            clock: Arc::new(SystemClock),
            decode: Arc::new(Numbered),
        };
        Engine::live_with_components(components, self.settings.clone(), self.live.clone()).await
    }

    /// The machine after its power was cut.
    pub(crate) fn after_power_cut(&self, loss: testing::Loss) -> Self {
        let disk = self.disk.after_power_cut(loss);
        let store = self.store.after_power_cut(&disk);
        Self { disk, store, live: self.live.clone(), settings: self.settings.clone() }
    }

    /// Paths of the segments, in order.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let mut names = self.disk.list(&self.live.wal_dir).expect("the folder is there");
        names.retain(|name| name.ends_with(".wal"));
        names.sort();
        names.iter().map(|name| self.live.wal_dir.join(name)).collect()
    }
}

/// Waits until something is so, however long the machine takes.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

/// The numbers of the spans that a query sees; panics if it sees one twice.
pub(crate) async fn visible(engine: &Engine) -> BTreeSet<u64> {
    let session = engine.session().await.expect("a session");
    let found = rows(&session, "SELECT span_id FROM spans").await;
    let mut numbers = BTreeSet::new();
    for row in &found {
        let number = u64::from_str_radix(&row[0], 16).expect("a hex id") - 1;
        assert!(numbers.insert(number), "span {number} is there twice");
    }
    numbers
}
