//! Trace Tuesday: the slowest 1 % of the traces of each root operation, and why.
//!
//! ```text
//! scan -> ranking -> scan -> parts -> causes, medoid -> scan -> clusters, facts, waterfall -> model
//! ```
//!
//! `scan` and `facts` read the lake; everything else is a plain function of what they
//! found. A group is a root operation, (service, name) of the root span: a selection
//! over all traces would only find the operations that are slow by nature
//! (semantics.md 4.1).
//!
//! `before` asks the same of the range before, and says what changed since.

mod before;
mod causes;
mod clusters;
mod columns;
mod facts;
mod histogram;
mod medoid;
pub mod model;
mod parts;
mod quantiles;
mod questions;
mod ranking;
mod scan;
mod sql;
mod waterfall;
mod weight;

use engine::Session;
use schema::TraceId;

use crate::error::{Error, Result};
use crate::instant;
use crate::week::Range;

pub(crate) use sql::quoted;

use causes::{Explanation, explain};
use facts::Explained;
use medoid::medoid;
use model::{
    Cause, Deployment, Dominant, FORMAT_VERSION, Fact, GroupHeader, GroupReview, ReviewTrace,
    Totals, TraceRef, TuesdayReport,
};
use parts::Parts;
use ranking::{RankedGroup, TraceRow, rank_groups};

/// What a reader may choose about a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Root operations shown in full. A review of half an hour gets through five.
    pub most_reviews: usize,
    /// Causes listed per root operation.
    pub most_causes: usize,
    /// Kinds of slow traces listed per root operation.
    pub most_clusters: usize,
    /// Rows of a waterfall.
    pub most_rows: usize,
    /// Attributes to compare beside the usual columns, for example `app.customer_tier`.
    pub attribute_keys: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        let keys = ["app.customer_tier", "customer.tier", "app.tenant_tier"];
        Self {
            most_reviews: 5,
            most_causes: 5,
            most_clusters: 5,
            most_rows: 60,
            attribute_keys: keys.map(str::to_owned).to_vec(),
        }
    }
}

/// Reviews the slowest traces of a range.
///
/// # Errors
///
/// [`Error::NoData`] if no trace starts in the range, [`Error::Engine`] if the lake cannot be queried.
pub async fn tuesday(session: &Session, range: Range, options: &Options) -> Result<TuesdayReport> {
    let mut traces = scan::traces(session, &range).await?;
    if traces.count == 0 {
        let data_range = scan::data_range(session).await?;
        return Err(Error::NoData { range, data_range });
    }
    let spans = scan::span_facts(session, &range).await?;
    let group_count = traces.groups.iter().filter(|group| !group.traces.is_empty()).count();
    let (mut shown, small_groups) = rank_groups(std::mem::take(&mut traces.groups));
    let totals = Totals {
        trace_count: traces.count,
        incomplete_trace_count: traces.incomplete,
        ranked_trace_count: shown.iter().map(|group| group.header.trace_count).sum(),
        span_count: spans.spans,
        group_count: group_count as u64,
        ranked_group_count: shown.len() as u64,
    };
    // Without an impact there is nothing to explain.
    let in_full =
        shown.iter().take(options.most_reviews).take_while(|g| g.header.impact_ns > 0).count();
    let further_groups: Vec<GroupHeader> = shown.drain(in_full..).map(|g| g.header).collect();
    let mut reviewed = review(session, &range, &shown, options).await?;
    let since = since(session, &range, &shown, &mut reviewed.reviews, options).await?;
    let found = questions::Found {
        range: &range,
        traces: &traces,
        spans: &spans,
        reviews: &reviewed.reviews,
        further_groups: &further_groups,
        small_groups: &small_groups,
        copies: reviewed.copies,
        skewed: reviewed.skewed,
    };
    let questions = questions::questions(&found);
    Ok(TuesdayReport {
        format_version: FORMAT_VERSION,
        totals,
        questions,
        deployments_sql: since
            .before
            .as_ref()
            .map_or_else(String::new, |b| sql::deployments(b, &range)),
        deployments: since.deployments,
        before: since.before,
        groups_sql: sql::shown_groups(&range),
        small_groups_sql: sql::shown_small_groups(&range),
        reviews: reviewed.reviews,
        further_groups,
        small_groups,
        range,
    })
}

/// The groups in full, and what was seen on the way.
struct Reviewed {
    reviews: Vec<GroupReview>,
    copies: u64,
    skewed: (u64, u64),
}

async fn review(
    session: &Session,
    range: &Range,
    groups: &[RankedGroup],
    options: &Options,
) -> Result<Reviewed> {
    let members = scan::members(groups);
    let (builders, copies) = scan::critical_paths(session, groups.len(), &members).await?;
    let parts: Vec<Parts> = builders
        .into_iter()
        .zip(groups)
        .map(|(parts, group)| parts.build(group.slow().len()))
        .collect();
    let explanations: Vec<Explanation> = groups
        .iter()
        .zip(&parts)
        .map(|(group, parts)| explain_group(group, parts, options.most_causes))
        .collect();
    let explained: Vec<Explained<'_>> = parts
        .iter()
        .zip(&explanations)
        .map(|(parts, explanation)| Explained { parts, explanation })
        .collect();
    let mut facts =
        facts::facts(session, &members, &explained, &options.attribute_keys).await?.into_iter();
    let slow_ids: Vec<TraceId> =
        groups.iter().flat_map(|group| group.slow().iter().map(|trace| trace.id)).collect();
    let looks = scan::looks(session, range, &slow_ids).await?;
    let skewed = scan::skewed_children(session, slow_ids).await?;
    let medoids: Vec<TraceRow> = groups
        .iter()
        .zip(&parts)
        .filter_map(|(group, parts)| representative(group, parts))
        .collect();
    let mut spans = scan::spans_of(session, medoids.iter().map(|trace| trace.id).collect()).await?;
    let mut reviews = Vec::with_capacity(groups.len());
    for ((group, parts), (explanation, medoid)) in
        groups.iter().zip(&parts).zip(explanations.into_iter().zip(medoids))
    {
        let spans = spans.remove(&medoid.id).unwrap_or_default();
        let waterfall = waterfall::waterfall(&medoid.id.to_string(), spans, options.most_rows);
        let facts = facts.next().unwrap_or_default();
        let explained = Explained { parts, explanation: &explanation };
        let mut clusters = clusters::clusters(group, parts, &explanation, &looks);
        let cluster_count = clusters.len() as u64;
        clusters.truncate(options.most_clusters);
        reviews.push(GroupReview {
            before: None,
            histogram: histogram::histogram(group.traces(), group.header.threshold_ns),
            causes: causes_of(group, explained, facts),
            undominated_count: explanation.dominant.iter().filter(|d| d.is_none()).count() as u64,
            clusters,
            cluster_count,
            clusters_sql: sql::shown_clusters(range, &group.header),
            representative: trace_ref(&medoid),
            slowest: trace_ref(group.slow().first().unwrap_or(&medoid)),
            newest: trace_ref(newest(group.slow()).unwrap_or(&medoid)),
            review_list: review_list(group, explained),
            causes_sql: sql::shown_causes(range, &group.header),
            review_list_sql: sql::shown_review_list(range, &group.header),
            waterfall_sql: sql::shown_waterfall(&waterfall),
            waterfall,
            header: group.header.clone(),
            decomposition: explanation.decomposition,
            other: explanation.other,
        });
    }
    Ok(Reviewed { reviews, copies, skewed })
}

/// What is known of the range before.
#[derive(Default)]
struct Since {
    before: Option<Range>,
    deployments: Vec<Deployment>,
}

/// Compares with the range before, if there was anything in it.
async fn since(
    session: &Session,
    range: &Range,
    groups: &[RankedGroup],
    reviews: &mut [GroupReview],
    options: &Options,
) -> Result<Since> {
    let Some(earlier) = range.before() else { return Ok(Since::default()) };
    let data_range = scan::data_range(session).await?;
    if data_range.is_none_or(|data| data.from() >= range.from()) {
        return Ok(Since::default());
    }
    let found = before::before(session, &earlier, groups, reviews, options).await?;
    for (review, found) in reviews.iter_mut().zip(found) {
        review.before = found;
    }
    let deployments = before::deployments(session, &earlier, range).await?;
    Ok(Since { before: Some(earlier), deployments })
}

fn explain_group(group: &RankedGroup, parts: &Parts, most_causes: usize) -> Explanation {
    let weights: Vec<u64> = group.slow().iter().map(|trace| trace.weight).collect();
    explain(parts, &weights, group.slow_cohort, group.typical_cohort, most_causes)
}

fn representative(group: &RankedGroup, parts: &Parts) -> Option<TraceRow> {
    let places: Vec<u32> = (0..group.slow().len() as u32).collect();
    medoid(parts, group.slow(), &places).map(|place| group.slow()[place as usize])
}

/// The causes with an example each and what sets their traces apart.
fn causes_of(group: &RankedGroup, explained: Explained<'_>, facts: Vec<Vec<Fact>>) -> Vec<Cause> {
    let Explained { parts, explanation } = explained;
    let mut facts = facts.into_iter();
    let causes = explanation.listed.iter().zip(&explanation.causes);
    causes
        .map(|(operation, cause)| {
            let example = medoid(parts, group.slow(), &explanation.dominated_by(*operation));
            Cause {
                example_trace_id: example.map(|place| group.slow()[place as usize].id.to_string()),
                facts: facts.next().unwrap_or_default(),
                ..cause.clone()
            }
        })
        .collect()
}

fn review_list(group: &RankedGroup, explained: Explained<'_>) -> Vec<ReviewTrace> {
    let dominant = |place: usize| {
        let dominant = (*explained.explanation.dominant.get(place)?)?;
        let operation = &explained.parts.operations[dominant.operation as usize];
        Some(Dominant {
            service_name: operation.service_name.clone(),
            span_name: operation.span_name.clone(),
            excess_ns: dominant.excess_ns,
        })
    };
    let traces = group.review_list().iter().enumerate();
    traces
        .map(|(place, trace)| ReviewTrace {
            trace: trace_ref(trace),
            root_failed: trace.root_failed,
            dominant: dominant(place),
        })
        .collect()
}

/// The trace that started last; of several the one with the smallest id.
fn newest(traces: &[TraceRow]) -> Option<&TraceRow> {
    traces.iter().max_by(|a, b| a.start_ns.cmp(&b.start_ns).then(b.id.cmp(&a.id)))
}

fn trace_ref(trace: &TraceRow) -> TraceRef {
    TraceRef {
        trace_id: trace.id.to_string(),
        start_time: instant::from_nanos(trace.start_ns),
        root_duration_ns: trace.duration_ns,
    }
}
