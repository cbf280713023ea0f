//! What drivers ask before and between queries.

use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, SqlInfo,
};
use arrow_flight::{FlightInfo, IpcMessage};
use datafusion::arrow::array::{Array, AsArray, UnionArray};
use datafusion::arrow::datatypes::{DataType, Schema, UInt32Type};
use futures::TryStreamExt;

use crate::it::fixtures::{Client, Fetched, TestServer, fetch};

async fn result(client: &mut Client, info: arrow_flight::error::Result<FlightInfo>) -> Fetched {
    let info = info.expect("a FlightInfo");
    fetch(client, &info).await.expect("a result")
}

fn any_table() -> CommandGetTables {
    CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: None,
        table_name_filter_pattern: None,
        table_types: vec![],
        include_schema: false,
    }
}

async fn table_names(client: &mut Client, command: CommandGetTables) -> Vec<String> {
    let info = client.get_tables(command).await;
    let rows = result(client, info).await.rows();
    rows.into_iter().map(|row| format!("{}.{}", row[1], row[2])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_and_schemas() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let info = client.get_catalogs().await;
    assert_eq!(result(&mut client, info).await.rows(), [["spanlake"]]);

    let mut schemas = async |catalog: Option<&str>, pattern: Option<&str>| {
        let command = CommandGetDbSchemas {
            catalog: catalog.map(Into::into),
            db_schema_filter_pattern: pattern.map(Into::into),
        };
        let info = client.get_db_schemas(command).await;
        let rows = result(&mut client, info).await.rows();
        rows.into_iter().map(|row| row[1].clone()).collect::<Vec<_>>()
    };
    let all = schemas(None, None).await;
    assert!(all.contains(&"public".into()) && all.is_sorted(), "{all:?}");
    assert_eq!(schemas(Some("spanlake"), None).await, all);
    assert_eq!(schemas(Some("other"), None).await, [""; 0]);
    assert_eq!(schemas(None, Some("pub%")).await, ["public"]);
    assert_eq!(schemas(None, Some("p_blic")).await, ["public"]);
}

/// Scenario: drivers list tables with every filter, alone, together and left out.
/// Guarantees: a filter that is left out does not filter.
#[tokio::test(flavor = "multi_thread")]
async fn tables_by_filter() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let all = table_names(&mut client, any_table()).await;
    for name in ["public.spans", "public.traces", "public.exceptions", "storage.spans"] {
        assert!(all.iter().any(|have| have == name), "{name} is not in {all:?}");
    }
    let some = |value: &str| Some(value.to_string());
    let same = CommandGetTables { catalog: some("spanlake"), ..any_table() };
    assert_eq!(table_names(&mut client, same).await, all);
    let other = CommandGetTables { catalog: some("other"), ..any_table() };
    assert_eq!(table_names(&mut client, other).await, [""; 0]);
    let without_catalog = CommandGetTables { catalog: some(""), ..any_table() };
    assert_eq!(table_names(&mut client, without_catalog).await, [""; 0]);

    let public = CommandGetTables { db_schema_filter_pattern: some("public"), ..any_table() };
    let public_names = table_names(&mut client, public.clone()).await;
    assert!(public_names.iter().all(|name| name.starts_with("public.")), "{public_names:?}");
    let percent = CommandGetTables { table_name_filter_pattern: some("span%"), ..public.clone() };
    let names = table_names(&mut client, percent).await;
    assert!(names.contains(&"public.span_events".into()), "{names:?}");
    let one = CommandGetTables { table_name_filter_pattern: some("s_ans"), ..public.clone() };
    assert_eq!(table_names(&mut client, one).await, ["public.spans"]);
    // An escaped `_` matches itself only.
    let escaped = CommandGetTables { table_name_filter_pattern: some("span\\_links"), ..public };
    assert_eq!(table_names(&mut client, escaped).await, ["public.span_links"]);

    let of_type = |kind: &str| CommandGetTables { table_types: vec![kind.into()], ..any_table() };
    let views = table_names(&mut client, of_type("VIEW")).await;
    let tables = table_names(&mut client, of_type("TABLE")).await;
    assert!(views.contains(&"public.traces".into()) && tables.contains(&"storage.spans".into()));
    assert_eq!(views.len() + tables.len(), all.len());
    assert_eq!(table_names(&mut client, of_type("SYNONYM")).await, [""; 0]);
}

/// Scenario: a driver asks for the columns of every table.
/// Guarantees: they are those of `SELECT *`, and each has the SQL name of its type.
#[tokio::test(flavor = "multi_thread")]
async fn columns_are_those_of_a_query() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let info = client.get_tables(CommandGetTables { include_schema: true, ..any_table() }).await;
    let tables = result(&mut client, info).await;
    let mut seen = 0;
    for batch in &tables.batches {
        let schemas = batch.column(4).as_binary::<i32>();
        for row in 0..batch.num_rows() {
            let name = |column: usize| batch.column(column).as_string::<i32>().value(row);
            let bytes = schemas.value(row).to_vec();
            let schema = Schema::try_from(IpcMessage(bytes.into())).expect("a schema");
            let sql = format!("SELECT * FROM {}.{}.{}", name(0), name(1), name(2));
            let info = client.execute(sql.clone(), None).await;
            let queried = info.expect(&sql).try_decode_schema().expect("a schema");
            let typed = |f: &datafusion::arrow::datatypes::FieldRef| {
                (f.name().clone(), f.data_type().clone(), f.is_nullable())
            };
            let listed: Vec<_> = schema.fields().iter().map(typed).collect();
            let queried: Vec<_> = queried.fields().iter().map(typed).collect();
            assert_eq!(listed, queried, "{sql}");
            for field in schema.fields() {
                let type_name = field.metadata().get("ARROW:FLIGHT:SQL:TYPE_NAME");
                assert!(type_name.is_some_and(|name| !name.is_empty()), "{sql}: {field}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn table_types() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let info = client.get_table_types().await;
    assert_eq!(result(&mut client, info).await.rows(), [["TABLE"], ["VIEW"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_keys() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let info = client
        .get_primary_keys(CommandGetPrimaryKeys {
            catalog: None,
            db_schema: None,
            table: "spans".into(),
        })
        .await;
    let keys = result(&mut client, info).await;
    assert_eq!((keys.rows().len(), keys.schema.fields().len()), (0, 6));
    let info = client
        .get_exported_keys(CommandGetExportedKeys {
            catalog: None,
            db_schema: None,
            table: "spans".into(),
        })
        .await;
    let keys = result(&mut client, info).await;
    assert_eq!((keys.rows().len(), keys.schema.fields().len()), (0, 13));
    let info = client
        .get_imported_keys(CommandGetImportedKeys {
            catalog: None,
            db_schema: None,
            table: "spans".into(),
        })
        .await;
    assert_eq!(result(&mut client, info).await.rows().len(), 0);
    let info = client
        .get_cross_reference(CommandGetCrossReference {
            pk_table: "spans".into(),
            fk_table: "traces".into(),
            ..CommandGetCrossReference::default()
        })
        .await;
    assert_eq!(result(&mut client, info).await.rows().len(), 0);
}

fn info_values(result: &Fetched) -> Vec<(u32, String)> {
    let mut values = Vec::new();
    for batch in &result.batches {
        let names = batch.column(0).as_primitive::<UInt32Type>();
        let union = batch.column(1).as_any().downcast_ref::<UnionArray>().expect("a union");
        for row in 0..batch.num_rows() {
            let value = union.value(row);
            let text = datafusion::arrow::util::display::array_value_to_string(&value, 0);
            values.push((names.value(row), text.expect("a printable value")));
        }
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_info() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let info = client.get_sql_info(vec![]).await;
    let all = info_values(&result(&mut client, info).await);
    assert!(all.len() > 60, "{}", all.len());
    let value = |question: SqlInfo| {
        let found = all.iter().find(|(name, _)| *name == question as u32);
        found.unwrap_or_else(|| panic!("{question:?}")).1.as_str()
    };
    assert_eq!(value(SqlInfo::FlightSqlServerName), "Spanlake");
    assert_eq!(value(SqlInfo::FlightSqlServerVersion), env!("CARGO_PKG_VERSION"));
    assert_eq!(value(SqlInfo::FlightSqlServerReadOnly), "true");
    assert_eq!(value(SqlInfo::FlightSqlServerSubstrait), "false");
    assert_eq!(value(SqlInfo::FlightSqlServerTransaction), "0");
    assert_eq!(value(SqlInfo::FlightSqlServerStatementTimeout), "600000");
    assert_eq!(value(SqlInfo::SqlIdentifierQuoteChar), "\"");
    assert_eq!(value(SqlInfo::SqlMaxStatementLength), (1 << 20).to_string());

    // Substrait has no versions, as it is not there.
    let questions = (0..=11).filter(|q| ![6, 7].contains(q)).chain(100..=101).chain(500..=576);
    let unanswered: Vec<u32> =
        questions.filter(|q| all.iter().all(|(answered, _)| answered != q)).collect();
    assert_eq!(unanswered, [0; 0]);

    let some = vec![SqlInfo::FlightSqlServerName, SqlInfo::SqlDdlTable];
    let info = client.get_sql_info(some).await;
    let some = info_values(&result(&mut client, info).await);
    assert_eq!(some, [(0, "Spanlake".into()), (502, "false".into())]);
}

/// Scenario: a driver shows the functions that the server lists.
/// Guarantees: each of them exists.
#[tokio::test(flavor = "multi_thread")]
async fn listed_functions_exist() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let questions = vec![
        SqlInfo::SqlNumericFunctions,
        SqlInfo::SqlStringFunctions,
        SqlInfo::SqlDatetimeFunctions,
        SqlInfo::SqlSystemFunctions,
    ];
    let info = client.get_sql_info(questions).await;
    let mut missing = Vec::new();
    for (_, list) in info_values(&result(&mut client, info).await) {
        for name in list.trim_matches(['[', ']']).split(", ") {
            let error = server
                .client()
                .await
                .execute(format!("SELECT {name}(1, 2, 3, 4, 5, 6, 7)"), None)
                .await;
            let error = error.err().map(|e| e.to_string()).unwrap_or_default();
            if error.contains("Invalid function") {
                missing.push(name.to_string());
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn xdbc_types() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: None }).await;
    let all = result(&mut client, info).await;
    let names: Vec<String> = all.rows().into_iter().map(|row| row[0].clone()).collect();
    for name in ["BIGINT", "VARCHAR", "TIMESTAMP", "BOOLEAN", "DOUBLE"] {
        assert!(names.iter().any(|have| have == name), "{name} is not in {names:?}");
    }
    let bigint = -5;
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: Some(bigint) }).await;
    let one = result(&mut client, info).await.rows();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0][0], "BIGINT");
    assert_eq!(all.schema.field(0).data_type(), &DataType::Utf8);
}

/// Scenario: a client lists the actions.
/// Guarantees: only those that work are there.
#[tokio::test(flavor = "multi_thread")]
async fn actions() {
    let server = TestServer::start().await;
    let mut raw = server.raw_client().await;
    let actions: Vec<_> = raw.list_actions().await.unwrap().try_collect().await.unwrap();
    let names: Vec<_> = actions.iter().map(|action| action.r#type.as_str()).collect();
    assert_eq!(
        names,
        ["CreatePreparedStatement", "ClosePreparedStatement", "CancelQuery", "CancelFlightInfo"]
    );
}
