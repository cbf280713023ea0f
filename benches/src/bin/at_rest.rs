//! What a lake costs at rest and what it gives: assembly, sizes, look-ups, trees.
//!
//! ```text
//! spanlake generate --spans 5000000 --days 28 --out shop.otlp.binpb.zst
//! spanlake import --no-compact --lake LAKE shop.otlp.binpb.zst
//! at_rest --lake LAKE [--times 20]
//! ```
//!
//! What is fresh in the lake is assembled, once. A lake that a server has written to tells how much was written
//! over its life, too.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use benches::over_flight::OverFlight;
use clap::Parser;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use engine::{Assembled, CompactSettings, Engine, Layout, Location, Settings};
use rustix::fs::{Advice, fadvise};
use serde_json::Value;
use tikv_jemallocator::Jemalloc;

/// The one that `spanlake` has.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Measures a lake in a folder, and assembles what is fresh in it.
#[derive(Debug, Parser)]
struct Args {
    /// Folder of the lake.
    #[arg(long)]
    lake: PathBuf,
    /// How many traces are looked up, and how often trees are asked for.
    #[arg(long, default_value_t = 20)]
    times: usize,
}

/// Needs every tree column that is not in the row as it came.
const TREES: &str =
    "SELECT max(depth), sum(self_time_ns), sum(critical_path_ns), sum(subtree_size),
    count(parent_service_name), count(*) FILTER (WHERE error_origin) FROM spans";
/// The same work without trees: what reading alone takes.
const NO_TREES: &str = "SELECT max(start_time), sum(duration_ns), count(service_name),
    count(*) FILTER (WHERE status_code = 'error') FROM spans";
/// What somebody wants to see of a trace.
const COLUMNS: &str =
    "trace_id, span_id, parent_span_id, service_name, span_name, span_kind, start_time,
    duration_ns, status_code, status_message, attributes, resource_attributes";
/// Columns that take less than this are shown together, in bytes per span.
const SMALL: f64 = 0.05;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let lake = Lake::open(&args.lake).await?;
    let mut out = std::io::stdout();
    let fresh = lake.fresh_spans().await?;
    if fresh > 0 {
        writeln!(out, "{fresh} spans are fresh")?;
        let trees = lake.times(TREES, args.times).await?;
        writeln!(out, "trees of fresh spans, computed: {trees}")?;
        writeln!(out, "{}", lake.assemble().await?)?;
    }
    let trees = lake.times(TREES, args.times).await?;
    writeln!(out, "trees of assembled spans, read: {trees}")?;
    let reading = lake.times(NO_TREES, args.times).await?;
    writeln!(out, "no trees, as many columns as they came: {reading}")?;
    writeln!(out, "{}", lake.written().await?)?;
    for line in lake.look_ups(args.times).await? {
        writeln!(out, "{line}")?;
    }
    for line in lake.look_ups_over_flight(args.times).await? {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\n| Column | Bytes per span |\n|---|---:|")?;
    for (column, bytes) in lake.columns().await? {
        writeln!(out, "| {column} | {bytes:.2} |")?;
    }
    Ok(())
}

/// A lake in a folder.
struct Lake {
    engine: Engine,
    location: Location,
    /// Of the table.
    folder: PathBuf,
}

impl Lake {
    async fn open(folder: &Path) -> Result<Self> {
        let text = folder.to_str().context("the path is not UTF-8")?;
        let location = Location::parse(text)?;
        let engine = Engine::open(&location, Settings::default()).await?;
        let folder = location.folder().context("sizes are read from files: give a folder")?;
        let folder = folder.join("spans");
        Ok(Self { engine, location, folder })
    }

    async fn fresh_spans(&self) -> Result<u64> {
        let files = self.engine.snapshot().await?.files;
        let fresh = files.iter().filter(|file| file.layout != Layout::Assembled);
        Ok(fresh.filter_map(|file| file.rows).sum())
    }

    /// Asks so many times, after once for the caches.
    async fn times(&self, sql: &str, times: usize) -> Result<Times> {
        let mut taken = Vec::with_capacity(times);
        for _ in 0..=times {
            let started = Instant::now();
            // A session of its own, for it keeps no answer, but is kept itself while nothing changes.
            self.engine.session().await?.query(sql).await?.collect().await?;
            taken.push(started.elapsed());
        }
        Ok(Times::of(taken.split_off(1)))
    }

    async fn assemble(&self) -> Result<String> {
        let settings = CompactSettings::default().at_once();
        let (started, mut commits) = (Instant::now(), 0);
        let mut all = Assembled::default();
        loop {
            let done = self.engine.assemble(&settings).await?;
            if done.version.is_none() {
                break;
            }
            all = all.and(done);
            commits += 1;
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(format!(
            "assembly: {} spans in {seconds:.1} s, {:.0} spans/s, {commits} commits, {} files of {} bytes \
             became {} of {}",
            all.spans,
            all.spans as f64 / seconds,
            all.files_before,
            all.bytes_before,
            all.files_after,
            all.bytes_after,
        ))
    }

    /// How much was written over the life of the lake, from the commits of its log.
    async fn written(&self) -> Result<String> {
        let snapshot = self.engine.snapshot().await?;
        let (mut first, mut again) = (Written::default(), Written::default());
        for version in 0..=snapshot.version {
            let path = self.folder.join(format!("_delta_log/{version:020}.json"));
            let Ok(commit) = File::open(&path) else {
                return Ok(
                    "write amplification: not known, old commits are gone from the log".into()
                );
            };
            let actions =
                BufReader::new(commit).lines().map(|line| Ok(serde_json::from_str(&line?)?));
            let actions = actions.collect::<Result<Vec<Value>>>()?;
            // Assembly; and erasing or thinning, which write the rest of a file again.
            let is_again = actions.iter().any(|action| {
                let operation = action["commitInfo"]["operation"].as_str();
                matches!(operation, Some("OPTIMIZE" | "DELETE"))
            });
            let written = if is_again { &mut again } else { &mut first };
            for added in actions.iter().filter_map(|action| action.get("add")) {
                written.add(added)?;
            }
        }
        let at_rest: u64 = snapshot.files.iter().map(|file| file.size_bytes).sum();
        Ok(format!(
            "write amplification: {:.2} bytes written for each that came, {:.2} for each at rest; each span \
             was written {:.2} times ({} + {} bytes)",
            (first.bytes + again.bytes) as f64 / first.bytes.max(1) as f64,
            (first.bytes + again.bytes) as f64 / at_rest.max(1) as f64,
            (first.spans + again.spans) as f64 / first.spans.max(1) as f64,
            first.bytes,
            again.bytes,
        ))
    }

    /// Look-ups of whole traces by id.
    async fn look_ups(&self, times: usize) -> Result<Vec<String>> {
        let ids = self.ids(times).await?;
        let (mut cold, mut first, mut warm) = (Vec::new(), Vec::new(), Vec::new());
        for id in &ids {
            // Nobody else holds the files: what was read before must not help.
            self.forget()?;
            let started = Instant::now();
            let engine = Engine::open(&self.location, Settings::default()).await?;
            look_up(&engine, id).await?;
            cold.push(started.elapsed());
            let started = Instant::now();
            let engine = Engine::open(&self.location, Settings::default()).await?;
            look_up(&engine, id).await?;
            first.push(started.elapsed());
        }
        for id in &ids {
            let started = Instant::now();
            look_up(&self.engine, id).await?;
            warm.push(started.elapsed());
        }
        Ok(vec![
            format!("trace by id, new engine, files not in memory: {}", Times::of(cold)),
            format!(
                "trace by id, new engine, files in the cache of the system: {}",
                Times::of(first)
            ),
            format!("trace by id, running engine: {}", Times::of(warm.split_off(1.min(ids.len())))),
        ])
    }

    /// Look-ups of traces by id as clients make them. None is asked for twice.
    async fn look_ups_over_flight(&self, times: usize) -> Result<Vec<String>> {
        // As `spanlake serve` does.
        self.engine.read_ahead().await?;
        let mut flight = OverFlight::start(self.engine.clone()).await?;
        let ids = self.ids(3 * times).await?;
        let (mut nothing, mut asked, mut prepared) = (Vec::new(), Vec::new(), Vec::new());
        for (at, id) in ids.iter().enumerate() {
            let started = Instant::now();
            flight.ask(&format!("SELECT {at} AS n")).await?;
            nothing.push(started.elapsed());
            let sql = format!("SELECT {COLUMNS} FROM spans WHERE trace_id = '{id}'");
            let started = Instant::now();
            let (taken, rows) = if at % 2 == 0 {
                (&mut asked, flight.ask(&sql).await?)
            } else {
                (&mut prepared, flight.ask_prepared(&sql).await?)
            };
            taken.push(started.elapsed());
            if rows == 0 {
                bail!("trace {id} was not found");
            }
        }
        flight.stop().await?;
        // The first ones find a system that did something else before.
        let warm = |mut taken: Vec<Duration>| Times::of(taken.split_off(taken.len() / 3));
        Ok(vec![
            format!("over Flight, `SELECT n`: {}", warm(nothing)),
            format!("over Flight, trace by id, twelve columns: {}", warm(asked)),
            format!("over Flight, the same, prepared and closed: {}", warm(prepared)),
        ])
    }

    /// Ids of some traces. They are random, so these lie anywhere.
    async fn ids(&self, number: usize) -> Result<Vec<String>> {
        let sql = format!("SELECT trace_id FROM traces ORDER BY trace_id LIMIT {}", number + 1);
        let mut ids = Vec::new();
        for batch in self.engine.session().await?.query(&sql).await?.collect().await? {
            let column = cast(batch.column(0), &DataType::Utf8)?;
            ids.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        if ids.is_empty() {
            bail!("the lake has no trace");
        }
        Ok(ids)
    }

    /// Tells the system that the files of the table need not stay in its cache.
    fn forget(&self) -> Result<()> {
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let file = File::open(&path)?;
                // Only what is on disk can be dropped.
                file.sync_all()?;
                fadvise(&file, 0, None, Advice::DontNeed)?;
            }
        }
        Ok(())
    }

    /// Bytes per span of each column in assembled files, the largest first.
    async fn columns(&self) -> Result<Vec<(String, f64)>> {
        let (mut columns, mut spans, mut rest) = (BTreeMap::<String, i64>::new(), 0_u64, 0_i64);
        let files = self.engine.snapshot().await?.files;
        for file in files.iter().filter(|file| file.layout == Layout::Assembled) {
            let reader =
                SerializedFileReader::new(File::open(self.folder.join(file.path.as_ref()))?)?;
            spans += file.rows.unwrap_or_default();
            rest += file.size_bytes as i64;
            for group in reader.metadata().row_groups() {
                for column in group.columns() {
                    let name = column.column_path().parts().first().cloned().unwrap_or_default();
                    *columns.entry(name).or_default() += column.compressed_size();
                    rest -= column.compressed_size();
                }
            }
        }
        let per_span = |bytes: i64| bytes as f64 / spans.max(1) as f64;
        let number = columns.len();
        let mut large: Vec<(String, f64)> = columns
            .into_iter()
            .map(|(name, bytes)| (format!("`{name}`"), per_span(bytes)))
            .collect();
        large.sort_by(|a, b| b.1.total_cmp(&a.1));
        let total = large.iter().map(|(_, bytes)| bytes).sum::<f64>() + per_span(rest);
        let small = large.split_off(large.partition_point(|(_, bytes)| *bytes >= SMALL));
        let small_bytes = small.iter().map(|(_, bytes)| bytes).sum();
        large.push((format!("{} others of {number}", small.len()), small_bytes));
        large.push(("footers and page offsets".into(), per_span(rest)));
        large.push((format!("all, of {spans} spans"), total));
        Ok(large)
    }
}

async fn look_up(engine: &Engine, id: &str) -> Result<()> {
    let sql = format!("SELECT * FROM spans WHERE trace_id = '{id}'");
    let batches = engine.session().await?.query(&sql).await?.collect().await?;
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        bail!("trace {id} was not found");
    }
    Ok(())
}

/// Files that commits have added.
#[derive(Debug, Default)]
struct Written {
    bytes: u64,
    spans: u64,
}

impl Written {
    fn add(&mut self, added: &Value) -> Result<()> {
        self.bytes += added["size"].as_u64().context("an added file has a size")?;
        let stats: Value = serde_json::from_str(added["stats"].as_str().unwrap_or("{}"))?;
        self.spans += stats["numRecords"].as_u64().unwrap_or_default();
        Ok(())
    }
}

/// How long something took, several times.
struct Times {
    taken: Vec<Duration>,
}

impl Times {
    fn of(mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        Self { taken }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |at: usize| self.taken.get(at).map_or(0.0, |taken| taken.as_secs_f64() * 1e3);
        let last = self.taken.len().saturating_sub(1);
        let (least, median, most) = (ms(0), ms(self.taken.len() / 2), ms(last));
        write!(f, "median {median:.1} ms, {least:.1} to {most:.1}, of {}", self.taken.len())
    }
}
