//! SQL sent with the request: `CommandStatementQuery`.

use std::sync::Arc;

use arrow_flight::sql::{CommandStatementQuery, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightInfo, IpcMessage, SchemaAsIpc, SchemaResult};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use engine::Statement;
use tokio::time::Instant;
use tonic::Status;

use crate::limits::ComputeTime;
use crate::placeholders;
use crate::results::{self, DataStream};
use crate::service::Service;
use crate::status;
use crate::ticket::{self, Bound, Planned};

/// Plans a query and issues a ticket for it.
pub(crate) async fn info(
    service: &Service,
    command: CommandStatementQuery,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    no_transaction(command.transaction_id.is_some())?;
    let sql = numbered(service, command.query)?;
    let bytes = sql.len();
    let statement = plan(service, sql).await?;
    check_bound(statement.parameter_schema())?;
    let planned = Planned::new(statement, Bound::default()).map_err(status::of_engine)?;
    planned.plan_ahead(service);
    ticket::issue(service, planned, bytes, descriptor)
}

/// The columns of a query.
pub(crate) async fn schema(
    service: &Service,
    command: CommandStatementQuery,
) -> Result<SchemaResult, Status> {
    no_transaction(command.transaction_id.is_some())?;
    let statement = plan(service, numbered(service, command.query)?).await?;
    schema_result(&statement.schema())
}

/// The rows of the query that a ticket was issued for.
pub(crate) async fn rows(
    service: &Service,
    ticket: TicketStatementQuery,
) -> Result<DataStream, Status> {
    let planned = service.tickets.get(&ticket.statement_handle, Instant::now())?;
    results::run(service, planned).await
}

/// SQL with its `?` numbered, as the engine wants it.
pub(crate) fn numbered(service: &Service, sql: String) -> Result<String, Status> {
    placeholders::number(sql, service.engine.settings().sql_max_bytes)
}

/// Checks and plans SQL on the newest snapshot. The only way of SQL into the engine.
pub(crate) async fn plan(service: &Service, sql: String) -> Result<Statement, Status> {
    let _turn = service.planning.enter().await?;
    // The engine plans on threads of its own.
    let planned = async { service.engine.session().await?.prepare(&sql).await };
    let statement = ComputeTime::new(service.settings.query_time()).spend(planned).await?;
    statement.map_err(status::of_engine)
}

/// Begins to plan the run that the client will ask for next, unless that is done for many others.
pub(crate) fn plan_ahead(service: &Service, statement: &Statement) {
    if let Some(turn) = service.planning_ahead.try_enter() {
        statement.plan_ahead(turn);
    }
}

/// Refuses a statement with parameters that nobody can bind any more.
pub(crate) fn check_bound(parameters: &Schema) -> Result<(), Status> {
    match parameters.fields().first() {
        None => Ok(()),
        Some(first) => {
            let name = first.name();
            Err(status::invalid(format!("parameter {name} has no value; bind one")))
        }
    }
}

/// Refuses a transaction: the server never gave one out.
pub(crate) fn no_transaction(given: bool) -> Result<(), Status> {
    if given {
        return Err(status::invalid(
            "there are no transactions here; leave out the transaction id",
        ));
    }
    Ok(())
}

/// A schema as the answer to `GetSchema`.
pub(crate) fn schema_result(schema: &Schema) -> Result<SchemaResult, Status> {
    let IpcMessage(schema) = schema_message(schema)?;
    Ok(SchemaResult { schema })
}

/// A schema as a message within another.
pub(crate) fn schema_message(schema: &Schema) -> Result<IpcMessage, Status> {
    let options = Arc::new(IpcWriteOptions::default());
    SchemaAsIpc::new(schema, &options).try_into().map_err(status::unexpected)
}
