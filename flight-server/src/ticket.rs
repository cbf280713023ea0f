//! Tickets: what a client gets for a query, and redeems for its rows.
//!
//! The ticket of a query is a handle to the planned statement, on the snapshot that it
//! was planned on. It holds no SQL: redeeming it cannot run anything that was not
//! checked. The ticket of a metadata command is the command itself.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::{Any, ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, Ticket};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use engine::Statement;
use prost::Message;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::columns::announced;
use crate::handles::{Handles, Kind};
use crate::service::Service;
use crate::settings::Settings;
use crate::status;

/// The queries that clients have tickets for.
pub(crate) type Tickets = Handles<Arc<Planned>>;

/// A query that may be run: its statements, one after the other, make one result.
#[derive(Debug)]
pub(crate) struct Planned {
    /// More than one if several sets of parameters were bound.
    pub(crate) statements: Vec<Statement>,
    /// The columns that the client was told.
    pub(crate) schema: SchemaRef,
    /// Set once the client has cancelled the query.
    pub(crate) cancelled: watch::Sender<bool>,
}

impl Planned {
    /// # Errors
    ///
    /// `INTERNAL` if there is no statement.
    pub(crate) fn new(statements: Vec<Statement>) -> Result<Self, Status> {
        let first = statements.first().ok_or_else(status::internal)?;
        let schema = announced(&first.schema());
        Ok(Self { statements, schema, cancelled: watch::Sender::new(false) })
    }
}

/// No tickets yet.
pub(crate) fn none(settings: &Settings) -> Tickets {
    Handles::new(Kind {
        name: "ticket",
        renewal: "ask for the query again",
        capacity: settings.tickets,
        lifetime: Duration::from_secs(settings.ticket_seconds),
        renewed_by_use: false,
    })
}

/// Keeps a planned query and describes it to the client, with its ticket.
pub(crate) fn issue(
    service: &Service,
    planned: Planned,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    let schema = Arc::clone(&planned.schema);
    let handle = service.tickets.insert(Arc::new(planned), Instant::now());
    for_command(&TicketStatementQuery { statement_handle: handle.into() }, &schema, descriptor)
}

/// Describes a result whose ticket is the command itself.
pub(crate) fn for_command(
    command: &impl ProstMessageExt,
    schema: &Schema,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    let ticket = Ticket::new(command.as_any().encode_to_vec());
    // No location: the rows are where the ticket came from, by whatever address the client used.
    let endpoint = FlightEndpoint::new().with_ticket(ticket);
    let info = FlightInfo::new().try_with_schema(schema).map_err(status::unexpected)?;
    Ok(info.with_endpoint(endpoint).with_descriptor(descriptor))
}

/// The query handle within a ticket that [`issue`] made; `None` for any other ticket.
pub(crate) fn handle_of(ticket: &Ticket) -> Option<TicketStatementQuery> {
    Any::decode(&*ticket.ticket).ok()?.unpack().ok()?
}
