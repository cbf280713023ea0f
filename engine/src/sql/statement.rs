//! A guarded statement, and its result.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;

use crate::error::{Error, Result};
use crate::sql::guard;
use crate::sql::session::Session;
use crate::sql::stack::on_large_stack;

/// A statement that was parsed, checked and planned, and may run any number of times.
#[derive(Debug, Clone)]
pub struct Statement {
    session: Session,
    plan: LogicalPlan,
    parameters: SchemaRef,
}

/// A running query: its schema is known, its rows come as they are made.
pub struct Query {
    stream: SendableRecordBatchStream,
}

impl Statement {
    pub(crate) async fn prepare(session: Session, sql: String) -> Result<Self> {
        on_large_stack(async move {
            let settings = session.settings();
            guard::check_text(&sql, settings)?;
            let statement = guard::parse(&sql, settings)?;
            let plan = session.state().statement_to_plan(statement).await?;
            guard::check_plan(&plan)?;
            let parameters = Arc::new(parameters_of(&plan)?);
            Ok(Self { session, plan, parameters })
        })
        .await
    }

    /// Columns of the result.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    /// The parameters `$1`, `$2`, ... (or `$name`) in order; an unknown type is `Null`.
    pub fn parameter_schema(&self) -> &SchemaRef {
        &self.parameters
    }

    /// The statement with its parameters set.
    ///
    /// # Errors
    ///
    /// [`Error::BadQuery`] if the number or type of the values does not fit.
    pub fn bind(&self, values: impl Into<ParamValues>) -> Result<Self> {
        let plan = self.plan.clone().with_param_values(values.into())?;
        Ok(Self { session: self.session.clone(), plan, parameters: Arc::new(Schema::empty()) })
    }

    /// Plans the statement and starts it.
    ///
    /// # Errors
    ///
    /// [`Error::BadQuery`] if the plan does not type-check, e.g. for an unset parameter.
    pub async fn execute(&self) -> Result<Query> {
        let statement = self.clone();
        let stream = on_large_stack(async move {
            let unset = statement.plan.get_parameter_names()?;
            if let Some(name) = unset.iter().min() {
                return Err(Error::BadQuery(format!("parameter {name} has no value; bind one")));
            }
            let state = statement.session.state();
            let physical = state.create_physical_plan(&statement.plan).await?;
            Ok(execute_stream(physical, state.task_ctx())?)
        })
        .await?;
        Ok(Query { stream })
    }
}

/// Fails if one parameter is used with two types.
fn parameters_of(plan: &LogicalPlan) -> Result<Schema> {
    let mut types: Vec<(String, Option<DataType>)> =
        plan.get_parameter_types()?.into_iter().collect();
    // `$10` comes after `$9`.
    types.sort_by_key(|(name, _)| (name.len(), name.clone()));
    let field = |(name, data_type): (String, Option<DataType>)| {
        Field::new(name, data_type.unwrap_or(DataType::Null), true)
    };
    Ok(Schema::new(types.into_iter().map(field).collect::<Vec<_>>()))
}

impl Query {
    /// Columns of the result.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next rows, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::QueryFailed`] or [`Error::ResourcesExhausted`]; there are no rows after that.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        Ok(self.stream.try_next().await?)
    }

    /// All rows in memory: for results that are known to be small.
    ///
    /// # Errors
    ///
    /// As [`Query::next`].
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        Ok(self.stream.try_collect().await?)
    }

    /// The rows as a stream of our errors.
    pub fn into_stream(self) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
        self.stream.map_err(Error::from)
    }
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("schema", &self.schema()).finish()
    }
}
