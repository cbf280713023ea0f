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
use datafusion::common::ParamValues;
use engine::{Query, Statement};
use prost::Message;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::handles::{Handles, Kind};
use crate::service::Service;
use crate::settings::Settings;
use crate::statement::plan_ahead;
use crate::status;

/// The queries that clients have tickets for.
pub(crate) type Tickets = Handles<Arc<Planned>>;

/// A query that may be run.
#[derive(Debug)]
pub(crate) struct Planned {
    statement: Statement,
    bound: Bound,
    /// What runs first: the statement, with the first values if there are any.
    first: Statement,
    /// The columns that the client was told.
    pub(crate) schema: SchemaRef,
    /// Set once the client has cancelled the query.
    pub(crate) cancelled: watch::Sender<bool>,
}

/// Parameter values: each set of them is one run, and the runs make one result.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bound {
    sets: Option<Arc<[ParamValues]>>,
}

impl Bound {
    pub(crate) fn new(sets: Vec<ParamValues>) -> Self {
        Self { sets: Some(sets.into()) }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.sets.is_none()
    }

    /// How often the statement runs.
    pub(crate) fn runs(&self) -> usize {
        self.sets.as_ref().map_or(1, |sets| sets.len())
    }

    /// The statement of one run if it has values. Made when its turn comes: a plan may be large.
    fn bind(&self, statement: &Statement, run: usize) -> engine::Result<Option<Statement>> {
        let values = self.sets.as_ref().and_then(|sets| sets.get(run));
        values.map(|values| statement.bind(values.clone())).transpose()
    }
}

impl Planned {
    /// # Errors
    ///
    /// Those of binding the first set of parameters, which tells the types of the columns.
    pub(crate) fn new(statement: Statement, bound: Bound) -> engine::Result<Self> {
        let first = bound.bind(&statement, 0)?.unwrap_or_else(|| statement.clone());
        let schema = first.schema();
        Ok(Self { statement, bound, first, schema, cancelled: watch::Sender::new(false) })
    }

    pub(crate) fn runs(&self) -> usize {
        self.bound.runs()
    }

    /// Starts one run, on a thread that has the stack for planning.
    pub(crate) async fn execute(&self, run: usize) -> engine::Result<Query> {
        if run == 0 {
            return self.first.execute_here().await;
        }
        match self.bound.bind(&self.statement, run)? {
            Some(bound) => bound.execute_here().await,
            None => self.statement.execute_here().await,
        }
    }

    /// Begins to plan the first run.
    pub(crate) fn plan_ahead(&self, service: &Service) {
        plan_ahead(service, &self.first);
    }
}

/// No tickets yet.
pub(crate) fn none(settings: &Settings) -> Tickets {
    Handles::new(Kind {
        name: "ticket",
        renewal: "ask for the query again",
        capacity: settings.tickets,
        capacity_bytes: settings.kept_bytes,
        lifetime: Duration::from_secs(settings.ticket_seconds),
        renewed_by_use: false,
    })
}

/// Keeps a planned query, made from so many bytes, and describes it to the client, with its ticket.
pub(crate) fn issue(
    service: &Service,
    planned: Planned,
    bytes: usize,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    let schema = Arc::clone(&planned.schema);
    let handle = service.tickets.insert(Arc::new(planned), bytes, Instant::now());
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
