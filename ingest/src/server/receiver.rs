//! What becomes of a request, whichever way it came.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::error::Error;
use crate::server::admission::{Budget, Full, Permit};
use crate::server::body::{Body, Deadline};
use crate::server::decode::{Decoded, Rules, decode};
use crate::server::fault::{Fault, Reason};
use crate::server::inflate::{self, Encoding};
use crate::server::redact::Redactor;
use crate::server::reply::Verdict;
use crate::server::seldom::Seldom;
use crate::server::settings::{ServerSettings, SettingsError};
use crate::server::stats::Stats;
use crate::server::{Accepted, Clock, PayloadFormat, Refusal, Sink, items};

/// Takes requests from any number of listeners. They share its limits.
pub struct Receiver {
    pub(super) settings: ServerSettings,
    pub(super) stats: Arc<Stats>,
    pub(super) budget: Arc<Budget>,
    /// One permit for each connection that may be open.
    pub(super) connections: Arc<Semaphore>,
    rules: Rules,
    redactor: Option<Redactor>,
    sink: Arc<dyn Sink>,
    clock: Clock,
    /// One permit for each thread that may decode.
    decoders: Arc<Semaphore>,
    log: Seldom,
}

/// A request after all work that needs no waiting.
struct Examined {
    format: PayloadFormat,
    payload: Bytes,
    decoded: Decoded,
    received_ns: i64,
    permit: Permit,
}

/// Up to this size a request is decoded where it is: moving it to another thread takes longer.
const INLINE_BYTES: usize = 16 << 10;

impl Receiver {
    /// A receiver that gives what it accepts to a sink.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used.
    pub fn new(
        settings: ServerSettings,
        sink: Arc<dyn Sink>,
        stats: Arc<Stats>,
        clock: Clock,
    ) -> Result<Arc<Self>, SettingsError> {
        settings.check()?;
        let most = |number: usize| Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS)));
        Ok(Arc::new(Self {
            rules: settings.rules(),
            redactor: Redactor::new(&settings.redaction, &settings.redaction_hash_key)?,
            budget: Budget::new(settings.in_flight_bytes),
            decoders: most(settings.decode_threads),
            connections: most(settings.connections),
            log: Seldom::default(),
            settings,
            stats,
            sink,
            clock,
        }))
    }

    /// What decides which spans of a payload become which rows.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Bytes that requests hold now.
    pub fn in_flight_bytes(&self) -> usize {
        self.budget.used()
    }

    /// Examines a request and stores its spans.
    pub(super) async fn take(
        self: &Arc<Self>,
        body: Body,
        deadline: Deadline,
    ) -> Result<Verdict, Fault> {
        let late = |_| self.late(deadline);
        let examined = timeout_at(deadline.at, self.examine(body)).await.map_err(late)??;
        let Examined { format, payload, decoded, received_ns, permit } = examined;
        let Decoded { batches, tally, .. } = decoded;
        self.stats.tallied(&tally);
        let verdict = Verdict::of(&tally);
        if tally.accepted == 0 {
            return match tally.rejected {
                0 => Ok(verdict),
                _ => Err(Fault::new(Reason::NothingValid, verdict.message)),
            };
        }
        let (spans, payload_bytes) = (tally.accepted, payload.len());
        let accepted = Accepted { format, payload, received_ns, batches, spans };
        // A panic must not leave the client without an answer: it may send the request again.
        let stored = AssertUnwindSafe(self.sink.store(accepted)).catch_unwind();
        let stored = timeout_at(deadline.at, stored).await;
        drop(permit);
        let stored = stored.map_err(late)?.map_err(|_| {
            tracing::error!("storing a request panicked");
            self.internal("the request could not be stored, which is a fault of the server")
        })?;
        stored.map_err(|refusal| self.refused(refusal))?;
        self.stats.stored(spans, payload_bytes);
        Ok(verdict)
    }

    /// Runs [`Receiver::examine_now`] where it does not hold up other requests.
    async fn examine(self: &Arc<Self>, body: Body) -> Result<Examined, Fault> {
        if body.encoding == Encoding::Identity && body.bytes.len() <= INLINE_BYTES {
            return self.examine_now(body);
        }
        let Ok(thread) = Arc::clone(&self.decoders).acquire_owned().await else {
            return Err(self.internal("the server is stopping"));
        };
        let receiver = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let _thread = thread;
            receiver.examine_now(body)
        });
        task.await.unwrap_or_else(|_| Err(self.internal("the server is stopping")))
    }

    fn examine_now(&self, body: Body) -> Result<Examined, Fault> {
        // The input is anyone's, and whoever sent it is not the only client.
        catch_unwind(AssertUnwindSafe(|| self.examine_unguarded(body))).unwrap_or_else(|_| {
            tracing::error!("decoding a request panicked");
            Err(self.internal("the request could not be decoded, which is a fault of the server"))
        })
    }

    fn examine_unguarded(&self, body: Body) -> Result<Examined, Fault> {
        let Body { format, encoding, bytes, mut permit } = body;
        let mut payload = self.inflate(encoding, bytes, &mut permit)?;
        let most = self.settings.max_items_per_request;
        items::check(format, &payload, most).map_err(|refused| match refused {
            items::Refused::TooMany => Fault::new(
                Reason::TooManyItems,
                format!("request holds more than {most} items (ingest.max_items_per_request)"),
            ),
            items::Refused::Broken(error) => malformed(&error),
        })?;
        if let Some(redactor) = &self.redactor {
            permit.grow(payload.len()).map_err(|Full| self.busy())?;
            let redacted = redactor.apply(format, payload).map_err(|error| malformed(&error))?;
            self.stats.redacted(redacted.attributes);
            payload = redacted.payload;
            permit.shrink_to(payload.len());
        }
        let received_ns = (self.clock)();
        let decoded = decode(format, &payload, received_ns, &self.rules);
        let decoded = decoded.map_err(|error| malformed(&error))?;
        // The rows are there, so refusing them saves nothing: who comes next has to wait.
        permit.grow_regardless(decoded.bytes);
        Ok(Examined { format, payload, decoded, received_ns, permit })
    }

    fn inflate(
        &self,
        encoding: Encoding,
        body: Bytes,
        permit: &mut Permit,
    ) -> Result<Bytes, Fault> {
        let limit = self.settings.max_request_bytes;
        let inflated = match encoding {
            Encoding::Identity => return Ok(body),
            Encoding::Gzip => inflate::gzip(&body, limit, permit),
            Encoding::Zstd => inflate::zstd(&body, limit, permit),
        };
        let inflated = inflated.map_err(|refused| match refused {
            inflate::Refused::TooLarge => Fault::new(
                Reason::TooLarge,
                format!(
                    "request is more than {limit} bytes after decompression; the limit is {limit} \
                     (ingest.max_request_bytes)"
                ),
            ),
            inflate::Refused::Busy => self.busy(),
            inflate::Refused::Broken(message) => Fault::new(Reason::Malformed, message),
        })?;
        permit.shrink_to(inflated.len());
        Ok(inflated.into())
    }

    /// There is no memory for the request now.
    pub(super) fn busy(&self) -> Fault {
        if let Some(suppressed) = self.log.may_tell() {
            let (used, limit) = (self.budget.used(), self.budget.limit());
            tracing::warn!(used, limit, suppressed, "refusing requests: too many bytes in flight");
        }
        self.later(Reason::Busy, "too much data in flight (ingest.in_flight_bytes)", None)
    }

    /// The deadline has passed before the answer.
    pub(super) fn late(&self, deadline: Deadline) -> Fault {
        if deadline.by_client {
            let message = "the deadline of the request has passed";
            return self.later(Reason::Deadline, message, None);
        }
        let message = "the server takes too long (ingest.request_timeout_ms)";
        self.later(Reason::Unavailable, message, None)
    }

    fn refused(&self, refusal: Refusal) -> Fault {
        let (reason, message, least) = match refusal {
            Refusal::Busy { retry_after, reason } => (Reason::Busy, reason, retry_after),
            Refusal::Unavailable { retry_after, reason } => {
                (Reason::Unavailable, reason, retry_after)
            }
        };
        if let Some(suppressed) = self.log.may_tell() {
            tracing::warn!(reason = message, suppressed, "refusing requests: not stored");
        }
        self.later(reason, message, Some(least))
    }

    pub(super) fn internal(&self, message: &str) -> Fault {
        self.later(Reason::Internal, message, None)
    }

    /// A fault that the client may try again, at a time that differs from client to client: those
    /// that were refused together would come back together.
    fn later(&self, reason: Reason, message: impl Into<String>, least: Option<Duration>) -> Fault {
        debug_assert!(reason.is_retryable());
        let min = self.settings.retry_after_min_seconds;
        let spread = (self.settings.retry_after_max_seconds - min).saturating_add(1);
        // Every `RandomState` has other keys.
        let random = RandomState::new().build_hasher().finish();
        let extra = Duration::from_secs(random % spread);
        let delay = least.unwrap_or(Duration::from_secs(min)).saturating_add(extra);
        Fault { retry_after: Some(delay), ..Fault::new(reason, message) }
    }
}

fn malformed(error: &Error) -> Fault {
    let reason = match error {
        Error::TooLarge { .. } => Reason::TooLarge,
        _ => Reason::Malformed,
    };
    Fault::new(reason, error.to_string())
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("settings", &self.settings).finish_non_exhaustive()
    }
}
