//! Where queries are bound and computed: threads of their own.
//!
//! Some operators, joins above all, compute for long without giving way. On the threads
//! that serve the connections they would stop the clocks that shall stop them, and every
//! other client with them. So what clients ask before a query, catalogs and bound parameters,
//! has threads that compute no query (plans have theirs in the engine), and each query
//! has its own. To start them takes longer than many a query, so those of a query that
//! came to its end serve the next one; those of a query that was cut off end with it.

use std::io;
use std::sync::{Mutex, MutexGuard};

use datafusion::arrow::array::RecordBatch;
use engine::{PLANNING_STACK_BYTES, Query};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tonic::Status;

use crate::status;

/// Some threads. They end with it: what does not give way is left behind, not waited for.
#[derive(Debug)]
pub(crate) struct Threads(Option<Runtime>);

/// Threads of queries that came to their end.
#[derive(Debug, Default)]
pub(crate) struct IdleThreads(Mutex<Vec<Threads>>);

impl IdleThreads {
    /// Threads on which nothing runs: `count` of them, if they have to be started.
    pub(crate) fn take(&self, count: usize) -> io::Result<(Threads, Compute)> {
        loop {
            let Some(threads) = self.idle().pop() else { return Threads::start(count) };
            // What a query leaves behind may compute on: then the threads end, too.
            if let Some(compute) = threads.compute().filter(Compute::is_idle) {
                return Ok((threads, compute));
            }
        }
    }

    /// Takes threads back. At most as many are kept as were in use at the same time.
    pub(crate) fn give(&self, threads: Threads) {
        self.idle().push(threads);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Threads>> {
        // A poisoned lock still holds whole entries.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Lets work run on threads. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Compute(Handle);

/// The rows of a query that computes on such threads. Dropping it ends the query.
#[derive(Debug)]
pub(crate) struct Batches {
    received: mpsc::Receiver<engine::Result<Option<RecordBatch>>>,
    _query: JoinSet<()>,
}

impl Threads {
    pub(crate) fn start(count: usize) -> io::Result<(Self, Compute)> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(count.max(1))
            .thread_name("spanlake-query")
            // Queries are planned where they run: to hand them on takes longer than many a plan. Plans nest as deep
            // as the SQL, and are copied and dropped by recursion.
            .thread_stack_size(PLANNING_STACK_BYTES)
            .enable_all()
            .build()?;
        let compute = Compute(runtime.handle().clone());
        Ok((Self(Some(runtime)), compute))
    }

    fn compute(&self) -> Option<Compute> {
        self.0.as_ref().map(|runtime| Compute(runtime.handle().clone()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Compute {
    fn is_idle(&self) -> bool {
        self.0.metrics().num_alive_tasks() == 0
    }

    /// Runs `work` there. It is dropped if this future is.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, Status>
    where
        T: Send + 'static,
        W: Future<Output = engine::Result<T>> + Send + 'static,
    {
        let mut task = JoinSet::new();
        task.spawn_on(work, &self.0);
        match task.join_next().await {
            Some(Ok(done)) => done.map_err(status::of_engine),
            // It panicked, or the threads are gone.
            _ => Err(status::internal()),
        }
    }

    /// Starts a query there, and lets it compute one batch ahead of its reader.
    pub(crate) async fn batches<W>(&self, start: W) -> Result<Batches, Status>
    where
        W: Future<Output = engine::Result<Query>> + Send + 'static,
    {
        let (rows, received) = mpsc::channel(1);
        let (begin, begun) = oneshot::channel();
        let mut task = JoinSet::new();
        let work = async move {
            let started = start.await;
            let (begun, query) = match started {
                Ok(query) => (Ok(()), Some(query)),
                Err(error) => (Err(error), None),
            };
            // Nobody is told where nobody waits any more.
            let _ = begin.send(begun);
            let Some(mut query) = query else { return };
            loop {
                let batch = query.next().await;
                let more = matches!(batch, Ok(Some(_)));
                if rows.send(batch).await.is_err() || !more {
                    return;
                }
            }
        };
        task.spawn_on(work, &self.0);
        match begun.await {
            Ok(begun) => begun.map_err(status::of_engine)?,
            // It panicked, or the threads are gone.
            Err(_) => return Err(status::internal()),
        }
        Ok(Batches { received, _query: task })
    }
}

impl Batches {
    /// The next rows, or `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, Status> {
        match self.received.recv().await {
            Some(batch) => batch.map_err(status::of_engine),
            // The task is gone without having said that it is done: it panicked.
            None => Err(status::internal()),
        }
    }
}

#[cfg(test)]
mod tests;
