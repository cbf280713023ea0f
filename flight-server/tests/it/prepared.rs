//! Prepared statements: planned, bound, run again, closed.

use std::sync::Arc;

use arrow_flight::FlightDescriptor;
use arrow_flight::sql::{CommandPreparedStatementQuery, ProstMessageExt};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::DataType;
use flight_server::Settings;
use prost::Message;
use tonic::Code;

use crate::it::fixtures::{
    Client, TRACES, TestServer, append, assert_status, fetch, spans, status,
};

fn row(values: Vec<ArrayRef>) -> RecordBatch {
    let columns = values.into_iter().enumerate().map(|(i, value)| (i.to_string(), value));
    RecordBatch::try_from_iter(columns).expect("values of one length")
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn number(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

async fn run(
    client: &mut Client,
    sql: &str,
    parameters: RecordBatch,
) -> Result<Vec<Vec<String>>, tonic::Status> {
    let mut prepared = client.prepare(sql.into(), None).await.map_err(status)?;
    prepared.set_parameters(parameters).expect("parameters are set");
    let info = prepared.execute().await.map_err(status)?;
    let result = fetch(client, &info).await;
    prepared.close().await.expect("the statement closes");
    Ok(result?.rows())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_parameters_and_again_on_newer_data() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let sql = "SELECT count(*) AS n FROM traces";
    let mut prepared = client.prepare(sql.into(), None).await.unwrap();
    assert!(prepared.parameter_schema().unwrap().fields().is_empty());
    let info = prepared.execute().await.unwrap();
    assert_eq!(fetch(&mut client, &info).await.unwrap().rows(), [[TRACES.to_string()]]);
    assert_eq!(prepared.dataset_schema().unwrap(), &info.try_decode_schema().unwrap());

    append(&server.engine, spans(TRACES..TRACES + 2)).await;
    let info = prepared.execute().await.unwrap();
    assert_eq!(fetch(&mut client, &info).await.unwrap().rows(), [[(TRACES + 2).to_string()]]);
    prepared.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_announced_with_their_types() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let sql = "SELECT span_name FROM spans
               WHERE service_name = $1 AND duration_ns > $2 AND duration_ns < $3";
    let prepared = client.prepare(sql.into(), None).await.unwrap();
    let parameters = prepared.parameter_schema().unwrap();
    let parameters: Vec<_> =
        parameters.fields().iter().map(|f| (f.name().as_str(), f.data_type().clone())).collect();
    assert_eq!(
        parameters,
        [("$1", DataType::Utf8), ("$2", DataType::Int64), ("$3", DataType::Int64)]
    );
}

/// Scenario: the same question with numbered, named and question mark parameters, in types that
/// do and do not match the columns.
/// Guarantees: the rows are the same as with the values written into the SQL.
#[tokio::test(flavor = "multi_thread")]
async fn every_style_of_parameter() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let expected = [["5"]];
    let numbered = "SELECT count(*) FROM spans WHERE service_name = $1 AND duration_ns < $2";
    let check = async |client: &mut Client, sql: &str, values: RecordBatch| {
        let rows = run(client, sql, values).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(rows, expected, "{sql}");
    };
    let values = row(vec![text("db"), number(5_000_000)]);
    check(&mut client, numbered, values.clone()).await;
    let marks = "SELECT count(*) FROM spans WHERE service_name = ? AND duration_ns < ? -- ?";
    check(&mut client, marks, values.clone()).await;
    let named = "SELECT count(*) FROM spans WHERE service_name = $name AND duration_ns < $limit";
    let by_name = RecordBatch::try_from_iter([("limit", number(5_000_000)), ("name", text("db"))]);
    check(&mut client, named, by_name.unwrap()).await;
    let reused = "SELECT count(*) FROM spans
                  WHERE service_name = $1 AND $1 = 'db' AND duration_ns < $2";
    check(&mut client, reused, values).await;
    // Text where a number belongs is read as one; as text, '5000000' would be after '10000000'.
    check(&mut client, numbered, row(vec![text("db"), text("5000000")])).await;
    let double: ArrayRef = Arc::new(Float64Array::from(vec![4_999_999.5]));
    check(&mut client, numbered, row(vec![text("db"), double])).await;
    let plain = server
        .value("SELECT count(*) FROM spans WHERE service_name = 'db' AND duration_ns < 5000000");
    assert_eq!(plain.await, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn null_is_a_value() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let sql = "SELECT count(*) FROM spans WHERE parent_span_id IS NOT DISTINCT FROM $1";
    let typed: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    assert_eq!(run(&mut client, sql, row(vec![typed])).await.unwrap(), [[TRACES.to_string()]]);
    let untyped: ArrayRef = Arc::new(NullArray::new(1));
    assert_eq!(run(&mut client, sql, row(vec![untyped])).await.unwrap(), [[TRACES.to_string()]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_alone_in_the_select_list() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let sql = "SELECT $1 AS value";
    assert_eq!(run(&mut client, sql, row(vec![number(7)])).await.unwrap(), [["7"]]);
    assert_eq!(run(&mut client, sql, row(vec![text("x")])).await.unwrap(), [["x"]]);
    let limit = "SELECT span_name FROM spans ORDER BY start_time LIMIT ?";
    assert_eq!(run(&mut client, limit, row(vec![number(1)])).await.unwrap(), [["GET /cart"]]);
}

/// Scenario: several rows of parameters are bound at once.
/// Guarantees: the statement runs once for each row, and the results follow each other in that order.
#[tokio::test(flavor = "multi_thread")]
async fn several_rows_of_parameters() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let services: ArrayRef = Arc::new(StringArray::from(vec!["db", "nobody", "cart"]));
    let sql = "SELECT span_name, count(*) FROM spans WHERE service_name = $1 GROUP BY 1";
    let rows = run(&mut client, sql, row(vec![services])).await.unwrap();
    let count = TRACES.to_string();
    assert_eq!(rows, [["SELECT", &count], ["load cart", &count]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_refused() {
    let server = TestServer::with(Settings { max_parameter_rows: 2, ..Settings::default() }).await;
    let mut client = server.client().await;
    let sql = "SELECT count(*) FROM spans WHERE service_name = $1 AND duration_ns < $2";
    let check = async |client: &mut Client, values: RecordBatch, words: &str| {
        let error = run(client, sql, values).await.unwrap_err();
        assert_status(&error, Code::InvalidArgument, words);
    };
    check(&mut client, row(vec![text("db")]), "2 parameters, and 1 values").await;
    check(&mut client, row(vec![text("db"), number(1), number(2)]), "and 3 values").await;
    check(&mut client, row(vec![text("db"), text("many")]), "parameter $2").await;
    let boolean: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    check(&mut client, row(vec![text("db"), boolean]), "").await;
    let three: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    check(&mut client, row(vec![names, three]), "more than 2 rows").await;
    let none: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    let nobody: ArrayRef = Arc::new(StringArray::from(Vec::<&str>::new()));
    check(&mut client, row(vec![nobody, none]), "no row of parameters").await;

    let mut prepared = client.prepare(sql.into(), None).await.unwrap();
    let error = status(prepared.execute().await.unwrap_err());
    assert_status(&error, Code::InvalidArgument, "parameter $1 has no value");
    // The same in a query that leaves no chance to bind anything.
    assert_status(&server.error("SELECT $1").await, Code::InvalidArgument, "$1 has no value");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_parameters_are_refused() {
    let server = TestServer::with(Settings {
        max_parameter_bytes: 10_000,
        max_parameter_values: 5,
        ..Settings::default()
    });
    let server = server.await;
    let mut client = server.client().await;
    let sql = "SELECT count(*) FROM spans WHERE service_name = $1";
    let six: ArrayRef = Arc::new(StringArray::from(vec!["x"; 6]));
    let error = run(&mut client, sql, row(vec![six])).await.unwrap_err();
    assert_status(&error, Code::InvalidArgument, "more than 5 parameter values");
    run(&mut client, sql, row(vec![text(&"x".repeat(1_000))])).await.unwrap();
    let error = run(&mut client, sql, row(vec![text(&"x".repeat(10_000))])).await.unwrap_err();
    assert_status(&error, Code::InvalidArgument, "more than 10000 bytes");
}

/// Scenario: a client uses a handle that it closed, that has expired, or that is not ours.
/// Guarantees: each is told apart from a broken server, and says what to do.
#[tokio::test(flavor = "multi_thread")]
async fn handles_end() {
    let server = TestServer::start().await;
    let mut raw = server.raw_client().await;
    let mut info = async |handle: &[u8]| {
        let command =
            CommandPreparedStatementQuery { prepared_statement_handle: handle.to_vec().into() };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        status(raw.get_flight_info(descriptor).await.unwrap_err())
    };
    assert_status(&info(b"x").await, Code::InvalidArgument, "no prepared statement of this server");
    assert_status(&info(&[1; 16]).await, Code::NotFound, "prepare again");

    let mut client = server.client().await;
    let closed = client.prepare("SELECT 1".into(), None).await.unwrap();
    let closed_twice = client.prepare("SELECT 1".into(), None).await.unwrap();
    closed.close().await.unwrap();
    closed_twice.close().await.unwrap();

    let expiring =
        TestServer::with(Settings { prepared_statement_seconds: 0, ..Settings::default() }).await;
    let mut client = expiring.client().await;
    let mut prepared = client.prepare("SELECT 1".into(), None).await.unwrap();
    let error = status(prepared.execute().await.unwrap_err());
    assert_status(&error, Code::NotFound, "expired");
}

/// Scenario: a driver prepares statements and never closes them.
/// Guarantees: the oldest are forgotten, the newest work.
#[tokio::test(flavor = "multi_thread")]
async fn leaked_statements_make_room() {
    let server = TestServer::with(Settings { prepared_statements: 3, ..Settings::default() }).await;
    let mut client = server.client().await;
    let mut leaked = Vec::new();
    for _ in 0..5 {
        leaked.push(client.prepare("SELECT 1".into(), None).await.unwrap());
    }
    let error = status(leaked[0].execute().await.unwrap_err());
    assert_status(&error, Code::NotFound, "prepare again");
    leaked[4].execute().await.unwrap();
}
