//! Clients that ask for what they must not have, or send what is no message.

use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionCreatePreparedSubstraitPlanRequest, Any, CommandGetTables,
    CommandStatementIngest, CommandStatementQuery, CommandStatementSubstraitPlan,
    CommandStatementUpdate, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, Ticket};
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::Code;

use crate::it::fixtures::{TestServer, assert_status, fetch_ticket, status};

async fn assert_alive(server: &TestServer) {
    assert_eq!(server.value("SELECT 1").await, "1");
}

/// Scenario: statements that write, change settings, read files or are two, through every call
/// that takes SQL.
/// Guarantees: each is the caller's fault, and the server lives.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_sql_through_every_entrance() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let mut raw = server.raw_client().await;
    let statements = [
        "CREATE TABLE t AS SELECT 1".to_string(),
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'".into(),
        "CREATE VIEW v AS SELECT 1".into(),
        "DROP VIEW spans".into(),
        "INSERT INTO storage.spans SELECT * FROM storage.spans".into(),
        "DELETE FROM spans".into(),
        "UPDATE spans SET span_name = 'x'".into(),
        "TRUNCATE TABLE spans".into(),
        "COPY spans TO '/tmp/stolen.parquet'".into(),
        "EXPLAIN ANALYZE COPY spans TO '/tmp/stolen.parquet'".into(),
        "EXPLAIN DELETE FROM spans".into(),
        "SET datafusion.execution.batch_size = 1".into(),
        "PREPARE p AS SELECT 1".into(),
        "EXECUTE p".into(),
        "BEGIN".into(),
        "SELECT 1; DROP VIEW spans".into(),
        "SELECT * FROM '/etc/passwd'".into(),
        "SELECT * FROM 'file:///etc/passwd'".into(),
        "SELECT * FROM 's3://bucket/key'".into(),
        "SELECT * FROM nobody.spans".into(),
        "SELECT nothing FROM spans".into(),
        "SELEC 1".into(),
        "SELECT '\u{0}".into(),
        String::new(),
        ";".into(),
        format!("SELECT {}1", "1+".repeat(20_000)),
        format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT {}", "NOT ".repeat(100_000)),
        format!("SELECT '{}'", "x".repeat(2 << 20)),
        format!("SELECT {} AS \"?\", ?", "'?',".repeat(1_000)),
    ];
    for sql in &statements {
        let shown: String = sql.chars().take(60).collect();
        let check = |entrance: &str, error: FlightError| {
            let error = status(error);
            assert_eq!(error.code(), Code::InvalidArgument, "{entrance} {shown}: {error:?}");
            assert_status(&error, Code::InvalidArgument, "");
        };
        let executed = client.execute(sql.clone(), None).await;
        check("execute", executed.expect_err(&shown));
        // A statement with an open parameter may be prepared.
        if !sql.ends_with('?') {
            let prepared = client.prepare(sql.clone(), None).await.map(|_| ());
            check("prepare", prepared.expect_err(&shown));
            let command = CommandStatementQuery { query: sql.clone(), transaction_id: None };
            let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
            check("schema", raw.get_schema(descriptor).await.expect_err(&shown));
        }
    }
    assert_alive(&server).await;
}

/// Scenario: the longest chains of operators that the guard lets through.
/// Guarantees: they are planned, run and forgotten on threads that are made for them.
#[tokio::test(flavor = "multi_thread")]
async fn the_deepest_allowed_query() {
    let server = TestServer::start().await;
    let limit = server.engine.settings().sql_max_operators;
    let ors = "duration_ns=1 OR ".repeat(limit - 1);
    assert_eq!(server.value(&format!("SELECT count(*) FROM spans WHERE {ors}false")).await, "0");
    // Arithmetic takes time with the square of its depth: less shows as much here.
    let terms = limit / 10;
    let sum = format!("SELECT {}1 AS x", "1+".repeat(terms - 1));
    assert_eq!(server.value(&sum).await, terms.to_string());
    let mut client = server.client().await;
    let sql = format!("SELECT {}$1 AS x", "1+".repeat(terms - 1));
    client.prepare(sql, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tickets() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT 1 AS one".into(), None).await.unwrap();
    let real = info.endpoint[0].ticket.clone().unwrap().ticket;
    let of_handle = |handle: &[u8]| {
        TicketStatementQuery { statement_handle: handle.to_vec().into() }.as_any().encode_to_vec()
    };
    let truncated = real[..real.len() - 1].to_vec();
    let sql = CommandStatementQuery { query: "SELECT 1".into(), transaction_id: None };
    let update = CommandStatementUpdate { query: "DROP VIEW spans".into(), transaction_id: None };
    for (ticket, code) in [
        (vec![], Code::InvalidArgument),
        (b"SELECT 1".to_vec(), Code::InvalidArgument),
        (truncated, Code::InvalidArgument),
        (of_handle(b"SELECT * FROM spans"), Code::InvalidArgument),
        (of_handle(&vec![7; 1 << 20]), Code::InvalidArgument),
        (of_handle(&[0; 16]), Code::NotFound),
        // SQL is no ticket: it would come in unchecked.
        (sql.as_any().encode_to_vec(), Code::Unimplemented),
        (update.as_any().encode_to_vec(), Code::Unimplemented),
    ] {
        let error = fetch_ticket(&mut client, Ticket::new(ticket)).await.unwrap_err();
        assert_status(&error, code, "");
    }
    assert_alive(&server).await;
}

/// Scenario: bytes that are no messages, messages within the wrong call, empty messages.
/// Guarantees: the caller is told so, in words.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages() {
    let server = TestServer::start().await;
    let mut raw = server.raw_client().await;
    let wrong_type =
        Any { type_url: "type.googleapis.com/google.protobuf.Empty".into(), value: vec![].into() };
    let broken_inside =
        Any { type_url: CommandGetTables::type_url().into(), value: vec![0xff; 9].into() };
    let messages = [
        vec![],
        vec![0xff; 64],
        b"SELECT 1".to_vec(),
        wrong_type.encode_to_vec(),
        broken_inside.encode_to_vec(),
    ];
    for message in messages {
        let descriptor = FlightDescriptor::new_cmd(message.clone());
        let error = status(raw.get_flight_info(descriptor.clone()).await.unwrap_err());
        assert_status(&error, Code::InvalidArgument, "");
        let error = status(raw.get_schema(descriptor.clone()).await.unwrap_err());
        assert_status(&error, Code::InvalidArgument, "");
        let error = status(raw.do_get(Ticket::new(message.clone())).await.unwrap_err());
        assert_status(&error, Code::InvalidArgument, "");
        let data = FlightData::new().with_descriptor(descriptor).with_data_body(vec![1; 100]);
        let put = raw.do_put(stream::iter([Ok(data)])).await;
        let error = match put {
            Err(error) => error,
            Ok(answers) => answers.try_collect::<Vec<_>>().await.unwrap_err(),
        };
        assert_status(&status(error), Code::InvalidArgument, "");
        for name in ["CreatePreparedStatement", "ClosePreparedStatement", "CancelQuery"] {
            let done = raw.do_action(Action::new(name, message.clone())).await;
            let error = match done {
                Err(error) => error,
                Ok(mut answers) => answers.next().await.unwrap().unwrap_err(),
            };
            assert_status(&status(error), Code::InvalidArgument, "");
        }
    }
    let path = FlightDescriptor::new_path(vec!["spans".into()]);
    let error = status(raw.get_flight_info(path).await.unwrap_err());
    assert_status(&error, Code::InvalidArgument, "");
    assert_alive(&server).await;
}

/// Scenario: parameters whose Arrow data is random.
/// Guarantees: the caller is told, and the server lives.
#[tokio::test(flavor = "multi_thread")]
async fn random_parameters() {
    let server = TestServer::start().await;
    let mut raw = server.raw_client().await;
    let mut client = server.client().await;
    let create = arrow_flight::sql::ActionCreatePreparedStatementRequest {
        query: "SELECT $1 AS x".into(),
        transaction_id: None,
    };
    let action = Action::new("CreatePreparedStatement", create.as_any().encode_to_vec());
    let answer = raw.do_action(action).await.unwrap().next().await.unwrap().unwrap();
    let created = Any::decode(&*answer).unwrap();
    let created: arrow_flight::sql::ActionCreatePreparedStatementResult =
        created.unpack().unwrap().unwrap();
    let command = arrow_flight::sql::CommandPreparedStatementQuery {
        prepared_statement_handle: created.prepared_statement_handle,
    };
    for (header, body) in [(vec![], vec![]), (vec![1; 40], vec![2; 400]), (vec![0; 8], vec![0; 8])]
    {
        let data = FlightData::new()
            .with_descriptor(FlightDescriptor::new_cmd(command.as_any().encode_to_vec()))
            .with_data_header(header)
            .with_data_body(body);
        let put = raw.do_put(stream::iter([Ok(data)])).await;
        let error = match put {
            Err(error) => error,
            Ok(answers) => answers.try_collect::<Vec<_>>().await.unwrap_err(),
        };
        assert_eq!(status(error).code(), Code::InvalidArgument);
    }
    let info = client.execute("SELECT 1".into(), None).await;
    info.unwrap();
}

/// Scenario: calls of the protocol that write, or that bring a plan past the SQL checks.
/// Guarantees: they do not exist here.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let mut raw = server.raw_client().await;
    let update = client.execute_update("DELETE FROM spans".into(), None).await.unwrap_err();
    assert_status(&status(update), Code::Unimplemented, "");
    let begin = client.begin_transaction().await.unwrap_err();
    assert_status(&status(begin), Code::Unimplemented, "");

    let substrait = CommandStatementSubstraitPlan::default().as_any().encode_to_vec();
    let descriptor = FlightDescriptor::new_cmd(substrait);
    let error = raw.get_flight_info(descriptor.clone()).await.unwrap_err();
    assert_status(&status(error), Code::Unimplemented, "");
    let error = raw.get_schema(descriptor).await.unwrap_err();
    assert_status(&status(error), Code::Unimplemented, "");

    let ingest = CommandStatementIngest::default().as_any().encode_to_vec();
    let data = FlightData::new().with_descriptor(FlightDescriptor::new_cmd(ingest));
    let put = raw.do_put(stream::iter([Ok(data)])).await;
    let error = match put {
        Err(error) => error,
        Ok(answers) => answers.try_collect::<Vec<_>>().await.unwrap_err(),
    };
    assert_status(&status(error), Code::Unimplemented, "");

    let actions = [
        (
            "CreatePreparedSubstraitPlan",
            ActionCreatePreparedSubstraitPlanRequest::default().as_any(),
        ),
        ("BeginTransaction", ActionBeginTransactionRequest::default().as_any()),
        ("DropEverything", Any::default()),
    ];
    for (name, body) in actions {
        let done = raw.do_action(Action::new(name, body.encode_to_vec())).await;
        let error = match done {
            Err(error) => error,
            Ok(mut answers) => answers.next().await.unwrap().unwrap_err(),
        };
        assert_status(&status(error), Code::Unimplemented, "");
    }
    let exchange = raw.do_exchange(stream::iter([Ok(FlightData::new())])).await;
    let error = match exchange {
        Err(error) => error,
        Ok(rows) => rows.try_collect::<Vec<_>>().await.unwrap_err(),
    };
    assert_status(&status(error), Code::Unimplemented, "");
    let flights = raw.list_flights("").await.map(|_| ());
    assert_status(&status(flights.unwrap_err()), Code::Unimplemented, "");
    let with_transaction = client.execute("SELECT 1".into(), Some(vec![1].into())).await;
    assert_status(&status(with_transaction.unwrap_err()), Code::InvalidArgument, "transaction");
    assert_alive(&server).await;
}
