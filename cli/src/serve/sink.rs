//! Puts what the OTLP servers accept into the intake, and decodes it again after a crash.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Intake, IntakeError, Payload};
use ingest::server::{Accepted, PayloadFormat, Refusal, Rules, Sink, decode};
use schema::SpanBatch;

/// The intake as the OTLP servers see it.
#[derive(Debug)]
pub(super) struct IntakeSink(pub(super) Intake);

#[async_trait]
impl Sink for IntakeSink {
    async fn store(&self, accepted: Accepted) -> Result<(), Refusal> {
        let payload = Payload {
            format: accepted.format.code(),
            received_ns: accepted.received_ns,
            spans: accepted.spans,
            bytes: accepted.payload,
        };
        self.0.append(payload, accepted.batches).await.map_err(|error| refusal(&error))
    }
}

fn refusal(error: &IntakeError) -> Refusal {
    let reason = error.to_string();
    // A request that can never be stored does not pass the receiver's limits; if it did, an answer
    // that is not retryable would lose it without a word.
    let retry_after = error.retry_after().unwrap_or(std::time::Duration::from_secs(30));
    match error {
        IntakeError::Busy { .. } => Refusal::Busy { retry_after, reason },
        _ => Refusal::Unavailable { retry_after, reason },
    }
}

/// Decodes payloads of the log by the rules under which they were accepted.
#[derive(Debug)]
pub(super) struct LoggedPayloads(pub(super) Rules);

impl LoggedPayloads {
    pub(super) fn new(rules: Rules) -> Arc<Self> {
        Arc::new(Self(rules))
    }
}

impl engine::Decode for LoggedPayloads {
    fn context(&self) -> String {
        self.0.to_text()
    }

    fn decode(&self, payload: &Payload, context: &str) -> Result<Vec<SpanBatch>, String> {
        let rules = Rules::from_text(context).map_err(|error| format!("its rules: {error}"))?;
        let format = PayloadFormat::from_code(payload.format)
            .ok_or_else(|| format!("payload format {} is unknown", payload.format))?;
        let decoded = decode(format, &payload.bytes, payload.received_ns, &rules)
            .map_err(|error| error.to_string())?;
        if decoded.tally.accepted != payload.spans {
            return Err(format!(
                "it holds {} spans, and {} were accepted",
                decoded.tally.accepted, payload.spans
            ));
        }
        Ok(decoded.batches)
    }
}
