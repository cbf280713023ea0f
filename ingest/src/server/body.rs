//! Reads bodies: no more bytes, time and memory than a request may have.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::server::PayloadFormat;
use crate::server::admission::{Full, Permit};
use crate::server::fault::{Fault, Reason};
use crate::server::inflate::Encoding;
use crate::server::receiver::Receiver;

/// A body that has been read.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) format: PayloadFormat,
    pub(super) encoding: Encoding,
    pub(super) bytes: Bytes,
    /// Room for the bytes.
    pub(super) permit: Permit,
}

/// When an answer is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// Whether the client has set it.
    pub(super) by_client: bool,
}

impl Deadline {
    /// The earlier of what the server and the client allow.
    pub(super) fn new(allowed: Duration, asked: Option<Duration>) -> Self {
        let by_client = asked.is_some_and(|asked| asked < allowed);
        let time = asked.map_or(allowed, |asked| asked.min(allowed));
        Self { at: Instant::now() + time, by_client }
    }
}

/// Bytes of a body for which memory is taken before they come.
const RESERVED: usize = 64 << 10;

/// Reads one body.
#[derive(Debug)]
pub(super) struct BodyReader<'a> {
    receiver: &'a Receiver,
    body: Incoming,
    due: Instant,
    deadline: Deadline,
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(receiver: &'a Receiver, body: Incoming, deadline: Deadline) -> Self {
        let due = Instant::now() + receiver.settings.body_timeout();
        Self { receiver, body, due: due.min(deadline.at), deadline }
    }

    /// All of the body.
    pub(super) async fn all(&mut self) -> Result<(Bytes, Permit), Fault> {
        let limit = self.receiver.settings.max_request_bytes;
        let declared = self.body.size_hint().exact();
        let length = usize::try_from(declared.unwrap_or(0)).unwrap_or(usize::MAX);
        self.check_length(length)?;
        let mut permit = self.admit(length)?;
        let mut bytes = BytesMut::with_capacity(length.min(RESERVED));
        while let Some(part) = self.part().await? {
            let sum = bytes.len() + part.len();
            if sum > limit {
                return Err(too_large(&format!("more than {limit}"), limit));
            }
            let missing = sum.saturating_sub(permit.bytes());
            permit.grow(missing).map_err(|Full| self.receiver.busy())?;
            if bytes.is_empty() && declared == Some(part.len() as u64) {
                return Ok((part, permit));
            }
            bytes.extend_from_slice(&part);
        }
        Ok((bytes.freeze(), permit))
    }

    /// The one message of a unary gRPC call, and whether it is compressed.
    pub(super) async fn message(&mut self) -> Result<(Bytes, bool, Permit), Fault> {
        const HEADER: usize = 5;
        let framing = |message: &str| Err(Fault::new(Reason::Framing, message));
        let mut bytes = BytesMut::new();
        while bytes.len() < HEADER {
            match self.part().await? {
                Some(part) => bytes.extend_from_slice(&part),
                None => return framing("the call ended before its message"),
            }
        }
        let compressed = match bytes.get_u8() {
            0 => false,
            1 => true,
            flag => return framing(&format!("the message begins with the invalid flag {flag}")),
        };
        let length = bytes.get_u32() as usize;
        self.check_length(length)?;
        let permit = self.admit(length)?;
        // What comes after the message is read as well, which shows that there is nothing.
        while let Some(part) = self.part().await? {
            if bytes.len() + part.len() > length {
                return framing("the call has more than one message");
            }
            bytes.extend_from_slice(&part);
        }
        match bytes.len() {
            len if len == length => Ok((bytes.freeze(), compressed, permit)),
            len if len > length => framing("the call has more than one message"),
            len => framing(&format!("the call ended after {len} of {length} bytes of its message")),
        }
    }

    fn check_length(&self, length: usize) -> Result<(), Fault> {
        let limit = self.receiver.settings.max_request_bytes;
        if length > limit { Err(too_large(&length.to_string(), limit)) } else { Ok(()) }
    }

    fn admit(&self, length: usize) -> Result<Permit, Fault> {
        self.receiver.budget.admit(length).map_err(|Full| self.receiver.busy())
    }

    /// The next bytes that are not none.
    async fn part(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let Ok(frame) = timeout_at(self.due, self.body.frame()).await else {
                return Err(self.slow());
            };
            match frame {
                None => return Ok(None),
                Some(Err(_)) => {
                    let message = "the body ended before it was complete";
                    return Err(Fault::new(Reason::Incomplete, message));
                }
                Some(Ok(frame)) => {
                    let Ok(part) = frame.into_data() else { continue };
                    self.receiver.stats.received(part.len());
                    if !part.is_empty() {
                        return Ok(Some(part));
                    }
                }
            }
        }
    }

    fn slow(&self) -> Fault {
        if self.deadline.by_client && self.due == self.deadline.at {
            return self.receiver.late(self.deadline);
        }
        let message = "the body took too long to come (ingest.body_timeout_ms)";
        Fault::new(Reason::SlowBody, message)
    }
}

fn too_large(size: &str, limit: usize) -> Fault {
    let message =
        format!("request is {size} bytes; the limit is {limit} (ingest.max_request_bytes)");
    Fault::new(Reason::TooLarge, message)
}
