//! What a client may take, and for how long.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::CancelFlightInfoRequest;
use arrow_flight::CancelStatus;
use arrow_flight::sql::{ActionCancelQueryRequest, ActionCancelQueryResult, Any, ProstMessageExt};
use arrow_flight::{Action, FlightInfo};
use flight_server::Settings;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::it::fixtures::{TestServer, assert_status, fetch, status, ticket};

/// Never ends: 60 spans to the power of eight. Its first rows come at once.
const ENDLESS: &str = "SELECT a.duration_ns, a.attributes FROM spans a CROSS JOIN spans b
    CROSS JOIN spans c CROSS JOIN spans d CROSS JOIN spans e CROSS JOIN spans f
    CROSS JOIN spans g CROSS JOIN spans h";

/// Computes for a minute or so before its only row, and does not give way while it does.
const LONG: &str = "SELECT sum(a.duration_ns + e.duration_ns) FROM spans a CROSS JOIN spans b
    CROSS JOIN spans c CROSS JOIN spans d CROSS JOIN spans e";

const SOON: Duration = Duration::from_secs(60);

/// Scenario: a result is larger than allowed, in rows or in bytes.
/// Guarantees: the stream ends with an error that says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_whole_or_an_error() {
    let rows = Settings { max_result_rows: 59, ..Settings::default() };
    let server = TestServer::with(rows).await;
    let error = server.error("SELECT * FROM spans").await;
    assert_status(&error, Code::ResourceExhausted, "more than 59 rows");
    assert_eq!(server.rows("SELECT span_id FROM spans LIMIT 59").await.len(), 59);

    let bytes = Settings { max_result_bytes: 10_000, ..Settings::default() };
    let server = TestServer::with(bytes).await;
    let error = server.error("SELECT repeat('x', 1000) FROM spans").await;
    assert_status(&error, Code::ResourceExhausted, "more than 10000 bytes");
    assert_eq!(server.rows("SELECT 'x' FROM spans").await.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_larger_than_a_message_names_its_column() {
    let server = TestServer::start().await;
    let error = server.error("SELECT 1 AS small, repeat('x', 5000000) AS large").await;
    assert_status(&error, Code::ResourceExhausted, "`large`");
    let settings = Settings { max_message_bytes: 8 << 20, ..Settings::default() };
    let server = TestServer::with(settings).await;
    // The server sends it now; this client accepts no more than its own 4 MiB.
    let error = server.error("SELECT repeat('x', 5000000) AS large").await;
    assert_eq!(error.code(), Code::OutOfRange, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_expire() {
    let server = TestServer::with(Settings { ticket_seconds: 0, ..Settings::default() }).await;
    let error = server.error("SELECT 1").await;
    assert_status(&error, Code::NotFound, "ask for the query again");
    let server = TestServer::with(Settings { tickets: 1, ..Settings::default() }).await;
    let mut client = server.client().await;
    let first = client.execute("SELECT 1 AS one".into(), None).await.unwrap();
    let second = client.execute("SELECT 2 AS two".into(), None).await.unwrap();
    assert_eq!(fetch(&mut client, &first).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(fetch(&mut client, &second).await.unwrap().rows(), [["2"]]);
}

/// Scenario: queries that compute for too long, with rows on the way and without.
/// Guarantees: they end with an error after the time that a query has, and the next one runs,
/// even if the threads of the last one are still busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_only_so_much_time() {
    let settings = Settings { query_seconds: 2, concurrent_queries: 1, ..Settings::default() };
    let server = TestServer::with(settings).await;
    for sql in [LONG, ENDLESS] {
        let error = timeout(SOON, server.error(sql)).await.expect("the query ends");
        assert!(
            matches!(error.code(), Code::DeadlineExceeded | Code::ResourceExhausted),
            "{error:?}"
        );
    }
    assert_eq!(server.value("SELECT 1").await, "1");
}

/// Scenario: more queries than may run; then one of their clients leaves.
/// Guarantees: the others are told to come again, until the client that left made room.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_makes_room() {
    let settings = Settings {
        concurrent_queries: 1,
        queued_queries: 0,
        max_result_rows: u64::MAX,
        ..Settings::default()
    };
    let server = TestServer::with(settings).await;
    let mut client = server.client().await;
    let info = client.execute(ENDLESS.into(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    rows.try_next().await.unwrap().expect("the first rows");
    let error = server.error("SELECT 1").await;
    assert_status(&error, Code::ResourceExhausted, "busy");

    drop(rows);
    drop(client);
    let mut answered = Err(error);
    let until_there_is_room = async {
        while answered.is_err() {
            let mut client = server.client().await;
            let info = client.execute("SELECT 1".into(), None).await.unwrap();
            answered = fetch(&mut client, &info).await.map(|_| ());
        }
    };
    timeout(SOON, until_there_is_room).await.expect("the turn comes back");
}

/// Scenario: a client reads the first rows and then nothing, with the connection open.
/// Guarantees: its query ends, others get its turn, and it finds an error when it reads on.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_cut_off() {
    let settings = Settings {
        concurrent_queries: 1,
        stalled_client_seconds: 1,
        max_result_rows: u64::MAX,
        ..Settings::default()
    };
    let server = TestServer::with(settings).await;
    let mut client = server.client().await;
    let info = client.execute(ENDLESS.into(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    rows.try_next().await.unwrap().expect("the first rows");
    // This one waits until the first is cut off.
    let answer = timeout(SOON, server.value("SELECT 1")).await;
    assert_eq!(answer.expect("the turn comes back"), "1");
    let error = rows.try_collect::<Vec<_>>().await.unwrap_err();
    assert_status(&Status::from(error), Code::DeadlineExceeded, "did not read");
}

/// Scenario: many clients send queries at the same time, more than may run and wait.
/// Guarantees: each gets its rows, or is told that the server is busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_served_or_told_to_wait() {
    let settings = Settings { concurrent_queries: 2, queued_queries: 6, ..Settings::default() };
    let server = Arc::new(TestServer::with(settings).await);
    let mut crowd = JoinSet::new();
    for number in 0..60 {
        let server = Arc::clone(&server);
        crowd.spawn(async move {
            let mut client = server.client().await;
            let sql = format!("SELECT count(*) + {number} FROM spans");
            let info = client.execute(sql, None).await.map_err(status)?;
            let rows = fetch(&mut client, &info).await?.rows();
            assert_eq!(rows, [[(60 + number).to_string()]]);
            Ok::<_, Status>(())
        });
    }
    let answers = timeout(SOON, crowd.join_all()).await.expect("everybody is answered");
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(served >= 8, "{served}");
    for refused in answers.into_iter().filter_map(Result::err) {
        assert_status(&refused, Code::ResourceExhausted, "busy");
    }
    assert_eq!(server.value("SELECT 1").await, "1");
}

async fn cancel_flight_info(server: &TestServer, info: &FlightInfo) -> CancelStatus {
    let mut raw = server.raw_client().await;
    let request = CancelFlightInfoRequest::new(info.clone());
    let result = raw.cancel_flight_info(request).await.expect("an answer");
    CancelStatus::try_from(result.status).expect("a known status")
}

/// Scenario: a client cancels a query that runs, and one that it has not fetched yet.
/// Guarantees: the running one ends with CANCELLED, the other one cannot be fetched.
#[tokio::test(flavor = "multi_thread")]
async fn queries_can_be_cancelled() {
    let server =
        TestServer::with(Settings { max_result_rows: u64::MAX, ..Settings::default() }).await;
    let mut client = server.client().await;
    let info = client.execute(ENDLESS.into(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    rows.try_next().await.unwrap().expect("the first rows");
    assert_eq!(cancel_flight_info(&server, &info).await, CancelStatus::Cancelled);
    let error = timeout(SOON, rows.try_collect::<Vec<_>>()).await.expect("the rows end");
    assert_status(&Status::from(error.unwrap_err()), Code::Cancelled, "cancelled");

    let info = client.execute("SELECT 1".into(), None).await.unwrap();
    let request = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
    let mut raw = server.raw_client().await;
    let action = Action::new("CancelQuery", request.as_any().encode_to_vec());
    let answer = raw.do_action(action).await.unwrap().next().await.unwrap().unwrap();
    let result: ActionCancelQueryResult = Any::decode(&*answer).unwrap().unpack().unwrap().unwrap();
    assert_eq!(result.result, CancelStatus::Cancelled as i32);
    assert_eq!(fetch(&mut client, &info).await.unwrap_err().code(), Code::NotFound);

    let metadata = client.get_catalogs().await.unwrap();
    assert_eq!(cancel_flight_info(&server, &metadata).await, CancelStatus::NotCancellable);
    let gone = raw.cancel_flight_info(CancelFlightInfoRequest::new(info)).await.unwrap_err();
    assert_eq!(status(gone).code(), Code::NotFound);
}

/// Scenario: a client sends more than a request may have.
/// Guarantees: it is refused, and the server lives.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_limited() {
    let server = TestServer::with(Settings { max_request_bytes: 3 << 20, ..Settings::default() });
    let server = server.await;
    let error = server.error(&format!("SELECT '{}'", "x".repeat(4 << 20))).await;
    assert!(matches!(error.code(), Code::OutOfRange | Code::ResourceExhausted), "{error:?}");
    assert_eq!(server.value("SELECT 1").await, "1");
}
