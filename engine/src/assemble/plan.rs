//! Which files are assembled, and how their traces are divided into units.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use schema::TraceId;

use crate::error::Result;
use crate::settings::CompactSettings;
use crate::snapshot::{DataFile, Layout, Snapshot};
use crate::trace_index::{TraceIndex, TraceIndexes, TraceRun, row_ranges, trace_key};

/// The files that one commit replaces, and what becomes of their rows.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) inputs: Vec<DataFile>,
    /// Whole traces, by time.
    pub(super) units: Vec<Rows>,
    /// Rows that stay fresh: their traces are still open, or lie in a file that is not assembled again.
    pub(super) left: Vec<Rows>,
}

/// Rows of some of the inputs: index of the input, and ranges in file order.
pub(super) type Rows = Vec<(usize, Vec<Range<usize>>)>;

/// One trace of the inputs.
#[derive(Debug)]
struct Group {
    start_ns: i64,
    runs: Range<usize>,
    rows: u64,
}

impl Plan {
    /// `None` if there is nothing to do. `in_memory` are the keys of traces with rows in memory, sorted.
    pub(super) async fn new(
        snapshot: &Snapshot,
        in_memory: &[u64],
        indexes: &TraceIndexes,
        settings: &CompactSettings,
        now_ms: i64,
    ) -> Result<Option<Self>> {
        let is_quiet =
            |file: &&DataFile| now_ms.saturating_sub(file.written_ms) >= settings.quiet_ms as i64;
        let (assembled, fresh): (Vec<_>, Vec<_>) =
            snapshot.files.iter().partition(|file| file.layout == Layout::Assembled);
        let mut quiet: Vec<&DataFile> = fresh.iter().copied().filter(is_quiet).collect();
        quiet.sort_by_key(|file| file.start_time_range);
        let mut chosen = take_rows(quiet, settings.commit_rows);
        let fresh_rows: u64 = chosen.iter().filter_map(|file| file.rows).sum();
        let merged = mergeable(&assembled, settings);
        let room = settings.commit_rows.saturating_sub(fresh_rows);
        let merged = if fresh_rows < room { take_rows(merged, room) } else { Vec::new() };
        let merged = if merged.len() > 1 { merged } else { Vec::new() };

        // Traces of which there are rows that are not chosen: those rows may still be coming.
        let mut open = in_memory.to_vec();
        for file in &fresh {
            if !chosen.iter().any(|other| other.path == file.path) {
                open.extend(indexes.of(file).await?.keys());
            }
        }
        let quiet = chosen.clone();
        let oldest = chosen.iter().map(|file| file.written_ms).min().unwrap_or(now_ms);
        let is_overdue = now_ms.saturating_sub(oldest) >= settings.late_ms as i64;
        chosen.extend(&merged);
        for file in assembled {
            if merged.iter().any(|other| other.path == file.path) {
                continue;
            }
            let mut late: Vec<u64> = Vec::new();
            for fresh in &quiet {
                late.extend(indexes.shared(fresh, file).await?.iter());
            }
            if late.is_empty() {
                continue;
            }
            late.sort_unstable();
            late.dedup();
            let traces = indexes.keys(file).await?.len() as u64;
            if is_overdue || late.len() as u64 * 100 >= traces * settings.late_percent {
                chosen.push(file);
            } else {
                open.extend(late);
            }
        }
        open.sort_unstable();
        open.dedup();
        if chosen.is_empty() {
            chosen = outdated(&snapshot.files, settings);
        }
        if chosen.is_empty() {
            return Ok(None);
        }
        let inputs: Vec<DataFile> = chosen.into_iter().cloned().collect();
        let mut indexes_of_inputs = Vec::with_capacity(inputs.len());
        for file in &inputs {
            indexes_of_inputs.push(indexes.of(file).await?);
        }
        let plan = Self::divide(inputs, &indexes_of_inputs, &open, settings.unit_rows as u64);
        // Moving rows from one fresh file to another helps nobody.
        Ok(Some(plan).filter(|plan| !plan.units.is_empty()))
    }

    /// A plan for some of the files that have rows of `traces`, which their reader leaves out; `None`
    /// if there are none.
    pub(super) async fn without(
        snapshot: &Snapshot,
        traces: &HashSet<TraceId>,
        indexes: &TraceIndexes,
        settings: &CompactSettings,
    ) -> Result<Option<Self>> {
        let mut keys: Vec<u64> = traces.iter().map(|id| trace_key(id.as_bytes())).collect();
        keys.sort_unstable();
        let mut affected = Vec::new();
        for file in snapshot.files.iter() {
            if !indexes.runs_in(file, &keys).await?.is_empty() {
                affected.push(file);
            }
        }
        affected.sort_by_key(|file| file.start_time_range);
        let chosen = take_rows(affected, settings.commit_rows);
        if chosen.is_empty() {
            return Ok(None);
        }
        let inputs: Vec<DataFile> = chosen.into_iter().cloned().collect();
        let mut indexes_of_inputs = Vec::with_capacity(inputs.len());
        // What is fresh stays so: its traces may have more rows elsewhere.
        let mut fresh = Vec::new();
        for file in &inputs {
            let index = indexes.of(file).await?;
            if file.layout != Layout::Assembled {
                fresh.extend(index.keys());
            }
            indexes_of_inputs.push(index);
        }
        fresh.sort_unstable();
        fresh.dedup();
        let unit_rows = settings.unit_rows as u64;
        Ok(Some(Self::divide(inputs, &indexes_of_inputs, &fresh, unit_rows)))
    }

    /// A plan for assembled files, of which every trace is written again.
    pub(super) async fn again(
        inputs: Vec<DataFile>,
        indexes: &TraceIndexes,
        settings: &CompactSettings,
    ) -> Result<Self> {
        let mut indexes_of_inputs = Vec::with_capacity(inputs.len());
        for file in &inputs {
            indexes_of_inputs.push(indexes.of(file).await?);
        }
        Ok(Self::divide(inputs, &indexes_of_inputs, &[], settings.unit_rows as u64))
    }

    /// Divides all rows of `inputs`.
    fn divide(
        inputs: Vec<DataFile>,
        indexes: &[Arc<TraceIndex>],
        open: &[u64],
        unit_rows: u64,
    ) -> Self {
        let mut runs: Vec<(TraceRun, u32)> = Vec::new();
        for (input, index) in indexes.iter().enumerate() {
            runs.extend(index.runs().iter().map(|run| (*run, input as u32)));
        }
        runs.sort_unstable_by_key(|(run, input)| (run.key, *input, run.first));
        let mut groups: Vec<Group> = Vec::new();
        let mut left: Vec<(TraceRun, u32)> = Vec::new();
        let mut at = 0;
        for trace in runs.chunk_by(|a, b| a.0.key == b.0.key) {
            let range = at..at + trace.len();
            at = range.end;
            let was_assembled =
                trace.iter().any(|(_, input)| inputs[*input as usize].layout == Layout::Assembled);
            if !was_assembled && open.binary_search(&trace[0].0.key).is_ok() {
                left.extend(trace);
                continue;
            }
            groups.push(Group {
                start_ns: trace.iter().map(|(run, _)| run.start_ns).min().unwrap_or_default(),
                rows: trace.iter().map(|(run, _)| u64::from(run.rows)).sum(),
                runs: range,
            });
        }
        groups.sort_unstable_by_key(|group| (group.start_ns, group.runs.start));
        let mut units = Vec::new();
        let mut unit: Vec<(TraceRun, u32)> = Vec::new();
        let mut rows = 0;
        for group in groups {
            if rows > 0 && rows + group.rows > unit_rows {
                units.push(by_file(&mut unit));
                rows = 0;
            }
            rows += group.rows;
            unit.extend(&runs[group.runs]);
        }
        if !unit.is_empty() {
            units.push(by_file(&mut unit));
        }
        let mut left_rows = 0;
        let mut remainders = Vec::new();
        for run in left {
            left_rows += u64::from(run.0.rows);
            unit.push(run);
            if left_rows >= unit_rows {
                remainders.push(by_file(&mut unit));
                left_rows = 0;
            }
        }
        if !unit.is_empty() {
            remainders.push(by_file(&mut unit));
        }
        Self { inputs, units, left: remainders }
    }
}

/// The first files, up to about `rows`; at least one, if there is any.
pub(crate) fn take_rows(files: Vec<&DataFile>, rows: u64) -> Vec<&DataFile> {
    let mut taken = 0;
    files
        .into_iter()
        .take_while(|file| {
            let is_taken = taken < rows;
            taken += file.rows.unwrap_or(rows);
            is_taken
        })
        .collect()
}

/// Small files of days that have many of them.
fn mergeable<'a>(assembled: &[&'a DataFile], settings: &CompactSettings) -> Vec<&'a DataFile> {
    let mut days: BTreeMap<(&str, bool, u32), Vec<&DataFile>> = BTreeMap::new();
    for file in assembled {
        let rows = file.rows.unwrap_or(u64::MAX);
        if rows < settings.file_rows / 2 {
            // Files of like size: a large one is not rewritten for every small one.
            let size_class = rows.max(1).ilog(settings.merge_files.max(2) as u64);
            days.entry((&file.date, file.is_thinned, size_class)).or_default().push(file);
        }
    }
    days.into_values()
        .filter(|files| files.len() >= settings.merge_files.max(2))
        .flatten()
        .collect()
}

/// Assembled files of a version that wrote fewer rollups: they are written again when there is nothing else
/// to do.
fn outdated<'a>(files: &'a [DataFile], settings: &CompactSettings) -> Vec<&'a DataFile> {
    let is_outdated =
        |file: &&DataFile| file.layout == Layout::Assembled && file.rollup.is_outdated();
    let mut outdated: Vec<&DataFile> = files.iter().filter(is_outdated).collect();
    // What is thinned is not mixed with what is not.
    outdated.sort_by_key(|file| (file.is_thinned, file.start_time_range));
    let of_a_kind = outdated.partition_point(|file| file.is_thinned == outdated[0].is_thinned);
    outdated.truncate(of_a_kind);
    take_rows(outdated, settings.commit_rows)
}

fn by_file(runs: &mut Vec<(TraceRun, u32)>) -> Rows {
    let mut files: BTreeMap<u32, Vec<TraceRun>> = BTreeMap::new();
    for (run, input) in runs.drain(..) {
        files.entry(input).or_default().push(run);
    }
    files.into_iter().map(|(input, runs)| (input as usize, row_ranges(&runs))).collect()
}
