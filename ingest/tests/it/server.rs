//! The OTLP servers over real sockets. Names begin with the rows of the tables of bad inputs and faults
//! that they cover: `a` transport, `b` payload, `c` overload.

mod drain;
mod frames;
mod grpc_client;
mod http_client;
mod json;
mod overload;
mod payload;
mod redaction;
mod requests;
mod setup;
mod slow;
mod transport;
