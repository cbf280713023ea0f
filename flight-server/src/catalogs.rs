//! What is there: catalogs, schemas, tables, and the keys that tables do not have.
//!
//! A filter that the client leaves out does not filter. Drivers ask without filters
//! first, and show an empty tree if that finds nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables,
};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use engine::TableInfo;
use engine::columns::announced;
use tonic::Status;

use crate::service::Service;
use crate::status;
use crate::types::sql_name;

const TABLE: &str = "TABLE";
const VIEW: &str = "VIEW";

/// Key of the field metadata in which drivers look for the SQL name of a column's type.
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// The catalogs.
pub(crate) async fn catalogs(
    service: &Service,
    command: CommandGetCatalogs,
) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    let names: BTreeSet<_> = tables_of(service).await?.into_iter().map(|t| t.catalog).collect();
    names.into_iter().for_each(|name| builder.append(name));
    builder.build().map_err(status::unexpected)
}

/// The schemas.
pub(crate) async fn schemas(
    service: &Service,
    command: CommandGetDbSchemas,
) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    let tables = tables_of(service).await?.into_iter();
    let names: BTreeSet<_> = tables.map(|table| (table.catalog, table.schema)).collect();
    names.into_iter().for_each(|(catalog, schema)| builder.append(catalog, schema));
    builder.build().map_err(|e| status::invalid(e.to_string()))
}

/// The tables and views, with their columns if the client wants them.
pub(crate) async fn tables(
    service: &Service,
    command: CommandGetTables,
) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    for table in tables_of(service).await? {
        let TableInfo { catalog, schema, name, is_view, columns } = table;
        let kind = if is_view { VIEW } else { TABLE };
        let columns = described(&columns);
        builder.append(catalog, schema, name, kind, &columns).map_err(status::unexpected)?;
    }
    // A filter pattern may be malformed.
    builder.build().map_err(|e| status::invalid(e.to_string()))
}

/// The kinds of tables.
pub(crate) fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    builder.append(TABLE);
    builder.append(VIEW);
    builder.build().map_err(status::unexpected)
}

/// The columns of the answer to `GetPrimaryKeys`.
pub(crate) fn primary_keys_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            text("catalog_name", true),
            text("db_schema_name", true),
            text("table_name", false),
            text("column_name", false),
            text("key_name", true),
            Field::new("key_sequence", DataType::Int32, false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

/// The columns of the answers about foreign keys.
pub(crate) fn foreign_keys_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            text("pk_catalog_name", true),
            text("pk_db_schema_name", true),
            text("pk_table_name", false),
            text("pk_column_name", false),
            text("fk_catalog_name", true),
            text("fk_db_schema_name", true),
            text("fk_table_name", false),
            text("fk_column_name", false),
            Field::new("key_sequence", DataType::Int32, false),
            text("fk_key_name", true),
            text("pk_key_name", true),
            Field::new("update_rule", DataType::UInt8, false),
            Field::new("delete_rule", DataType::UInt8, false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

/// No keys: the tables have none.
pub(crate) fn no_keys(schema: SchemaRef) -> RecordBatch {
    RecordBatch::new_empty(schema)
}

async fn tables_of(service: &Service) -> Result<Vec<TableInfo>, Status> {
    let engine = service.engine.clone();
    service.compute.run(async move { engine.session().await?.tables().await }).await
}

/// The columns as a query returns them, each with the SQL name of its type.
fn described(columns: &Schema) -> Schema {
    let fields = announced(columns);
    let fields = fields.fields().iter().map(|field| {
        let mut metadata: HashMap<_, _> = field.metadata().clone();
        metadata.insert(TYPE_NAME.into(), sql_name(field.data_type()).into());
        field.as_ref().clone().with_metadata(metadata)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}
