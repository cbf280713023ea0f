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
use datafusion::arrow::datatypes::Schema;
use datafusion::common::ParamValues;
use futures::{StreamExt, TryStreamExt};
use tokio::time::{Instant, timeout};
use tonic::Status;

use crate::columns::announced;
use crate::handles::{Handles, Kind};
use crate::parameters::{announced_parameters, values};
use crate::results::{self, DataStream};
use crate::service::Service;
use crate::settings::Settings;
use crate::statement::{
    Checked, check_bound, no_transaction, numbered, plan, schema_message, schema_result,
};
use crate::status;
use crate::ticket::{self, Planned};

/// The statements that clients have prepared.
pub(crate) type Statements = Handles<Arc<Prepared>>;

/// SQL that passed the checks, and the values bound to it.
#[derive(Debug)]
pub(crate) struct Prepared {
    sql: String,
    parameters: Schema,
    /// One set of values per run; `None` until the client binds some.
    bound: Option<Vec<ParamValues>>,
}

/// No statements yet.
pub(crate) fn none(settings: &Settings) -> Statements {
    Handles::new(Kind {
        name: "prepared statement",
        renewal: "prepare again",
        capacity: settings.prepared_statements,
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
    let Checked { statement, parameters } = plan(service, sql.clone()).await?;
    let dataset_schema = schema_message(&announced(&statement.schema()))?.0;
    let parameter_schema = schema_message(&announced_parameters(&parameters))?.0;
    let prepared = Prepared { sql, parameters, bound: None };
    let handle = service.prepared.insert(Arc::new(prepared), Instant::now());
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
    let bound = timeout(patience, read_values(&service.settings, &prepared.parameters, data))
        .await
        .map_err(|_| Status::deadline_exceeded("the parameters did not arrive in time"))??;
    let (sql, parameters) = (prepared.sql.clone(), prepared.parameters.clone());
    service.prepared.replace(&handle, Arc::new(Prepared { sql, parameters, bound }))?;
    Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
}

async fn read_values(
    settings: &Settings,
    parameters: &Schema,
    data: PeekableFlightDataStream,
) -> Result<Option<Vec<ParamValues>>, Status> {
    let mut bytes = 0;
    let data = data.map(move |message| {
        let message = message?;
        bytes += message.data_body.len() + message.data_header.len();
        if bytes > settings.max_parameter_bytes {
            let most = settings.max_parameter_bytes;
            return Err(status::invalid(format!("more than {most} bytes of parameters")).into());
        }
        Ok(message)
    });
    // The decoder wants a stream that owns what it uses; the values are few enough to wait for.
    let data: Vec<_> = data.try_collect().await.map_err(unreadable)?;
    let data = futures::stream::iter(data.into_iter().map(Ok));
    let mut batches = FlightRecordBatchStream::new_from_flight_data(data);
    let mut rows = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(unreadable)? {
        let most = settings.max_parameter_rows;
        if rows.len() + batch.num_rows() > most {
            return Err(status::invalid(format!("more than {most} rows of parameters")));
        }
        rows.extend(values(parameters, &batch)?);
    }
    match (parameters.fields().is_empty(), rows.is_empty()) {
        (true, _) => Ok(None),
        (false, true) => Err(status::invalid("no row of parameters was bound")),
        (false, false) => Ok(Some(rows)),
    }
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
    ticket::issue(service, planned(service, &command).await?, descriptor)
}

/// The columns of the statement.
pub(crate) async fn schema(
    service: &Service,
    command: CommandPreparedStatementQuery,
) -> Result<SchemaResult, Status> {
    let prepared = service.prepared.get(&command.prepared_statement_handle, Instant::now())?;
    let checked = plan(service, prepared.sql.clone()).await?;
    schema_result(&announced(&checked.statement.schema()))
}

/// Runs the statement for a client that takes its handle for a ticket.
pub(crate) async fn rows(
    service: &Service,
    command: CommandPreparedStatementQuery,
) -> Result<DataStream, Status> {
    let planned = planned(service, &command).await?;
    results::run(service, Arc::new(planned)).await
}

/// Forgets a statement.
pub(crate) fn close(
    service: &Service,
    request: &ActionClosePreparedStatementRequest,
) -> Result<(), Status> {
    service.prepared.remove(&request.prepared_statement_handle)
}

async fn planned(
    service: &Service,
    command: &CommandPreparedStatementQuery,
) -> Result<Planned, Status> {
    let prepared = service.prepared.get(&command.prepared_statement_handle, Instant::now())?;
    let Checked { statement, parameters } = plan(service, prepared.sql.clone()).await?;
    if prepared.bound.is_none() {
        check_bound(&parameters)?;
        return Planned::new(vec![statement]);
    }
    let statements = service.compute.run(async move {
        let rows = prepared.bound.iter().flatten();
        rows.map(|values| statement.bind(values.clone())).collect::<engine::Result<Vec<_>>>()
    });
    Planned::new(statements.await?)
}
