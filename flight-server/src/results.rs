//! Result streams: rows from the engine to the client, within limits.
//!
//! A query runs in a task of its own and hands batches to the connection through a
//! short channel. So a client that stops reading is noticed (the channel stays full),
//! and one that leaves is too (the channel closes). In both cases, and at every limit,
//! the task drops the plan and gives its turn back.
//!
//! A result that is not whole ends with an error, never with a normal end.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::future::ready;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::limits::{ComputeTime, ResultSize};
use crate::service::Service;
use crate::split::split;
use crate::stats::Counted;
use crate::status;
use crate::threads::{Batches, Compute, Threads};
use crate::ticket::Planned;

/// The messages of one result.
pub(crate) type DataStream = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// Messages made ahead of the client. Each is at most `Settings::max_message_bytes`.
const MESSAGES_AHEAD: usize = 2;

/// The rows of a planned query. Waits for its turn, and returns when the query has started.
pub(crate) async fn run(service: &Service, planned: Arc<Planned>) -> Result<DataStream, Status> {
    let counted = Counted::begin(&service.stats);
    let started = tokio::select! {
        started = Running::start(service, &planned) => started,
        interrupted = service.interrupted(&planned) => Err(interrupted),
    };
    let running = match started {
        Ok(running) => running,
        Err(status) => {
            let refused = Err(status);
            counted.end(&refused);
            return refused;
        }
    };
    let schema = Arc::clone(&planned.schema);
    let (rows, batches) = mpsc::channel(MESSAGES_AHEAD);
    let (end, ended) = oneshot::channel();
    let service = service.clone();
    // What stops this task: its client, its limits, and the end of the server.
    tokio::spawn(async move {
        let outcome = running.finish(&service, &planned, &rows).await;
        drop(rows);
        counted.end(&outcome);
        // Nobody waits for the outcome if the client has left.
        let _ = end.send(outcome);
    });
    let end = stream::once(ended).filter_map(|outcome| {
        ready(match outcome {
            Ok(Ok(())) => None,
            Ok(Err(status)) => Some(Err(status)),
            // The task panicked: what came so far is not the whole result.
            Err(_) => Some(Err(status::internal())),
        })
    });
    Ok(encode(schema, ReceiverStream::new(batches).map(Ok).chain(end)))
}

/// A result that is there already.
pub(crate) fn whole(batch: RecordBatch) -> DataStream {
    encode(batch.schema(), stream::iter([Ok(batch)]))
}

fn encode<S>(schema: SchemaRef, batches: S) -> DataStream
where
    S: Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
{
    FlightDataEncoderBuilder::new()
        // Clients expect a schema even if there are no rows.
        .with_schema(schema)
        // The batches were cut before; the encoder's own measure would cut them again.
        .with_max_flight_data_size(usize::MAX)
        .build(batches.map_err(FlightError::from))
        .map_err(|error| match error {
            FlightError::Tonic(status) => *status,
            other => status::unexpected(other),
        })
        .boxed()
}

/// A query that had its turn and has started.
struct Running {
    batches: Batches,
    compute: Compute,
    time: ComputeTime,
    threads: Threads,
    _turn: OwnedSemaphorePermit,
}

impl Running {
    async fn start(service: &Service, planned: &Arc<Planned>) -> Result<Self, Status> {
        let turn = service.running.enter().await?;
        let count = service.engine.settings().query_threads;
        let (threads, compute) = service.idle.take(count).map_err(|e| {
            status::exhausted(format!("the server has no threads for the query ({e}); try again"))
        })?;
        let mut time = ComputeTime::new(service.settings.query_time());
        let batches = time.spend(execute(&compute, planned, 0)).await??;
        Ok(Self { batches, compute, time, threads, _turn: turn })
    }

    /// Sends all rows, or as many as the limits allow.
    async fn finish(
        self,
        service: &Service,
        planned: &Arc<Planned>,
        rows: &mpsc::Sender<RecordBatch>,
    ) -> Result<(), Status> {
        let settings = &service.settings;
        tokio::select! {
            outcome = self.send_all(service, planned, rows) => outcome,
            interrupted = service.interrupted(planned) => Err(interrupted),
            () = rows.closed() => Err(client_left()),
            () = sleep(settings.result_time()) => Err(Status::deadline_exceeded(format!(
                "the result was not read within {} s; it ends here, incomplete",
                settings.result_seconds
            ))),
        }
    }

    async fn send_all(
        mut self,
        service: &Service,
        planned: &Arc<Planned>,
        rows: &mpsc::Sender<RecordBatch>,
    ) -> Result<(), Status> {
        let settings = &service.settings;
        let mut size = ResultSize::new(settings);
        let mut later = 1..planned.runs();
        loop {
            while let Some(batch) = self.time.spend(self.batches.next()).await?? {
                for part in split(&batch, settings.max_message_bytes)? {
                    size.add(part.rows.num_rows(), part.bytes)?;
                    send(rows, part.rows, settings.stalled_client_time()).await?;
                }
            }
            let Some(next) = later.next() else {
                let Self { batches, threads, .. } = self;
                drop(batches);
                service.idle.give(threads);
                return Ok(());
            };
            self.batches = self.time.spend(execute(&self.compute, planned, next)).await??;
        }
    }
}

/// Starts one run.
async fn execute(compute: &Compute, planned: &Arc<Planned>, run: usize) -> Result<Batches, Status> {
    let planned = Arc::clone(planned);
    compute.batches(async move { planned.execute(run).await }).await
}

async fn send(
    rows: &mpsc::Sender<RecordBatch>,
    batch: RecordBatch,
    patience: Duration,
) -> Result<(), Status> {
    match timeout(patience, rows.send(batch)).await {
        Ok(sent) => sent.map_err(|_| client_left()),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "the client did not read for {} s; the result ends here, incomplete",
            patience.as_secs()
        ))),
    }
}

fn client_left() -> Status {
    Status::cancelled("the client left")
}
