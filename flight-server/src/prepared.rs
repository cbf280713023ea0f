//! Prepared statements: create, bind, run, close.
//!
//! The server keeps the checked SQL and the bound values. It plans again at each run, on
//! the newest snapshot: a statement that was prepared an hour ago shows the spans that
//! came since. Planning SQL takes little next to running it.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::server::PeekableFlightDataStream;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandPreparedStatementQuery,
    DoPutPreparedStatementResult,
};
use arrow_flight::{FlightDescriptor, FlightInfo, SchemaResult};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::{TryStreamExt, stream};
use tokio::time::{Instant, timeout};
use tonic::Status;

use crate::handles::{Handles, Kind};
use crate::parameters::{announced_parameters, values};
use crate::results::{self, DataStream};
use crate::service::Service;
use crate::settings::Settings;
use crate::statement::{
    check_bound, no_transaction, numbered, plan, plan_ahead, schema_message, schema_result,
};
use crate::status;
use crate::ticket::{self, Bound, Planned};

/// What one bound value takes besides its data.
const VALUE_BYTES: usize = 128;

/// The statements that clients have prepared.
pub(crate) type Statements = Handles<Arc<Prepared>>;

/// SQL that passed the checks, and the values bound to it.
#[derive(Debug)]
pub(crate) struct Prepared {
    sql: String,
    parameters: SchemaRef,
    bound: Bound,
    /// Size of the SQL and the values.
    bytes: usize,
}

/// No statements yet.
pub(crate) fn none(settings: &Settings) -> Statements {
    Handles::new(Kind {
        name: "prepared statement",
        renewal: "prepare again",
        capacity: settings.prepared_statements,
        capacity_bytes: settings.kept_bytes,
        lifetime: Duration::from_secs(settings.prepared_statement_seconds),
        renewed_by_use: true,
    })
}

/// Checks and plans SQL, and keeps it.
pub(crate) async fn create(
    service: &Service,
    request: ActionCreatePreparedStatementRequest,
) -> Result<ActionCreatePreparedStatementResult, Status> {
    no_transaction(request.transaction_id.is_some())?;
    let sql = numbered(service, request.query)?;
    let statement = plan(service, sql.clone()).await?;
    plan_ahead(service, &statement);
    let parameters = Arc::clone(statement.parameter_schema());
    let dataset_schema = schema_message(&statement.schema())?.0;
    let parameter_schema = schema_message(&announced_parameters(&parameters))?.0;
    let bytes = sql.len();
    let prepared = Prepared { sql, parameters, bound: Bound::default(), bytes };
    let handle = service.prepared.insert(Arc::new(prepared), bytes, Instant::now());
    Ok(ActionCreatePreparedStatementResult {
        prepared_statement_handle: handle.into(),
        dataset_schema,
        parameter_schema,
    })
}

/// Binds values: each row will run the statement once.
pub(crate) async fn bind(
    service: &Service,
    command: CommandPreparedStatementQuery,
    data: PeekableFlightDataStream,
) -> Result<DoPutPreparedStatementResult, Status> {
    let handle = command.prepared_statement_handle;
    let prepared = service.prepared.get(&handle, Instant::now())?;
    let patience = service.settings.stalled_client_time();
    let arrived = timeout(patience, read_values(&service.settings, &prepared.parameters, data));
    let (bound, bytes) = arrived
        .await
        .map_err(|_| Status::deadline_exceeded("the parameters did not arrive in time"))??;
    let (sql, parameters) = (prepared.sql.clone(), Arc::clone(&prepared.parameters));
    let bytes = sql.len() + bytes;
    let prepared = Prepared { sql, parameters, bound, bytes };
    service.prepared.replace(&handle, Arc::new(prepared), bytes)?;
    Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
}

/// The values that a client sends, and about how many bytes they take.
async fn read_values(
    settings: &Settings,
    parameters: &Schema,
    mut data: PeekableFlightDataStream,
) -> Result<(Bound, usize), Status> {
    let mut messages = Vec::new();
    let mut bytes = 0;
    while let Some(message) = data.try_next().await? {
        bytes += message.data_body.len() + message.data_header.len();
        at_most(settings.max_parameter_bytes, bytes, "bytes of parameters")?;
        messages.push(Ok(message));
    }
    let mut batches = FlightRecordBatchStream::new_from_flight_data(stream::iter(messages));
    let mut sets = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(unreadable)? {
        let rows = sets.len() + batch.num_rows();
        at_most(settings.max_parameter_rows, rows, "rows of parameters")?;
        let count = rows * batch.num_columns();
        at_most(settings.max_parameter_values, count, "parameter values")?;
        sets.extend(values(parameters, &batch)?);
    }
    match (parameters.fields().is_empty(), sets.is_empty()) {
        (true, _) => Ok((Bound::default(), 0)),
        (false, true) => Err(status::invalid("no row of parameters was bound")),
        (false, false) => {
            bytes += sets.len() * parameters.fields().len() * VALUE_BYTES;
            Ok((Bound::new(sets), bytes))
        }
    }
}

fn at_most(limit: usize, found: usize, what: &str) -> Result<(), Status> {
    if found > limit {
        return Err(status::invalid(format!("more than {limit} {what}")));
    }
    Ok(())
}

fn unreadable(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => status::invalid(format!("the parameters cannot be read: {other}")),
    }
}

/// Plans the statement with its values and issues a ticket.
pub(crate) async fn info(
    service: &Service,
    command: CommandPreparedStatementQuery,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    let prepared = service.prepared.get(&command.prepared_statement_handle, Instant::now())?;
    let planned = planned(service, &prepared).await?;
    planned.plan_ahead(service);
    ticket::issue(service, planned, prepared.bytes, descriptor)
}

/// The columns of the statement.
pub(crate) async fn schema(
    service: &Service,
    command: CommandPreparedStatementQuery,
) -> Result<SchemaResult, Status> {
    let prepared = service.prepared.get(&command.prepared_statement_handle, Instant::now())?;
    let statement = plan(service, prepared.sql.clone()).await?;
    schema_result(&statement.schema())
}

/// Runs the statement for a client that takes its handle for a ticket.
pub(crate) async fn rows(
    service: &Service,
    command: CommandPreparedStatementQuery,
) -> Result<DataStream, Status> {
    let prepared = service.prepared.get(&command.prepared_statement_handle, Instant::now())?;
    let planned = planned(service, &prepared).await?;
    results::run(service, Arc::new(planned)).await
}

/// Forgets a statement.
pub(crate) fn close(
    service: &Service,
    request: &ActionClosePreparedStatementRequest,
) -> Result<(), Status> {
    service.prepared.remove(&request.prepared_statement_handle)
}

async fn planned(service: &Service, prepared: &Prepared) -> Result<Planned, Status> {
    let statement = plan(service, prepared.sql.clone()).await?;
    let bound = prepared.bound.clone();
    if bound.is_none() {
        check_bound(statement.parameter_schema())?;
        return Planned::new(statement, bound).map_err(status::of_engine);
    }
    // To bind values goes over the whole plan.
    service.compute.run(async move { Planned::new(statement, bound) }).await
}
