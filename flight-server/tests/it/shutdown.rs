//! The end of the server, and addresses on which it does not begin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flight_server::{Error, Settings, serve};
use futures::TryStreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::it::fixtures::{TestServer, assert_status, ticket};

const SOON: Duration = Duration::from_secs(60);

/// Scenario: the server is told to stop while a client reads a result of many messages.
/// Guarantees: nobody else can connect, the result arrives whole, and the server ends.
#[tokio::test(flavor = "multi_thread")]
async fn running_queries_finish() {
    let mut server = TestServer::start().await;
    let mut client = server.client().await;
    let sql = "SELECT a.span_id, repeat('x', 10000) FROM spans a CROSS JOIN spans b";
    let info = client.execute(sql.into(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    let mut received = rows.try_next().await.unwrap().expect("the first rows").num_rows();
    assert!(received < 3_600);

    server.stop.take().unwrap().send(()).unwrap();
    let refused = async { while TcpStream::connect(server.address).await.is_ok() {} };
    timeout(SOON, refused).await.expect("the listener closes");
    while let Some(batch) = rows.try_next().await.unwrap() {
        received += batch.num_rows();
    }
    assert_eq!(received, 3_600);
    drop(rows);
    drop(client);
    timeout(SOON, server.serving).await.expect("the server ends").unwrap().unwrap();
}

/// Scenario: the server is told to stop while a query runs that never ends.
/// Guarantees: the server ends within its limit; the client is told, it does not look like the end of the rows.
#[tokio::test(flavor = "multi_thread")]
async fn endless_queries_do_not_keep_the_server() {
    let settings =
        Settings { shutdown_seconds: 1, max_result_rows: u64::MAX, ..Settings::default() };
    let mut server = TestServer::with(settings).await;
    let mut client = server.client().await;
    let sql = "SELECT a.duration_ns FROM spans a CROSS JOIN spans b CROSS JOIN spans c
               CROSS JOIN spans d CROSS JOIN spans e CROSS JOIN spans f CROSS JOIN spans g";
    let info = client.execute(sql.into(), None).await.unwrap();
    let rows = client.do_get(ticket(&info)).await.unwrap();
    let begin = Instant::now();
    server.stop.take().unwrap().send(()).unwrap();
    let error = timeout(SOON, rows.try_collect::<Vec<_>>()).await.expect("the rows end");
    assert_status(&Status::from(error.unwrap_err()), Code::Unavailable, "shutting down");
    timeout(SOON, server.serving).await.expect("the server ends").unwrap().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

/// Scenario: somebody starts the server on an address that other machines reach.
/// Guarantees: it does not start, because nothing would ask who is calling.
#[tokio::test(flavor = "multi_thread")]
async fn only_on_loopback() {
    let server = TestServer::start().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused =
        serve(server.engine.clone(), listener, Settings::default(), Arc::default(), async {}).await;
    assert!(matches!(refused, Err(Error::NotLoopback { .. })), "{refused:?}");
}
