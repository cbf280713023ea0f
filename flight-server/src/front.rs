//! The outermost layer: what the Flight SQL library does not let its services decide.
//!
//! The library turns a `FlightSqlService` into a `FlightService`, and answers some calls
//! and all malformed messages itself. This layer adds `GetSchema`, lists only actions
//! that exist, puts the library's own errors into words, and keeps a panic within the
//! request that caused it.

use std::panic::AssertUnwindSafe;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, PollInfo, SchemaResult, Ticket,
};
use futures::{FutureExt, StreamExt, stream};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use crate::cancel::CANCEL_FLIGHT_INFO;
use crate::service::Service;
use crate::{prepared, statement, status};

/// The actions that exist, and what they do.
const ACTIONS: &[(&str, &str)] = &[
    ("CreatePreparedStatement", "Checks and plans SQL, and keeps it under a handle."),
    ("ClosePreparedStatement", "Forgets a prepared statement."),
    ("CancelQuery", "Cancels a query by its FlightInfo."),
    (CANCEL_FLIGHT_INFO, "Cancels a query by its FlightInfo."),
];

/// The service as the transport sees it.
#[derive(Debug)]
pub(crate) struct Front(pub(crate) Service);

/// Answers with the result of `work`, whatever happens in it.
async fn guarded<T>(work: impl Future<Output = Result<T, Status>> + Send) -> Result<T, Status> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(answer) => answer.map_err(status::clean),
        Err(_) => Err(status::internal()),
    }
}

#[tonic::async_trait]
impl FlightService for Front {
    type HandshakeStream = <Service as FlightService>::HandshakeStream;
    type ListFlightsStream = <Service as FlightService>::ListFlightsStream;
    type DoGetStream = <Service as FlightService>::DoGetStream;
    type DoPutStream = <Service as FlightService>::DoPutStream;
    type DoActionStream = <Service as FlightService>::DoActionStream;
    type ListActionsStream = <Service as FlightService>::ListActionsStream;
    type DoExchangeStream = <Service as FlightService>::DoExchangeStream;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        guarded(self.0.handshake(request)).await
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        guarded(self.0.get_flight_info(request)).await
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        guarded(self.schema(request)).await
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        guarded(self.0.do_get(request)).await
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        guarded(self.0.do_put(request)).await
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        guarded(self.0.do_action(request)).await
    }

    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let actions = ACTIONS.iter().map(|(name, description)| {
            Ok(ActionType { r#type: (*name).into(), description: (*description).into() })
        });
        Ok(Response::new(stream::iter(actions).boxed()))
    }

    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(status::unsupported("ListFlights"))
    }

    async fn poll_flight_info(
        &self,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        Err(status::unsupported("PollFlightInfo"))
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(status::unsupported("DoExchange"))
    }
}

impl Front {
    async fn schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let message = Any::decode(&*request.get_ref().cmd).map_err(|_| malformed())?;
        let schema = match Command::try_from(message).map_err(|_| malformed())? {
            Command::CommandStatementQuery(command) => statement::schema(&self.0, command).await?,
            Command::CommandPreparedStatementQuery(command) => {
                prepared::schema(&self.0, command).await?
            }
            // All other results are described without any work.
            _ => {
                let info = self.0.get_flight_info(request).await?.into_inner();
                SchemaResult { schema: info.schema }
            }
        };
        Ok(Response::new(schema))
    }
}

fn malformed() -> Status {
    status::invalid("the descriptor holds no Flight SQL command")
}
