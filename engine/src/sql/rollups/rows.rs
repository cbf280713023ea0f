//! The rows that are counted: those of rollups, and of the table itself where there are none.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::utils::{conjunction, disjunction};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit};
use schema::rollups::{
    DURATION, DURATION_MAX_NS, DURATION_MIN_NS, DURATION_SUM_NS, SPAN_COUNT, START_TIME,
};
use schema::spans::{DURATION_NS, SAMPLE_WEIGHT, START_TIME_UNIX_NANO};

use super::one_value::one_value;
use super::rollup_rows::RollupRows;
use super::time::Times;
use crate::read::{Divided, Files, Part, StoredSpans};
use crate::rollup::{Level, Subject, read_schema};
use crate::snapshot::DataFile;
use crate::sql::view::View;

/// What is counted: the rows of a table over one snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(super) subject: Subject,
    view: View,
    pub(super) divided: Arc<Divided>,
}

impl Counted {
    /// `None` if there are no rollups of such rows.
    pub(crate) fn of(view: &View) -> Option<Self> {
        let subject = Subject::ALL.into_iter().find(|subject| subject.table() == view.name())?;
        Some(Self { subject, view: view.clone(), divided: Arc::clone(view.divided()?) })
    }
}

/// The columns that are counted, in order: those of a rollup but for the length of its buckets.
fn columns(subject: Subject) -> impl Iterator<Item = &'static str> {
    let measures = [SPAN_COUNT, DURATION_SUM_NS, DURATION_MIN_NS, DURATION_MAX_NS, DURATION];
    let dimensions = subject.dimensions().iter().copied();
    [START_TIME].into_iter().chain(dimensions).chain([SAMPLE_WEIGHT]).chain(measures)
}

/// The rows of a snapshot, from rollups wherever they serve; `None` if the table itself would do as well.
pub(super) fn of(counted: &Counted, times: &Times) -> Result<Option<LogicalPlan>> {
    if counted.divided.rollups().is_none() {
        return Ok(None);
    }
    let sources = sources(counted, times);
    let spans_of = |is_rollup: bool| -> f64 {
        sources.iter().filter(|s| s.level.is_some() == is_rollup).map(|s| s.spans).sum()
    };
    let (by_rollup, by_span) = (spans_of(true), spans_of(false));
    // A span is made a row of a rollup, which costs more than counting it.
    if by_rollup == 0.0 || by_rollup < by_span {
        return Ok(None);
    }
    put_together(counted, sources).map(Some)
}

/// All rows of a snapshot, from rollups where there are any.
pub(super) fn all(counted: &Counted, times: &Times) -> Result<LogicalPlan> {
    if counted.divided.rollups().is_none() {
        return span_rows(counted, &Files::All, slice::from_ref(&times.range_ns))?.build();
    }
    put_together(counted, sources(counted, times))
}

/// Some rows of a snapshot, all from one kind of place.
#[derive(Debug)]
struct Source {
    /// The rollups that have them; `None` for spans.
    level: Option<Level>,
    files: Files,
    windows: Vec<Range<i64>>,
    /// About how many spans they stand for.
    spans: f64,
}

/// Where the rows of a snapshot are: each row in one of them.
fn sources(counted: &Counted, times: &Times) -> Vec<Source> {
    let Counted { subject, divided, .. } = counted;
    let snapshot = divided.snapshot();
    let mut by_levels: BTreeMap<Vec<Level>, Vec<&DataFile>> = BTreeMap::new();
    for file in snapshot.files.iter() {
        let is_usable =
            |level: &Level| *level <= times.longest && file.rollup.has(*subject, *level);
        let levels = Level::COARSE_TO_FINE.into_iter().filter(is_usable).collect();
        by_levels.entry(levels).or_default().push(file);
    }
    let bare = by_levels.remove(&Vec::new()).unwrap_or_default();
    let mut sources = Vec::new();
    let mut covered = HashSet::new();
    for (levels, files) in by_levels {
        covered.extend(files.iter().map(|file| file.path.clone()));
        let windows = times.split(&levels);
        let places = levels.into_iter().map(Some).chain([None]);
        for (level, windows) in places.zip(windows) {
            let mut paths = HashSet::new();
            let mut spans = 0.0;
            for file in &files {
                let here = spans_in(file, &windows);
                if here > 0.0 {
                    paths.insert(file.path.clone());
                    spans += here;
                }
            }
            if spans > 0.0 {
                let files = Files::Only(Arc::new(paths));
                sources.push(Source { level, files, windows, spans });
            }
        }
    }
    let windows = vec![times.range_ns.clone()];
    let spans: f64 = bare.iter().map(|file| spans_in(file, &windows)).sum();
    let spans = spans + snapshot.memory_rows() as f64;
    // Late spans make assembled ones fresh, whenever these started.
    let may_be_late = *subject == Subject::Edges && !divided.is_empty(Part::Fresh);
    if spans > 0.0 || may_be_late {
        let files = Files::AllBut(Arc::new(covered));
        sources.push(Source { level: None, files, windows, spans });
    }
    sources
}

/// About how many spans of a file start in some windows; 0 only if there are none.
fn spans_in(file: &DataFile, windows: &[Range<i64>]) -> f64 {
    let rows = file.rows.map_or(f64::MAX, |rows| rows as f64);
    let Some((first, last)) = file.start_time_range else {
        return if windows.is_empty() { 0.0 } else { rows };
    };
    let nanos = (last as f64 - first as f64).max(1.0);
    let overlap = |window: &Range<i64>| {
        let (start, end) = (window.start.max(first), window.end.min(last.saturating_add(1)));
        if start < end {
            ((end as f64 - start as f64) / nanos).clamp(f64::EPSILON, 1.0)
        } else {
            0.0
        }
    };
    rows * windows.iter().map(overlap).sum::<f64>().min(1.0)
}

/// The rows of all sources, with [`columns`].
fn put_together(counted: &Counted, sources: Vec<Source>) -> Result<LogicalPlan> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for source in sources {
        let rows = match source.level {
            Some(level) => rollup_rows(counted, level, &source)?,
            None => span_rows(counted, &source.files, &source.windows)?,
        };
        all = Some(match all {
            Some(all) => all.union(rows.build()?)?,
            None => rows,
        });
    }
    match all {
        Some(all) => all.build(),
        None => span_rows(counted, &Files::Only(Arc::default()), &[])?.build(),
    }
}

fn rollup_rows(counted: &Counted, level: Level, source: &Source) -> Result<LogicalPlanBuilder> {
    let subject = counted.subject;
    let mut files = Vec::new();
    for file in counted.divided.snapshot().files.iter() {
        if source.files.has(file) {
            files.push(file.clone());
        }
    }
    let rows: Arc<dyn TableProvider> =
        Arc::new(RollupRows { counted: counted.clone(), level, files });
    let rows = LogicalPlanBuilder::scan(subject.table_of(level), provider_as_source(rows), None)?;
    // Questions are about the types of the table.
    let (stored, asked) = (read_schema(subject), counted.view.schema());
    let column = |name| {
        let column = Expr::Column(Column::from_name(name));
        let column = match (stored.field_with_name(name), asked.field_with_name(name)) {
            (Ok(stored), Ok(asked)) if stored.data_type() != asked.data_type() => {
                cast(column, asked.data_type().clone())
            }
            _ => column,
        };
        column.alias(name)
    };
    starting_in(rows, START_TIME, timestamp, &source.windows)?.project(columns(subject).map(column))
}

fn timestamp(ns: i64) -> Expr {
    lit(ScalarValue::TimestampNanosecond(Some(ns), Some("UTC".into())))
}

/// The rows themselves, each as a bucket of one. Of edges, those of fresh spans are among them unless only
/// some files are meant.
pub(super) fn span_rows(
    counted: &Counted,
    files: &Files,
    windows: &[Range<i64>],
) -> Result<LogicalPlanBuilder> {
    let rows = match counted.subject {
        Subject::Operations => {
            let rows = StoredSpans::of_files(Arc::clone(&counted.divided), files.clone());
            let rows = provider_as_source(Arc::new(rows));
            let rows = LogicalPlanBuilder::scan("spans", rows, None)?;
            starting_in(rows, START_TIME_UNIX_NANO, lit, windows)?
        }
        Subject::Edges => {
            let fresh = match files {
                Files::Only(_) => Files::Only(Arc::default()),
                // Trees need all rows of a trace, wherever they are.
                Files::All | Files::AllBut(_) => Files::All,
            };
            let rows = provider_as_source(Arc::new(counted.view.of_files(files, &fresh)));
            let rows = LogicalPlanBuilder::scan("edges", rows, None)?;
            starting_in(rows, START_TIME, timestamp, windows)?
        }
    };
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let column = |name: &'static str| match (name, counted.subject) {
        (SPAN_COUNT, _) => lit(1_i64),
        (DURATION_SUM_NS | DURATION_MIN_NS | DURATION_MAX_NS, _) => col(DURATION_NS),
        (DURATION, _) => one_value(col(DURATION_NS)),
        (START_TIME, Subject::Operations) => cast(col(START_TIME_UNIX_NANO), utc.clone()),
        (SAMPLE_WEIGHT, Subject::Operations) => coalesce(vec![col(SAMPLE_WEIGHT), lit(1.0)]),
        (name, _) => col(name),
    };
    rows.project(columns(counted.subject).map(|name| column(name).alias(name)))
}

/// Those rows of which a time is in one of some windows.
fn starting_in(
    rows: LogicalPlanBuilder,
    column: &str,
    time: impl Fn(i64) -> Expr,
    windows: &[Range<i64>],
) -> Result<LogicalPlanBuilder> {
    let inside = |window: &Range<i64>| {
        let from = (window.start > i64::MIN).then(|| col(column).gt_eq(time(window.start)));
        let to = (window.end < i64::MAX).then(|| col(column).lt(time(window.end)));
        conjunction(from.into_iter().chain(to)).unwrap_or_else(|| lit(true))
    };
    match disjunction(windows.iter().map(inside)) {
        Some(filter) => rows.filter(filter),
        None => rows.filter(lit(false)),
    }
}
