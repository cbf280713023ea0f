//! The tables that users see, as views over the stored rows.
//!
//! A view is SQL that anyone can read, copy and change: `views/*.sql`. Column lists
//! come from the `schema` crate, so that each column name stands once.

use std::sync::Arc;

use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::prelude::SessionContext;
use schema::promoted::PROMOTED;
use schema::spans::{
    ATTRIBUTES, DROPPED_ATTRIBUTES_COUNT, DROPPED_EVENTS_COUNT, DROPPED_LINKS_COUNT, DURATION_NS,
    EVENTS, FLAGS, LINKS, NEGATIVE_DURATION_NS, PARENT_SPAN_ID, RESOURCE_ATTRIBUTES, SAMPLE_WEIGHT,
    SCHEMA_URL, SCOPE_ATTRIBUTES, SCOPE_NAME, SCOPE_VERSION, SEMCONV_CONFLICT, SERVICE_NAME,
    SPAN_ID, SPAN_KIND, SPAN_NAME, START_TIME_UNIX_NANO, STATUS_CODE, STATUS_MESSAGE, TRACE_ID,
    TRACE_STATE,
};
use schema::tree::TREE_COLUMNS;

use crate::error::{Error, Result};
use crate::read::StoredSpans;
use crate::snapshot::Snapshot;
use crate::sql::runtime::{CATALOG, STORAGE};

/// The views, in the order of their dependencies: name and SQL.
const VIEWS: &[(&str, &str)] = &[
    ("spans", include_str!("views/spans.sql")),
    ("traces", include_str!("views/traces.sql")),
    ("span_events", include_str!("views/span_events.sql")),
    ("span_links", include_str!("views/span_links.sql")),
    ("exceptions", include_str!("views/exceptions.sql")),
];

/// The views, planned. Planning takes longer than many queries, and a lake that receives spans has a new
/// snapshot for nearly every query, so it is done once.
#[derive(Debug)]
pub(crate) struct PlannedViews(Vec<PlannedView>);

#[derive(Debug)]
struct PlannedView {
    name: &'static str,
    sql: String,
    plan: LogicalPlan,
}

impl PlannedViews {
    /// Plans the views in `context`, over no rows.
    pub(crate) async fn new(context: &SessionContext) -> Result<Self> {
        register_storage(context, Arc::new(StoredSpans::new(Snapshot::empty())))?;
        let mut views = Vec::with_capacity(VIEWS.len());
        for (name, template) in VIEWS {
            let sql = fill(template);
            let plan = context.state().create_logical_plan(&sql).await?;
            let table = ViewTable::new(plan.clone(), Some(sql.clone()));
            context.register_table(*name, Arc::new(table))?;
            views.push(PlannedView { name, sql, plan });
        }
        Ok(Self(views))
    }

    /// Registers the stored rows of `snapshot` and the views over them.
    pub(crate) fn register(&self, context: &SessionContext, snapshot: Snapshot) -> Result<()> {
        let spans: Arc<dyn TableProvider> = Arc::new(StoredSpans::new(snapshot));
        register_storage(context, Arc::clone(&spans))?;
        let source = provider_as_source(spans);
        for PlannedView { name, sql, plan } in &self.0 {
            let plan = over(plan.clone(), &source)?;
            context.register_table(*name, Arc::new(ViewTable::new(plan, Some(sql.clone()))))?;
        }
        Ok(())
    }
}

fn register_storage(context: &SessionContext, spans: Arc<dyn TableProvider>) -> Result<()> {
    let storage = Arc::new(MemorySchemaProvider::new());
    storage.register_table("spans".into(), spans)?;
    let catalog = context
        .catalog(CATALOG)
        .ok_or_else(|| Error::Internal("the session has no catalog".into()))?;
    catalog.register_schema(STORAGE, storage)?;
    Ok(())
}

/// The same plan over other stored rows: views read nothing else.
fn over(plan: LogicalPlan, source: &Arc<dyn TableSource>) -> Result<LogicalPlan> {
    let replaced = plan.transform_down_with_subqueries(|node| match node {
        LogicalPlan::TableScan(mut scan) => {
            scan.source = Arc::clone(source);
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

/// Puts the column lists into a view's SQL.
fn fill(template: &str) -> String {
    template
        .replace("{{span_columns}}", &span_columns().join(",\n    "))
        .replace("{{root_columns}}", &root_columns().join(",\n    "))
}

/// The columns of `spans`: stored ones in their SQL form, promoted ones, tree columns, and the rest.
fn span_columns() -> Vec<String> {
    let plain = |name: &&str| (*name).to_string();
    let mut columns = vec![
        format!("trace_id_hex({TRACE_ID}) AS {TRACE_ID}"),
        format!("span_id_hex({SPAN_ID}) AS {SPAN_ID}"),
        format!("span_id_hex({PARENT_SPAN_ID}) AS {PARENT_SPAN_ID}"),
    ];
    columns.extend([TRACE_STATE, SERVICE_NAME, SPAN_NAME, SPAN_KIND].iter().map(plain));
    columns.push(format!("{} AS start_time", timestamp(START_TIME_UNIX_NANO)));
    columns.push(format!(
        "{} AS end_time",
        timestamp(&format!("{START_TIME_UNIX_NANO} + {DURATION_NS}"))
    ));
    columns.extend(
        [
            DURATION_NS,
            STATUS_CODE,
            STATUS_MESSAGE,
            SCOPE_NAME,
            SCOPE_VERSION,
            ATTRIBUTES,
            RESOURCE_ATTRIBUTES,
            EVENTS,
            LINKS,
        ]
        .iter()
        .map(plain),
    );
    columns.push(format!("coalesce({SAMPLE_WEIGHT}, 1.0) AS {SAMPLE_WEIGHT}"));
    columns.extend(PROMOTED.iter().map(|column| column.name.to_string()));
    columns.extend(TREE_COLUMNS.iter().map(|c| format!("tree['{}'] AS {}", c.name, c.name)));
    columns.extend(
        [
            FLAGS,
            NEGATIVE_DURATION_NS,
            SCOPE_ATTRIBUTES,
            SCHEMA_URL,
            DROPPED_ATTRIBUTES_COUNT,
            DROPPED_EVENTS_COUNT,
            DROPPED_LINKS_COUNT,
            SEMCONV_CONFLICT,
        ]
        .iter()
        .map(plain),
    );
    columns
}

/// The promoted columns of a trace's root span.
fn root_columns() -> Vec<String> {
    let of_root = |name: &str| format!("max(CASE WHEN is_primary_root THEN {name} END) AS {name}");
    PROMOTED.iter().map(|column| of_root(column.name)).collect()
}

fn timestamp(nanos: &str) -> String {
    format!("arrow_cast({nanos}, 'Timestamp(Nanosecond, Some(\"UTC\"))')")
}
