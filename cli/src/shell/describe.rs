//! Lists of tables, columns and functions, for the `\d` commands and for completion.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use engine::{Session, TableInfo};

use super::completion::Words;
use super::meta::TableKind;
use crate::failure::usage;
use crate::output::type_name;

/// The schema whose tables need no prefix.
const PUBLIC: &str = "public";
/// The schema that describes the others; nobody has to be told about it.
const INFORMATION_SCHEMA: &str = "information_schema";

const FUNCTIONS: &str = "\
    SELECT DISTINCT routine_name AS name, lower(function_type) AS kind, \
    split_part(description, '.', 1) AS description \
    FROM information_schema.routines ORDER BY 1";

/// Tables and views.
pub(super) async fn tables(session: &Session, kind: TableKind) -> Result<RecordBatch> {
    let tables = listed(session).await?;
    let tables: Vec<&TableInfo> = tables
        .iter()
        .filter(|table| match kind {
            TableKind::Any => true,
            TableKind::Table => !table.is_view,
            TableKind::View => table.is_view,
        })
        .collect();
    rows(&[
        ("schema", tables.iter().map(|table| table.schema.clone()).collect()),
        ("name", tables.iter().map(|table| table.name.clone()).collect()),
        ("type", tables.iter().map(|t| if t.is_view { "view" } else { "table" }.into()).collect()),
        ("columns", tables.iter().map(|t| t.columns.fields().len().to_string()).collect()),
    ])
}

/// The columns of one table.
pub(super) async fn columns(session: &Session, name: &str) -> Result<RecordBatch> {
    let (schema, table) = name.split_once('.').unwrap_or((PUBLIC, name));
    let tables = session.tables().await?;
    let found = tables.iter().find(|info| info.schema == schema && info.name == table);
    let Some(found) = found else {
        return usage(format!("table `{name}` not found; \\d lists the tables"));
    };
    let fields = found.columns.fields();
    rows(&[
        ("column", fields.iter().map(|field| field.name().clone()).collect()),
        ("type", fields.iter().map(|field| type_name(field.data_type())).collect()),
    ])
}

/// The functions whose name contains `part`.
pub(super) async fn functions(session: &Session, part: &str) -> Result<RecordBatch> {
    let batches = session.query(FUNCTIONS).await?.collect().await?;
    let mut found: [Vec<String>; 3] = Default::default();
    for batch in &batches {
        let columns: Vec<ArrayRef> = batch
            .columns()
            .iter()
            .map(|column| arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            if columns[0].as_string::<i32>().value(row).contains(part) {
                for (column, values) in columns.iter().zip(&mut found) {
                    values.push(column.as_string::<i32>().value(row).trim().to_owned());
                }
            }
        }
    }
    let [names, kinds, descriptions] = found;
    rows(&[("function", names), ("kind", kinds), ("description", descriptions)])
}

/// What completion knows. Completion may know less than it could, so failures do not count.
pub(super) async fn words(session: &Session) -> Words {
    let tables = listed(session).await.unwrap_or_default();
    let name_of = |table: &TableInfo| match table.schema.as_str() {
        PUBLIC => table.name.clone(),
        schema => format!("{schema}.{}", table.name),
    };
    let columns_of = |table: &TableInfo| {
        table.columns.fields().iter().map(|field| field.name().clone()).collect()
    };
    let functions = match functions(session, "").await {
        Ok(batch) => {
            batch.column(0).as_string::<i32>().iter().flatten().map(String::from).collect()
        }
        Err(_) => Vec::new(),
    };
    let mut functions: Vec<String> = functions;
    functions.dedup();
    Words {
        tables: tables.iter().map(|table| (name_of(table), columns_of(table))).collect(),
        functions,
    }
}

async fn listed(session: &Session) -> Result<Vec<TableInfo>> {
    let mut tables = session.tables().await?;
    tables.retain(|table| table.schema != INFORMATION_SCHEMA);
    Ok(tables)
}

fn rows(columns: &[(&str, Vec<String>)]) -> Result<RecordBatch> {
    let columns = columns
        .iter()
        .map(|(name, values)| (*name, Arc::new(StringArray::from_iter_values(values)) as ArrayRef));
    Ok(RecordBatch::try_from_iter(columns)?)
}
