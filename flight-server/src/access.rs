//! Who may call. The one place where authentication will be checked.
//!
//! There is none yet. So the server takes only listeners that other machines cannot
//! reach, and every request passes.

use std::net::SocketAddr;

use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use crate::error::{Error, Result};

/// Refuses an address that needs authentication.
pub(crate) fn check_address(address: SocketAddr) -> Result<()> {
    if address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(Error::NotLoopback { address })
}

/// Decides on one request, before anything of it is read. Runs for every method.
#[expect(clippy::unnecessary_wraps, reason = "it will refuse as soon as there is authentication")]
pub(crate) fn check_request(request: Request<()>) -> std::result::Result<Request<()>, Status> {
    Ok(request)
}

/// Answers a handshake, which a driver begins if it was given a user name.
///
/// Some drivers, among them all that are written in Go, insist on a token. It opens nothing.
pub(crate) fn welcome<T>(answer: T) -> Response<T> {
    let mut response = Response::new(answer);
    let token = MetadataValue::from_static("Bearer anonymous");
    response.metadata_mut().insert("authorization", token);
    response
}

#[cfg(test)]
mod tests;
