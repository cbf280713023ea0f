//! Moves the oldest rows in memory into the table.
//!
//! One commit adds the files and says up to which record of the log they reach. So
//! whoever reads the table, a query or the next start, knows which records are in it,
//! and a crash between the commit and anything after it changes nothing.
//!
//! # Not here
//!
//! No timing and no retries (`intake`), and the log is not touched.

use std::sync::Arc;

use crate::catalog::{Marked, Marker, NewFile, TableLog};
use crate::error::Result;
use crate::write::Committed;
use crate::write::data_files::DataFiles;
use crate::write::memtable::Memtable;

/// Flushes one memtable.
#[derive(Debug)]
pub(crate) struct Flusher {
    files: DataFiles,
    log: Arc<TableLog>,
    memtable: Arc<Memtable>,
    writer_id: String,
    /// About how much goes into one commit, in bytes of Arrow.
    flush_bytes: u64,
    committed_seq: u64,
    unconfirmed: Option<Unconfirmed>,
}

/// Files whose commit failed or got no answer. It may be there all the same, so that only these
/// files may be tried again: others with the same rows would double them.
#[derive(Debug)]
struct Unconfirmed {
    files: Vec<NewFile>,
    through: u64,
}

impl Flusher {
    pub(crate) fn new(
        files: DataFiles,
        log: Arc<TableLog>,
        memtable: Arc<Memtable>,
        marker: (String, u64),
        flush_bytes: u64,
    ) -> Self {
        let (writer_id, committed_seq) = marker;
        Self { files, log, memtable, writer_id, flush_bytes, committed_seq, unconfirmed: None }
    }

    /// The table holds all records up to this one.
    pub(crate) fn committed_seq(&self) -> u64 {
        self.committed_seq
    }

    /// Flushes about `flush_bytes` of the oldest rows. `None` if there is nothing.
    ///
    /// After an error, or if it is dropped on the way, it may be called again.
    pub(crate) async fn flush_oldest(&mut self) -> Result<Option<Committed>> {
        loop {
            let Some(mut unconfirmed) = self.write_files().await? else { return Ok(None) };
            let marker = Marker {
                writer_id: self.writer_id.clone(),
                before: self.committed_seq,
                through: unconfirmed.through,
            };
            let marked = match self.log.commit_marked(&unconfirmed.files, &marker).await {
                Ok(marked) => marked,
                Err(error) => {
                    self.unconfirmed = Some(unconfirmed);
                    return Err(error);
                }
            };
            let (through, committed) = match marked {
                Marked::Committed { version } => {
                    let files = std::mem::take(&mut unconfirmed.files);
                    (unconfirmed.through, Some(Committed::of_files(&files, Some(version))))
                }
                // The files hold rows that the table has in part: they stay orphans, and the rest
                // is written again.
                Marked::Elsewhere { through } => (through, None),
            };
            self.committed_seq = through;
            self.memtable.drop_through(through);
            if committed.is_some() {
                return Ok(committed);
            }
        }
    }

    async fn write_files(&mut self) -> Result<Option<Unconfirmed>> {
        if let Some(unconfirmed) = self.unconfirmed.take() {
            return Ok(Some(unconfirmed));
        }
        let chunks = self.memtable.oldest(self.flush_bytes);
        let Some(last) = chunks.last() else { return Ok(None) };
        let through = last.last_seq();
        let batches = chunks.iter().map(|chunk| chunk.batch().clone()).collect();
        let files = self.files.write(batches).await?;
        Ok(Some(Unconfirmed { files, through }))
    }
}
