//! A session: the tables of one snapshot, and the way to query them.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::TableType;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;

use crate::error::{Error, Result};
use crate::read::Divided;
use crate::settings::Settings;
use crate::slo::Slos;
use crate::sql::attach::attach;
use crate::sql::look_ups::{LookUps, Rows};
use crate::sql::runtime::{CATALOG, PUBLIC, Runtime};
use crate::sql::statement::{Query, Statement, Statements};
use crate::sql::views::Parts;

/// The tables of one snapshot. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    settings: Arc<Settings>,
    statements: Arc<Statements>,
    look_ups: Arc<LookUps>,
    /// `None` without a lake.
    rows: Option<Rows>,
    slos: Arc<Slos>,
}

/// One table or view, as clients list them.
#[derive(Debug, Clone)]
pub struct TableInfo {
    /// Name of the catalog.
    pub catalog: String,
    /// Name of the schema.
    pub schema: String,
    /// Name of the table.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
    /// Its columns.
    pub columns: SchemaRef,
}

impl Session {
    pub(crate) async fn over(runtime: &Runtime, divided: Divided) -> Result<Self> {
        let session = Self::without_tables(runtime)?;
        let (parts, divided) = (Parts::of(&divided), Arc::new(divided));
        runtime.views(parts).await?.register(&session.context, &divided)?;
        Ok(Self { rows: Some(Rows { divided, parts }), ..session })
    }

    /// A session that has every function and no table: tables come by [`Session::attach`].
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] only.
    pub fn without_lake(settings: &Settings) -> Result<Self> {
        Self::without_tables(&Runtime::new(settings, None)?)
    }

    fn without_tables(runtime: &Runtime) -> Result<Self> {
        let context = SessionContext::new_with_state(runtime.session_state()?);
        let settings = Arc::new(runtime.settings().clone());
        let look_ups = Arc::clone(runtime.look_ups());
        let (statements, slos) = Default::default();
        Ok(Self { context, settings, statements, look_ups, rows: None, slos })
    }

    /// The same tables, with these service level objectives.
    pub(crate) fn with_slos(self, slos: Arc<Slos>) -> Self {
        Self { slos, statements: Arc::default(), ..self }
    }

    /// The service level objectives that its functions know.
    pub fn slos(&self) -> &Slos {
        &self.slos
    }

    /// Makes a local Parquet file, a folder of them, or a glob pattern a table of this session and its clones.
    ///
    /// # Errors
    ///
    /// [`Error::Attach`] if nothing is there, it is not Parquet, or the name is taken.
    pub async fn attach(&self, name: &str, path: &str) -> Result<()> {
        attach(&self.context, name, path).await
    }

    /// Checks and plans a statement. Only reading statements pass.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for a statement that does not only read, [`Error::BadQuery`] for a wrong one.
    pub async fn prepare(&self, sql: &str) -> Result<Statement> {
        Statement::prepare(self.clone(), sql.to_owned()).await
    }

    /// Checks, plans and starts a statement.
    ///
    /// # Errors
    ///
    /// As [`Session::prepare`] and [`Statement::execute`].
    pub async fn query(&self, sql: &str) -> Result<Query> {
        self.prepare(sql).await?.execute().await
    }

    /// All tables and views, sorted by schema and name.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] only.
    pub async fn tables(&self) -> Result<Vec<TableInfo>> {
        let catalog = self
            .context
            .catalog(CATALOG)
            .ok_or_else(|| Error::Internal("the session has no catalog".into()))?;
        let mut tables = Vec::new();
        for schema in catalog.schema_names() {
            let Some(provider) = catalog.schema(&schema) else { continue };
            for name in provider.table_names() {
                let Some(table) = provider.table(&name).await? else { continue };
                tables.push(TableInfo {
                    catalog: CATALOG.into(),
                    schema: schema.clone(),
                    name,
                    is_view: table.table_type() == TableType::View,
                    columns: table.schema(),
                });
            }
        }
        tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        Ok(tables)
    }

    /// One table of the public schema.
    ///
    /// # Errors
    ///
    /// [`Error::BadQuery`] if there is none of that name.
    pub async fn table(&self, name: &str) -> Result<TableInfo> {
        let tables = self.tables().await?;
        tables
            .into_iter()
            .find(|table| table.schema == PUBLIC && table.name == name)
            .ok_or_else(|| Error::BadQuery(format!("table `{name}` not found")))
    }

    /// The settings that its limits come from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn statements(&self) -> &Statements {
        &self.statements
    }

    /// Plans of look-ups, and the rows that they are for; `None` without a lake.
    pub(super) fn look_ups(&self) -> Option<(&LookUps, &Rows)> {
        Some((&self.look_ups, self.rows.as_ref()?))
    }

    pub(crate) fn state(&self) -> SessionState {
        // `state()` stamps the start time, which is what `now()` returns in a query.
        self.context.state()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.context.session_id()).finish()
    }
}
