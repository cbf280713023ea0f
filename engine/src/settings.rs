//! What a user may set: plain data with defaults.

mod compact;
mod live;
mod retention;

use serde::{Deserialize, Serialize};

pub use compact::CompactSettings;
pub use live::{LiveSettings, OnCorruption};
pub use retention::RetentionSettings;

/// Stack that the threads of a runtime need to run what `sql_max_operators` lets through: expressions
/// are evaluated, and plans dropped, by recursion.
pub const THREAD_STACK_BYTES: usize = 16 << 20;

/// Settings of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Memory that queries may use together, in bytes. Default: half of the machine's.
    pub query_memory_bytes: usize,
    /// Disk that queries may spill to, in bytes.
    pub query_spill_bytes: u64,
    /// Memory for what is known of the traces of the files: five bytes per trace of the lake, and twenty
    /// more for those last asked about. Default: a thirty-second part of the machine's.
    pub trace_index_bytes: usize,
    /// Whether questions that rollups can answer are answered from them. The answers are the same.
    pub use_rollups: bool,
    /// Memory for rollups by hour and day, of the files last asked about. Default: a sixty-fourth part of
    /// the machine's.
    pub rollup_cache_bytes: usize,
    /// Memory for columns of files that are asked for again and again, decoded, and an eighth as much for what
    /// look-ups of traces need of them; 0 for none. Default: an eighth part of the machine's.
    pub column_cache_bytes: usize,
    /// Threads that one query may use. Default: the machine's cores.
    pub query_threads: usize,
    /// Longest SQL text accepted, in bytes.
    pub sql_max_bytes: usize,
    /// Deepest nesting of parentheses and subqueries accepted.
    pub sql_max_depth: usize,
    /// Most tokens (words, numbers, operators) in one SQL text.
    pub sql_max_tokens: usize,
    /// Most operators (`+`, `AND`, `UNION`, `JOIN`, ...) in one SQL text: each may nest the plan by one.
    pub sql_max_operators: usize,
    /// Spans buffered before they are sorted and written, as Arrow bytes. Bounds the memory of an import.
    pub write_buffer_bytes: usize,
    /// Rows per Parquet row group.
    pub row_group_rows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            query_memory_bytes: machine_memory_bytes() / 2,
            query_spill_bytes: 10 << 30,
            trace_index_bytes: machine_memory_bytes() / 32,
            use_rollups: true,
            rollup_cache_bytes: machine_memory_bytes() / 64,
            column_cache_bytes: machine_memory_bytes() / 8,
            query_threads: std::thread::available_parallelism().map_or(1, usize::from),
            sql_max_bytes: 1 << 20,
            sql_max_depth: 128,
            sql_max_tokens: 100_000,
            sql_max_operators: 500,
            write_buffer_bytes: 256 << 20,
            row_group_rows: 128 << 10,
        }
    }
}

/// Memory of the machine in bytes, or 4 GiB where the system does not say.
fn machine_memory_bytes() -> usize {
    const UNKNOWN: usize = 4 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return UNKNOWN };
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.map_or(UNKNOWN, |kib| kib << 10)
}
