//! A guarded statement, and its result.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Mutex as AsyncMutex;

use crate::error::{Error, Result};
use crate::sql::columns::{announced, announced_type, conform};
use crate::sql::functions::Known;
use crate::sql::look_ups::Named;
use crate::sql::session::Session;
use crate::sql::stack::{begin_on_large_stack, on_large_stack};
use crate::sql::{functions, guard};

/// A statement that was parsed, checked and planned, and may run any number of times.
#[derive(Debug, Clone)]
pub struct Statement {
    session: Session,
    planned: Arc<Planned>,
}

/// A statement as its session has planned it.
#[derive(Debug)]
struct Planned {
    plan: LogicalPlan,
    /// The columns of the answer.
    schema: SchemaRef,
    parameters: SchemaRef,
    /// The optimized plan, once it is known to be the same at each run.
    optimized: OnceLock<LogicalPlan>,
    /// The trace that is looked up, if the plan may become that of other look-ups.
    named: Option<Named>,
    /// A plan for the next run: see [`Statement::plan_ahead`]. Locked while it is made.
    ahead: AsyncMutex<Option<Arc<dyn ExecutionPlan>>>,
}

/// Most statements that a session keeps.
const MOST_KEPT: usize = 256;
/// Longest text of a statement that is kept, in bytes.
const LONGEST_KEPT: usize = 16 << 10;

/// The statements that a session has planned. A session sees one snapshot, so whoever asks the same again
/// (a dashboard, a client that first prepares) would get the same plan.
#[derive(Debug, Default)]
pub(super) struct Statements(Mutex<HashMap<String, Arc<Planned>>>);

impl Statements {
    fn get(&self, sql: &str) -> Option<Arc<Planned>> {
        self.kept().get(sql).cloned()
    }

    fn keep(&self, sql: String, planned: &Arc<Planned>) {
        if sql.len() > LONGEST_KEPT {
            return;
        }
        let mut kept = self.kept();
        // Rather all at once than by a rule: sessions are short, and planning is cheap.
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(sql, Arc::clone(planned));
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Arc<Planned>>> {
        // A poisoned lock still holds whole plans.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// A running query: its schema is known, its rows come as they are made.
pub struct Query {
    stream: SendableRecordBatchStream,
    schema: SchemaRef,
}

impl Statement {
    pub(crate) async fn prepare(session: Session, sql: String) -> Result<Self> {
        if let Some(planned) = session.statements().get(&sql) {
            return Ok(Self { session, planned });
        }
        let named = Named::of(&sql);
        if let Some(named) = &named
            && let Some((look_ups, rows)) = session.look_ups()
            && let Some((optimized, schema)) = look_ups.plan(named, rows)?
        {
            let planned = Arc::new(Planned::of_look_up(optimized, schema));
            session.statements().keep(sql, &planned);
            return Ok(Self { session, planned });
        }
        // Boxed: it is large, and part of the future of every request.
        Box::pin(on_large_stack(Self::plan(session, sql, named))).await
    }

    async fn plan(session: Session, sql: String, named: Option<Named>) -> Result<Self> {
        let settings = session.settings();
        guard::check_text(&sql, settings)?;
        let mut statement = guard::parse(&sql, settings)?;
        functions::expand(&mut statement, Known { settings, slos: session.slos() })?;
        let plan = session.state().statement_to_plan(statement).await?;
        guard::check_plan(&plan)?;
        let parameters = Arc::new(parameters_of(&plan)?);
        let mut planned = Planned::new(plan, parameters);
        if let Some(named) = named
            && named.is_looked_up(&planned.plan)?
        {
            planned.named = Some(named);
        }
        let planned = Arc::new(planned);
        session.statements().keep(sql, &planned);
        Ok(Self { session, planned })
    }

    /// Columns of the result.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.planned.schema)
    }

    /// The parameters `$1`, `$2`, ... (or `$name`) in order; an unknown type is `Null`.
    pub fn parameter_schema(&self) -> &SchemaRef {
        &self.planned.parameters
    }

    /// The statement with its parameters set.
    ///
    /// # Errors
    ///
    /// [`Error::BadQuery`] if the number or type of the values does not fit.
    pub fn bind(&self, values: impl Into<ParamValues>) -> Result<Self> {
        let plan = self.planned.plan.clone().with_param_values(values.into())?;
        let parameters = Arc::new(Schema::empty());
        let planned = Arc::new(Planned::new(plan, parameters));
        Ok(Self { session: self.session.clone(), planned })
    }

    /// Plans the statement and starts it.
    ///
    /// # Errors
    ///
    /// [`Error::BadQuery`] if the plan does not type-check, e.g. for an unset parameter.
    pub async fn execute(&self) -> Result<Query> {
        let statement = self.clone();
        on_large_stack(async move { statement.execute_here().await }).await
    }

    /// As [`Statement::execute`], on this thread, whose stack must have [`PLANNING_STACK_BYTES`].
    ///
    /// # Errors
    ///
    /// As [`Statement::execute`].
    ///
    /// [`PLANNING_STACK_BYTES`]: crate::PLANNING_STACK_BYTES
    pub async fn execute_here(&self) -> Result<Query> {
        let unset = self.planned.plan.get_parameter_names()?;
        if let Some(name) = unset.iter().min() {
            return Err(Error::BadQuery(format!("parameter {name} has no value; bind one")));
        }
        let state = self.session.state();
        let physical = self.planned.physical(&self.session, &state).await?;
        let stream = execute_stream(physical, state.task_ctx())?;
        Ok(Query { stream, schema: self.schema() })
    }

    /// Begins to plan the next run: the client that has just been told the columns will most likely ask for
    /// the rows, and is on the way to do so. `turn` is kept until it is done.
    pub fn plan_ahead<T: Send + 'static>(&self, turn: T) {
        if !self.planned.parameters.fields().is_empty() || self.planned.is_ahead() {
            return;
        }
        let statement = self.clone();
        begin_on_large_stack(async move {
            let state = statement.session.state();
            // A plan that cannot be made tells why when it is asked for.
            let _ = statement.planned.plan_ahead(&statement.session, &state).await;
            drop(turn);
        });
    }
}

impl Planned {
    fn new(plan: LogicalPlan, parameters: SchemaRef) -> Self {
        let schema = announced(plan.schema().as_arrow());
        let (optimized, named, ahead) = Default::default();
        Self { plan, schema, parameters, optimized, named, ahead }
    }

    fn of_look_up(optimized: LogicalPlan, schema: SchemaRef) -> Self {
        let planned = Self::new(optimized.clone(), Arc::new(Schema::empty()));
        Self { schema, optimized: optimized.into(), ..planned }
    }

    /// Every run has a physical plan of its own: it holds what a run has done so far.
    async fn physical(
        &self,
        session: &Session,
        state: &SessionState,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // One that is being made is sooner there than another one.
        if let Some(ahead) = self.ahead.lock().await.take() {
            return Ok(ahead);
        }
        match self.optimized(session, state)? {
            Some(optimized) => {
                Ok(state.query_planner().create_physical_plan(optimized, state).await?)
            }
            None => Ok(state.create_physical_plan(&self.plan).await?),
        }
    }

    /// `None` if it may be another one at each run.
    fn optimized(&self, session: &Session, state: &SessionState) -> Result<Option<&LogicalPlan>> {
        if self.optimized.get().is_none() {
            if !is_same_at_each_run(&self.plan)? {
                return Ok(None);
            }
            let optimized = state.optimize(&self.plan)?;
            if let (Some(named), Some((look_ups, rows))) = (&self.named, session.look_ups()) {
                look_ups.keep(named, rows.parts, &optimized, &self.schema)?;
            }
            return Ok(Some(self.optimized.get_or_init(|| optimized)));
        }
        Ok(self.optimized.get())
    }

    /// Whether the next run is planned, or about to be.
    fn is_ahead(&self) -> bool {
        self.ahead.try_lock().map_or(true, |ahead| ahead.is_some())
    }

    async fn plan_ahead(&self, session: &Session, state: &SessionState) -> Result<()> {
        let mut ahead = self.ahead.lock().await;
        if ahead.is_none()
            && let Some(optimized) = self.optimized(session, state)?
        {
            *ahead = Some(state.query_planner().create_physical_plan(optimized, state).await?);
        }
        Ok(())
    }
}

/// Whether optimizing a plan again would give the same. `now()` becomes a constant there, and `EXPLAIN`
/// tells of the rules.
fn is_same_at_each_run(plan: &LogicalPlan) -> Result<bool> {
    let mut is_same = true;
    plan.apply_with_subqueries(|node| {
        is_same &= !matches!(node, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part {
                    is_same &= call.func.signature().volatility == Volatility::Immutable;
                }
                is_same &= !matches!(part, Expr::ScalarVariable(..));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(is_same)
}

fn answer(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    conform(batch, schema).map_err(|e| Error::Internal(format!("the columns of an answer: {e}")))
}

/// The parameters in order. Fails if one of them is used with two types; all kinds of text are one type.
fn parameters_of(plan: &LogicalPlan) -> Result<Schema> {
    let mut types: HashMap<String, Option<DataType>> = HashMap::new();
    let mut conflict = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::Placeholder(Placeholder { id, field }) = part {
                    let given = field.as_ref().map(|field| announced_type(field.data_type()));
                    let known = types.entry(id.clone()).or_default();
                    if known.is_some() && given.is_some() && *known != given {
                        conflict =
                            known.clone().zip(given.clone()).map(|types| (id.clone(), types));
                    }
                    *known = known.take().or(given);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    if let Some((id, (first, second))) = conflict {
        return Err(Error::BadQuery(format!(
            "parameter {id} is used as {first} and as {second}; use two parameters, or a cast"
        )));
    }
    let mut types: Vec<(String, Option<DataType>)> = types.into_iter().collect();
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
        Arc::clone(&self.schema)
    }

    /// The next rows, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::QueryFailed`] or [`Error::ResourcesExhausted`]; there are no rows after that.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.stream.try_next().await?;
        batch.map(|batch| answer(&batch, &self.schema)).transpose()
    }

    /// All rows in memory: for results that are known to be small.
    ///
    /// # Errors
    ///
    /// As [`Query::next`].
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.into_stream().try_collect().await
    }

    /// The rows as a stream of our errors.
    pub fn into_stream(self) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
        let schema = self.schema;
        self.stream.map(move |batch| answer(&batch?, &schema))
    }
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("schema", &self.schema()).finish()
    }
}

#[cfg(test)]
mod tests;
