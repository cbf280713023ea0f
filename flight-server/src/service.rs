//! The Flight SQL methods: each is one call into the module of its concern.
//!
//! What is left out is refused by the trait as not implemented: updates, ingestion,
//! Substrait (a plan from outside would pass no check), transactions, `DoExchange`.

use std::pin::Pin;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{DoPutError, FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command,
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes,
    CommandGetTables, CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandStatementQuery,
    DoPutPreparedStatementResult, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse, Ticket,
};
use engine::Engine;
use futures::{Stream, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};

use crate::cancel::{self, CANCEL_FLIGHT_INFO};
use crate::limits::Gate;
use crate::prepared::{self, Statements};
use crate::results::{DataStream, whole};
use crate::settings::Settings;
use crate::stats::Stats;
use crate::threads::{Compute, IdleThreads};
use crate::ticket::{self, Planned, Tickets, for_command};
use crate::{access, catalogs, sql_info, statement, status, xdbc};

/// What all requests share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    shared: Arc<Shared>,
}

/// The state of the server.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) tickets: Tickets,
    pub(crate) prepared: Statements,
    /// Planning has a queue of its own: long queries shall not keep others from being checked.
    pub(crate) planning: Gate,
    /// Plans that nobody waits for yet: they take nobody's turn.
    pub(crate) planning_ahead: Gate,
    pub(crate) running: Gate,
    pub(crate) stats: Arc<Stats>,
    /// The threads for catalogs and for binding parameters; the engine plans on its own.
    pub(crate) compute: Compute,
    /// Threads that wait for a query.
    pub(crate) idle: IdleThreads,
    /// Set when queries that still run must end.
    stopped: watch::Receiver<bool>,
}

impl Service {
    pub(crate) fn new(
        engine: Engine,
        settings: Settings,
        stats: Arc<Stats>,
        compute: Compute,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let tickets = ticket::none(&settings);
        let prepared = prepared::none(&settings);
        let [planning, planning_ahead, running] = [(); 3].map(|()| Gate::new(&settings));
        let shared = Shared {
            engine,
            settings,
            tickets,
            prepared,
            planning,
            planning_ahead,
            running,
            stats,
            compute,
            idle: IdleThreads::default(),
            stopped,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Waits until a query must end before it is done; returns the reason.
    pub(crate) async fn interrupted(&self, planned: &Planned) -> Status {
        let mut cancelled = planned.cancelled.subscribe();
        let mut stopped = self.stopped.clone();
        tokio::select! {
            () = becomes_true(&mut cancelled) => Status::cancelled("the query was cancelled"),
            () = becomes_true(&mut stopped) => {
                Status::unavailable("the server is shutting down; the result ends here, incomplete")
            }
        }
    }
}

impl std::ops::Deref for Service {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// Waits for ever if the value can no longer change.
async fn becomes_true(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|yes| *yes).await.is_err() {
        std::future::pending().await
    }
}

type Answer<T> = Result<Response<T>, Status>;
type Descriptor = Request<FlightDescriptor>;

fn info(info: Result<FlightInfo, Status>) -> Answer<FlightInfo> {
    info.map(Response::new)
}

fn rows(rows: DataStream) -> Answer<DataStream> {
    Ok(Response::new(rows))
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        _request: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>> {
        let answer = HandshakeResponse { protocol_version: 0, payload: Default::default() };
        Ok(access::welcome(Box::pin(stream::iter([Ok(answer)]))))
    }

    async fn get_flight_info_statement(
        &self,
        command: CommandStatementQuery,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        info(statement::info(self, command, request.into_inner()).await)
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(statement::rows(self, ticket).await?)
    }

    async fn do_action_create_prepared_statement(
        &self,
        request: ActionCreatePreparedStatementRequest,
        _call: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        prepared::create(self, request).await
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        prepared::bind(self, command, request.into_inner()).await
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        info(prepared::info(self, command, request.into_inner()).await)
    }

    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(prepared::rows(self, command).await?)
    }

    async fn do_action_close_prepared_statement(
        &self,
        request: ActionClosePreparedStatementRequest,
        _call: Request<Action>,
    ) -> Result<(), Status> {
        prepared::close(self, &request)
    }

    async fn do_action_cancel_query(
        &self,
        request: ActionCancelQueryRequest,
        _call: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        cancel::query(self, &request)
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Answer<<Self as FlightService>::DoActionStream> {
        let Action { r#type: name, body } = request.into_inner();
        if name != CANCEL_FLIGHT_INFO {
            return Err(status::unsupported(&format!("action `{name}`")));
        }
        let result = arrow_flight::Result::new(cancel::flight_info(self, &body)?);
        Ok(Response::new(Box::pin(stream::iter([Ok(result)]))))
    }

    async fn get_flight_info_catalogs(
        &self,
        command: CommandGetCatalogs,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        let schema = command.into_builder().schema();
        info(for_command(&command, &schema, request.into_inner()))
    }

    async fn do_get_catalogs(
        &self,
        command: CommandGetCatalogs,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::catalogs(self, command).await?))
    }

    async fn get_flight_info_schemas(
        &self,
        command: CommandGetDbSchemas,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        let schema = command.clone().into_builder().schema();
        info(for_command(&command, &schema, request.into_inner()))
    }

    async fn do_get_schemas(
        &self,
        command: CommandGetDbSchemas,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::schemas(self, command).await?))
    }

    async fn get_flight_info_tables(
        &self,
        command: CommandGetTables,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        let schema = command.clone().into_builder().schema();
        info(for_command(&command, &schema, request.into_inner()))
    }

    async fn do_get_tables(
        &self,
        command: CommandGetTables,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::tables(self, command).await?))
    }

    async fn get_flight_info_table_types(
        &self,
        command: CommandGetTableTypes,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        let schema = command.into_builder().schema();
        info(for_command(&command, &schema, request.into_inner()))
    }

    async fn do_get_table_types(
        &self,
        command: CommandGetTableTypes,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::table_types(command)?))
    }

    async fn get_flight_info_sql_info(
        &self,
        command: CommandGetSqlInfo,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        let schema = sql_info::all(self)?.schema();
        info(for_command(&command, &schema, request.into_inner()))
    }

    async fn do_get_sql_info(
        &self,
        command: CommandGetSqlInfo,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        let all = sql_info::all(self)?;
        rows(whole(command.into_builder(&all).build().map_err(status::unexpected)?))
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        let schema = xdbc::all()?.schema();
        info(for_command(&command, &schema, request.into_inner()))
    }

    async fn do_get_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        let all = xdbc::all()?;
        rows(whole(command.into_builder(&all).build().map_err(status::unexpected)?))
    }

    async fn get_flight_info_primary_keys(
        &self,
        command: CommandGetPrimaryKeys,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        info(for_command(&command, &catalogs::primary_keys_schema(), request.into_inner()))
    }

    async fn do_get_primary_keys(
        &self,
        _command: CommandGetPrimaryKeys,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::no_keys(catalogs::primary_keys_schema())))
    }

    async fn get_flight_info_exported_keys(
        &self,
        command: CommandGetExportedKeys,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        info(for_command(&command, &catalogs::foreign_keys_schema(), request.into_inner()))
    }

    async fn do_get_exported_keys(
        &self,
        _command: CommandGetExportedKeys,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::no_keys(catalogs::foreign_keys_schema())))
    }

    async fn get_flight_info_imported_keys(
        &self,
        command: CommandGetImportedKeys,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        info(for_command(&command, &catalogs::foreign_keys_schema(), request.into_inner()))
    }

    async fn do_get_imported_keys(
        &self,
        _command: CommandGetImportedKeys,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::no_keys(catalogs::foreign_keys_schema())))
    }

    async fn get_flight_info_cross_reference(
        &self,
        command: CommandGetCrossReference,
        request: Descriptor,
    ) -> Answer<FlightInfo> {
        info(for_command(&command, &catalogs::foreign_keys_schema(), request.into_inner()))
    }

    async fn do_get_cross_reference(
        &self,
        _command: CommandGetCrossReference,
        _request: Request<Ticket>,
    ) -> Answer<DataStream> {
        rows(whole(catalogs::no_keys(catalogs::foreign_keys_schema())))
    }

    async fn get_flight_info_fallback(
        &self,
        command: Command,
        _request: Descriptor,
    ) -> Answer<FlightInfo> {
        Err(status::unsupported_command(command))
    }

    async fn do_get_fallback(&self, _request: Request<Ticket>, message: Any) -> Answer<DataStream> {
        Err(status::unsupported_message(message))
    }

    async fn do_put_fallback(
        &self,
        _request: Request<PeekableFlightDataStream>,
        message: Any,
    ) -> Answer<<Self as FlightService>::DoPutStream> {
        Err(status::unsupported_message(message))
    }

    async fn do_put_error_callback(
        &self,
        _request: Request<PeekableFlightDataStream>,
        _error: DoPutError,
    ) -> Answer<<Self as FlightService>::DoPutStream> {
        Err(status::invalid("the first message of DoPut has no command"))
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {
        // All that there is to tell is in `sql_info`.
    }
}
