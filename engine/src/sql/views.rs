//! The tables that users see, as views over the stored rows.
//!
//! A view is SQL that anyone can read, copy and change: `views/*.sql`. Column lists
//! come from the `schema` crate, so that each column name stands once.

use std::sync::Arc;

use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::prelude::SessionContext;
use schema::assembled::{TRACE_END_UNIX_NANO, TRACE_START_UNIX_NANO, tree_column_sql};
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
use crate::read::{Divided, Part, StoredSpans};
use crate::sql::rollups::{Buckets, Counted};
use crate::sql::runtime::{CATALOG, STORAGE};
use crate::sql::view::{Definition, Source, View};

/// The views, in the order of their dependencies: name and SQL. `spans` and `traces` are put
/// together from the parts that have rows.
const VIEWS: &[(&str, &str)] = &[
    ("spans", "{{spans}}"),
    ("traces", "{{traces}}"),
    ("span_events", include_str!("views/span_events.sql")),
    ("span_links", include_str!("views/span_links.sql")),
    ("exceptions", include_str!("views/exceptions.sql")),
    ("edges", include_str!("views/edges.sql")),
];

const ASSEMBLED_SPANS: &str = include_str!("views/assembled_spans.sql");
const FRESH_SPANS: &str = include_str!("views/fresh_spans.sql");
const ASSEMBLED_TRACES: &str = include_str!("views/assembled_traces.sql");
const FRESH_TRACES: &str = include_str!("views/fresh_traces.sql");

/// Which parts of a snapshot have rows: what is not there need not be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Parts {
    Assembled,
    Fresh,
    Both,
}

impl Parts {
    /// The parts of a snapshot.
    pub(crate) fn of(divided: &Divided) -> Self {
        match (divided.is_empty(Part::Assembled), divided.is_empty(Part::Fresh)) {
            (false, true) => Self::Assembled,
            (true, _) => Self::Fresh,
            (false, false) => Self::Both,
        }
    }

    fn put_together(self, assembled: &str, fresh: &str) -> String {
        match self {
            Self::Assembled => assembled.into(),
            Self::Fresh => fresh.into(),
            Self::Both => format!("{}\nUNION ALL\n{fresh}", assembled.trim_end()),
        }
    }
}

/// The stored tables, and which rows they have.
const TABLES: [(&str, Part); 3] =
    [("spans", Part::All), ("assembled", Part::Assembled), ("fresh", Part::Fresh)];

/// The views, planned. Planning takes longer than many queries, and a lake that receives spans has a new
/// snapshot for nearly every query, so it is done once.
#[derive(Debug)]
pub(crate) struct PlannedViews(Vec<Arc<Definition>>);

impl PlannedViews {
    /// Plans the views in `context`, over no rows.
    pub(crate) async fn new(context: &SessionContext, parts: Parts) -> Result<Self> {
        let mut sources = register_tables(context, &Arc::new(Divided::empty()))?;
        let mut views = Vec::with_capacity(VIEWS.len());
        for (name, template) in VIEWS {
            let sql = fill(template, parts);
            let state = context.state();
            let plan = state.create_logical_plan(&sql).await?;
            let plan =
                state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
            let view = Arc::new(Definition { name, sql, plan });
            register_view(context, &view, &mut sources)?;
            views.push(view);
        }
        Ok(Self(views))
    }

    /// Registers the stored rows of a snapshot and the views over them.
    pub(crate) fn register(&self, context: &SessionContext, divided: &Arc<Divided>) -> Result<()> {
        let mut sources = register_tables(context, divided)?;
        for view in &self.0 {
            let view = register_view(context, view, &mut sources)?;
            if let Some(counted) = Counted::of(&view) {
                for (name, table) in Buckets::all(&counted) {
                    context.register_table(name, table)?;
                }
            }
        }
        Ok(())
    }
}

/// Registers a view over the sources so far, of which it becomes one.
fn register_view(
    context: &SessionContext,
    definition: &Arc<Definition>,
    sources: &mut Vec<Source>,
) -> Result<Arc<View>> {
    let name = definition.name;
    let view = Arc::new(View::new(Arc::clone(definition), sources.clone()));
    context.register_table(name, Arc::clone(&view) as _)?;
    sources.push(Source { schema: None, name, rows: Arc::clone(&view) as _ });
    Ok(view)
}

fn register_tables(context: &SessionContext, divided: &Arc<Divided>) -> Result<Vec<Source>> {
    let storage = Arc::new(MemorySchemaProvider::new());
    let mut tables = Vec::new();
    for (name, part) in TABLES {
        let table: Arc<dyn TableProvider> = Arc::new(StoredSpans::new(Arc::clone(divided), part));
        storage.register_table(name.into(), Arc::clone(&table))?;
        tables.push(Source { schema: Some(STORAGE), name, rows: table });
    }
    let catalog = context
        .catalog(CATALOG)
        .ok_or_else(|| Error::Internal("the session has no catalog".into()))?;
    catalog.register_schema(STORAGE, storage)?;
    Ok(tables)
}

/// Puts the column lists into a view's SQL.
fn fill(template: &str, parts: Parts) -> String {
    let promoted: Vec<&str> = PROMOTED.iter().map(|column| column.name).collect();
    template
        .replace("{{spans}}", &parts.put_together(ASSEMBLED_SPANS, FRESH_SPANS))
        .replace("{{traces}}", &parts.put_together(ASSEMBLED_TRACES, FRESH_TRACES))
        .replace("{{fresh_spans}}", FRESH_SPANS.trim_end())
        .replace("{{span_columns}}", &span_columns(tree_column_sql).join(",\n    "))
        .replace(
            "{{span_columns_of_tree}}",
            &span_columns(|tree| format!("tree['{tree}'] AS {tree}")).join(",\n    "),
        )
        .replace("{{root_columns}}", &root_columns().join(",\n    "))
        .replace("{{promoted_columns}}", &promoted.join(",\n    "))
        .replace("{{trace_start}}", &timestamp(TRACE_START_UNIX_NANO))
        .replace("{{trace_end}}", &timestamp(TRACE_END_UNIX_NANO))
}

/// The columns of `spans`: stored ones in their SQL form, promoted ones, tree columns as `of_tree`
/// has them, and the rest.
fn span_columns(of_tree: impl Fn(&str) -> String) -> Vec<String> {
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
    columns.extend(TREE_COLUMNS.iter().map(|column| of_tree(column.name)));
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
