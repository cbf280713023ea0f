//! Which rows of a snapshot have tree columns that may be read.
//!
//! ```text
//! assembled   rows of assembled files, but for late traces: their tree columns are read
//! fresh       all other rows: trees are computed, over whole traces
//! ```
//!
//! A trace is late if it lies in an assembled file and has fresh rows too. All its rows
//! count as fresh then, so that each trace is computed from all of its rows, or from none.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use object_store::path::Path;
use tokio::sync::OnceCell;

use crate::rollup::RollupCache;
use crate::snapshot::{DataFile, Layout, Snapshot};
use crate::trace_index::{TraceIndexes, row_ranges};

/// A part of the rows of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All rows.
    All,
    /// Rows whose tree columns are stored.
    Assembled,
    /// The rest.
    Fresh,
}

/// The rows of late traces in one assembled file.
#[derive(Debug)]
pub(crate) struct LateRows {
    ranges: Vec<Range<usize>>,
    total: usize,
}

impl LateRows {
    /// In file order, without overlap.
    pub(crate) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// The other rows.
    pub(crate) fn complement(&self) -> Vec<Range<usize>> {
        let ends = self.ranges.iter().map(|range| range.start).chain([self.total]);
        let starts = std::iter::once(0).chain(self.ranges.iter().map(|range| range.end));
        starts.zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
    }
}

/// A snapshot, and what is late in it.
#[derive(Debug)]
pub(crate) struct Divided {
    snapshot: Snapshot,
    /// `None` if there is nothing that could be read.
    indexes: Option<Arc<TraceIndexes>>,
    late: OnceCell<HashMap<Path, LateRows>>,
    /// `None` if rollups are not to be used.
    rollups: Option<Arc<RollupCache>>,
}

impl Divided {
    pub(crate) fn new(snapshot: Snapshot, indexes: Arc<TraceIndexes>) -> Self {
        Self { snapshot, indexes: Some(indexes), late: OnceCell::new(), rollups: None }
    }

    /// With rollups, for what they can answer.
    pub(crate) fn with_rollups(self, rollups: Option<Arc<RollupCache>>) -> Self {
        Self { rollups, ..self }
    }

    pub(crate) fn rollups(&self) -> Option<&Arc<RollupCache>> {
        self.rollups.as_ref()
    }

    /// No rows at all.
    pub(crate) fn empty() -> Self {
        let (indexes, late, rollups) = Default::default();
        Self { snapshot: Snapshot::empty(), indexes, late, rollups }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Whether a part has no rows for certain.
    pub(crate) fn is_empty(&self, part: Part) -> bool {
        let has =
            |layout: fn(Layout) -> bool| self.snapshot.files.iter().any(|file| layout(file.layout));
        match part {
            Part::All => self.snapshot.files.is_empty() && self.snapshot.memory.is_empty(),
            Part::Assembled => !has(|layout| layout == Layout::Assembled),
            Part::Fresh => {
                !has(|layout| layout != Layout::Assembled) && self.snapshot.memory.is_empty()
            }
        }
    }

    /// The rows of late traces, by file. Worked out once.
    pub(crate) async fn late(&self) -> Result<&HashMap<Path, LateRows>> {
        self.late
            .get_or_try_init(|| async { self.find_late().await })
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// The rows of some traces in a file, in file order. `keys` are sorted.
    pub(crate) async fn rows_of(&self, file: &DataFile, keys: &[u64]) -> Result<Vec<Range<usize>>> {
        let Some(indexes) = &self.indexes else { return Ok(Vec::new()) };
        let runs = indexes.runs_in(file, keys).await;
        let runs = runs.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(row_ranges(&runs))
    }

    /// Those of some traces that have fresh rows: what of them is assembled is late. Sorted like `keys`.
    pub(crate) async fn fresh_among(&self, keys: &[u64]) -> Result<Vec<u64>> {
        let Some(indexes) = &self.indexes else { return Ok(Vec::new()) };
        let is_in_memory = |key: &u64| self.snapshot.memory.iter().any(|chunk| chunk.has(*key));
        let mut fresh: Vec<u64> = keys.iter().copied().filter(is_in_memory).collect();
        for file in self.snapshot.files.iter().filter(|f| f.layout != Layout::Assembled) {
            let runs = indexes.runs_in(file, keys).await;
            let runs = runs.map_err(|error| DataFusionError::External(Box::new(error)))?;
            fresh.extend(runs.iter().map(|run| run.key));
        }
        fresh.sort_unstable();
        fresh.dedup();
        Ok(fresh)
    }

    async fn find_late(&self) -> crate::Result<HashMap<Path, LateRows>> {
        let mut late = HashMap::new();
        let Some(indexes) = &self.indexes else { return Ok(late) };
        if self.is_empty(Part::Assembled) || self.is_empty(Part::Fresh) {
            return Ok(late);
        }
        indexes.keep_only(&self.snapshot.files);
        let chunks = self.snapshot.memory.iter();
        let mut in_memory: Vec<u64> =
            chunks.flat_map(|chunk| chunk.trace_keys()).copied().collect();
        in_memory.sort_unstable();
        in_memory.dedup();
        let (assembled, fresh): (Vec<_>, Vec<_>) =
            self.snapshot.files.iter().partition(|file| file.layout == Layout::Assembled);
        for file in assembled {
            let mut keys = indexes.keys(file).await?.among(&in_memory);
            for other in &fresh {
                keys.extend(indexes.shared(other, file).await?.iter());
            }
            keys.sort_unstable();
            keys.dedup();
            let ranges = row_ranges(&indexes.runs_in(file, &keys).await?);
            if !ranges.is_empty() {
                let total = file.rows.unwrap_or_default() as usize;
                late.insert(file.path.clone(), LateRows { ranges, total });
            }
        }
        Ok(late)
    }
}
