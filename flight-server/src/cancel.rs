//! Cancelling: the client gives its ticket back, before or while the query runs.

use arrow_flight::sql::{ActionCancelQueryRequest, ActionCancelQueryResult};
use arrow_flight::{CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use prost::Message;
use tokio::time::Instant;
use tonic::Status;

use crate::service::Service;
use crate::status;
use crate::ticket::handle_of;

/// Name of the Flight action.
pub(crate) const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";

/// Answers the Flight action; `body` is its request.
pub(crate) fn flight_info(service: &Service, body: &[u8]) -> Result<Vec<u8>, Status> {
    let request = CancelFlightInfoRequest::decode(body)
        .map_err(|_| status::invalid("the request to cancel is malformed"))?;
    let info = request.info.unwrap_or_default();
    Ok(CancelFlightInfoResult::new(cancel(service, &info)?).encode_to_vec())
}

/// Answers the older Flight SQL action.
pub(crate) fn query(
    service: &Service,
    request: &ActionCancelQueryRequest,
) -> Result<ActionCancelQueryResult, Status> {
    let info = FlightInfo::decode(&*request.info)
        .map_err(|_| status::invalid("the request to cancel is malformed"))?;
    // Both enumerations have the same numbers.
    Ok(ActionCancelQueryResult { result: cancel(service, &info)? as i32 })
}

fn cancel(service: &Service, info: &FlightInfo) -> Result<CancelStatus, Status> {
    let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
    let mut handles = tickets.filter_map(handle_of).peekable();
    if handles.peek().is_none() {
        // Metadata is made at once: there is nothing to cancel.
        return Ok(CancelStatus::NotCancellable);
    }
    for ticket in handles {
        let planned = service.tickets.get(&ticket.statement_handle, Instant::now())?;
        planned.cancelled.send_replace(true);
        service.tickets.remove(&ticket.statement_handle)?;
    }
    Ok(CancelStatus::Cancelled)
}
