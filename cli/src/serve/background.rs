//! Threads that give way: their work is done with the processor time that requests and queries leave.
//!
//! Without this, a busy machine divides its time evenly between tidying up and taking in, and
//! senders are told to slow down while files are rewritten that nobody waits for.

use std::io;

use engine::THREAD_STACK_BYTES;
use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Of 100; a thread has 50. On Linux this is a nice value of 10: about a tenth of what others get
/// who want the same processor.
const PRIORITY: u8 = 25;

/// Threads of low priority. What runs on them ends when this is dropped.
#[derive(Debug)]
pub(super) struct Background(Option<Runtime>);

impl Background {
    /// Starts the threads under that name.
    pub(super) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .thread_stack_size(THREAD_STACK_BYTES)
            .on_thread_start(give_way)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs something on the threads.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        match &self.0 {
            Some(runtime) => runtime.spawn(work),
            None => unreachable!("the threads end when this is dropped"),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting is not allowed where this is dropped.
            runtime.shutdown_background();
        }
    }
}

fn give_way() {
    let priority = ThreadPriorityValue::try_from(PRIORITY).map(ThreadPriority::Crossplatform);
    let is_set = priority.is_ok_and(|priority| set_current_thread_priority(priority).is_ok());
    if !is_set {
        tracing::warn!(
            "the priority of background threads cannot be lowered; assembly may delay requests"
        );
    }
}
