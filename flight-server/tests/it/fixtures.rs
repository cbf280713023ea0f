//! A small lake, a server on it, and its clients.

use std::net::SocketAddr;
use std::sync::Arc;

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightClient, FlightInfo, Ticket};
use datafusion::arrow::array::{
    ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, new_null_array,
};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use engine::{Engine, SystemClock};
use flight_server::{Settings, serve};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use schema::spans::{
    DURATION_NS, PARENT_SPAN_ID, SERVICE_NAME, SPAN_ID, SPAN_KIND, SPAN_NAME, START_TIME_UNIX_NANO,
    STATUS_CODE, TRACE_ID, stored_schema,
};
use schema::{SpanBatch, SpanId, TraceId};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// Traces in the lake of every test; each has [`SPANS_PER_TRACE`] spans.
pub(crate) const TRACES: i64 = 20;
/// A root, its child, and the child of that.
pub(crate) const SPANS_PER_TRACE: i64 = 3;

/// 2026-11-16 00:00 UTC.
const START: i64 = 1_794_787_200_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// A running server. It stops when this is dropped.
pub(crate) struct TestServer {
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: JoinHandle<flight_server::Result<()>>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let store = Arc::new(InMemory::new());
        let clock = Arc::new(SystemClock);
        let engine = Engine::with_components(store, engine::Settings::default(), clock);
        let engine = engine.await.expect("a lake");
        append(&engine, spans(0..TRACES)).await;
        Self::on(engine, settings).await
    }

    pub(crate) async fn on(engine: Engine, settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let served = serve(engine.clone(), listener, settings, Arc::default(), async {
            let _ = stopped.await;
        });
        let serving = tokio::spawn(served);
        Self { engine, address, stop: Some(stop), serving }
    }

    async fn channel(&self) -> Channel {
        let endpoint = Endpoint::new(format!("http://{}", self.address)).expect("an endpoint");
        endpoint.connect().await.expect("the server accepts")
    }

    pub(crate) async fn client(&self) -> Client {
        FlightSqlServiceClient::new(self.channel().await)
    }

    /// A client below Flight SQL, for messages that a Flight SQL client does not send.
    pub(crate) async fn raw_client(&self) -> FlightClient {
        FlightClient::new(self.channel().await)
    }

    /// The rows of a query as text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let mut client = self.client().await;
        let info = client.execute(sql.into(), None).await;
        let info = info.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let result = fetch(&mut client, &info).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        result.rows()
    }

    /// The one value of a query with one row and one column.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql).await;
        assert!(rows.len() == 1 && rows[0].len() == 1, "{sql}: {rows:?}");
        rows[0][0].clone()
    }

    /// The error of a query that must fail, be it in planning or in running.
    pub(crate) async fn error(&self, sql: &str) -> Status {
        let mut client = self.client().await;
        match client.execute(sql.into(), None).await {
            Err(error) => status(error),
            Ok(info) => fetch(&mut client, &info).await.expect_err(sql),
        }
    }
}

/// A Flight SQL client on a connection of its own.
pub(crate) type Client = FlightSqlServiceClient<Channel>;

/// A result: the schema that was announced, the schema of the stream, and the rows.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

impl Fetched {
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        self.batches.iter().flat_map(text_rows).collect()
    }
}

/// The result behind the only ticket of `info`. Checks that the announced schema is that of the rows.
pub(crate) async fn fetch(client: &mut Client, info: &FlightInfo) -> Result<Fetched, Status> {
    let announced = info.clone().try_decode_schema().expect("a schema");
    let fetched = fetch_ticket(client, ticket(info)).await?;
    assert_eq!(*fetched.schema, announced);
    Ok(fetched)
}

pub(crate) async fn fetch_ticket(client: &mut Client, ticket: Ticket) -> Result<Fetched, Status> {
    let mut stream = client.do_get(ticket).await.map_err(status)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await.map_err(Status::from)? {
        batches.push(batch);
    }
    let schema = Arc::clone(stream.schema().expect("a result has a schema, rows or not"));
    Ok(Fetched { schema, batches })
}

pub(crate) fn ticket(info: &FlightInfo) -> Ticket {
    let [endpoint] = info.endpoint.as_slice() else { panic!("one endpoint: {info:?}") };
    assert!(endpoint.location.is_empty(), "rows come from where the ticket came from");
    endpoint.ticket.clone().expect("a ticket")
}

/// The status within an error of the client library.
pub(crate) fn status(error: impl Into<arrow_flight::error::FlightError>) -> Status {
    error.into().into()
}

/// Checks the code, and that the message is one line without Rust values in it.
pub(crate) fn assert_status(status: &Status, code: Code, words: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    let message = status.message();
    assert!(message.contains(words), "no `{words}` in: {message}");
    assert!(!message.contains('\n'), "{message}");
    for debug in ["{ ", "Some(", "Error(", "Err(", "DataFusionError", "Diagnostic"] {
        assert!(!message.contains(debug), "`{debug}` in: {message}");
    }
}

pub(crate) fn text_rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Result<Vec<_>, ArrowError> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
    let columns = columns.expect("printable columns");
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// Stores spans and makes them visible.
pub(crate) async fn append(engine: &Engine, spans: SpanBatch) {
    let mut writer = engine.writer();
    writer.append(spans).await.expect("the spans are stored");
    writer.accept();
    writer.commit().await.expect("the commit succeeds");
}

/// The spans of the traces with these numbers: frontend calls cart calls db, one trace a second.
pub(crate) fn spans(traces: std::ops::Range<i64>) -> SpanBatch {
    let rows: Vec<(i64, i64)> =
        traces.flat_map(|trace| (0..SPANS_PER_TRACE).map(move |span| (trace, span))).collect();
    let text = |values: [&str; 3]| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, s)| Some(values[*s as usize])).collect::<StringArray>())
    };
    let number = |value: fn(i64, i64) -> i64| -> ArrayRef {
        Arc::new(rows.iter().map(|(t, s)| value(*t, *s)).collect::<Int64Array>())
    };
    let span_id = |(trace, span): (i64, i64)| id::<{ SpanId::BYTES }>(trace * 16 + span + 1);
    let columns = stored_schema()
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            TRACE_ID => {
                ids(rows.iter().map(|(trace, _)| Some(id::<{ TraceId::BYTES }>(trace + 1))))
            }
            SPAN_ID => ids(rows.iter().map(|row| Some(span_id(*row)))),
            PARENT_SPAN_ID => ids(rows
                .iter()
                .map(|(trace, span)| (*span > 0).then(|| span_id((*trace, span - 1))))),
            SERVICE_NAME => text(["frontend", "cart", "db"]),
            SPAN_NAME => text(["GET /cart", "load cart", "SELECT"]),
            SPAN_KIND => text(["server", "client", "client"]),
            STATUS_CODE => text(["unset", "ok", "error"]),
            START_TIME_UNIX_NANO => number(|trace, span| START + trace * SECOND + span * 1_000),
            DURATION_NS => number(|trace, span| 1_000_000 * (trace + 1) - span * 10_000),
            _ => new_null_array(field.data_type(), rows.len()),
        })
        .collect();
    let batch = RecordBatch::try_new(stored_schema(), columns).expect("the stored columns");
    SpanBatch::try_new(batch).expect("the stored schema")
}

fn id<const BYTES: usize>(number: i64) -> [u8; BYTES] {
    let mut id = [0; BYTES];
    id[BYTES - 8..].copy_from_slice(&number.to_be_bytes());
    id
}

fn ids<const BYTES: usize>(ids: impl Iterator<Item = Option<[u8; BYTES]>>) -> ArrayRef {
    let width = i32::try_from(BYTES).expect("a small width");
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, width);
    Arc::new(ids.expect("ids of one width"))
}
