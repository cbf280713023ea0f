//! What makes the answers less certain, in the words of a reviewer.

use super::model::{GroupHeader, GroupReview, Question, QuestionKind, SmallGroup};
use super::ranking::fewest_traces;
use super::scan::{SpanFacts, Traces};
use super::sql;
use crate::format::{count, percent_of};
use crate::week::Range;

/// Everything that may give rise to a question.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) range: &'a Range,
    pub(super) traces: &'a Traces,
    pub(super) spans: &'a SpanFacts,
    pub(super) reviews: &'a [GroupReview],
    pub(super) further_groups: &'a [GroupHeader],
    pub(super) small_groups: &'a [SmallGroup],
    /// Exact copies of spans in the slow and typical traces.
    pub(super) copies: u64,
    /// Spans of slow traces that start before their parent, and the traces that have them.
    pub(super) skewed: (u64, u64),
}

/// The questions, the gravest first; none about what is as it should be.
pub(super) fn questions(found: &Found<'_>) -> Vec<Question> {
    let all = [
        parts_do_not_add_up(found),
        incomplete_traces(found),
        skewed_children(found),
        negative_durations(found),
        no_status_codes(found),
        sample_weights(found),
        duplicates(found),
        small_groups(found),
        no_slow_tail(found),
    ];
    all.into_iter().filter(|question| question.count > 0).collect()
}

fn parts_do_not_add_up(found: &Found<'_>) -> Question {
    let wrong = found.reviews.iter().filter(|review| !review.decomposition.adds_up);
    Question {
        kind: QuestionKind::PartsDoNotAddUp,
        count: wrong.count() as u64,
        text: "The critical-path times of the operations do not add up to the durations of \
               their traces, so the shares below are not exact. This is a mistake of Spanlake: \
               please report it."
            .into(),
        sql: None,
    }
}

fn incomplete_traces(found: &Found<'_>) -> Question {
    let Traces { count: all, incomplete, orphans, .. } = found.traces;
    Question {
        kind: QuestionKind::IncompleteTraces,
        count: *incomplete,
        text: format!(
            "{} of {} traces ({}) are incomplete: {} spans name a parent that is not there. \
             They are counted and not ranked. Is every service instrumented, does sampling keep \
             whole traces, and had all spans arrived?",
            count(*incomplete),
            count(*all),
            percent_of(*incomplete, *all),
            count(*orphans)
        ),
        sql: Some(sql::shown_incomplete(found.range)),
    }
}

fn skewed_children(found: &Found<'_>) -> Question {
    let (spans, traces) = found.skewed;
    let slow: u64 = found.reviews.iter().map(|review| review.header.slow_count).sum();
    Question {
        kind: QuestionKind::SkewedChildren,
        count: spans,
        text: format!(
            "{} spans in {} of {} slow traces start before their parent: the clocks of the hosts \
             differ. Where a client waited for one server, the critical path moves the server's \
             span into the client's; of other spans it leaves out what lies outside the parent.",
            count(spans),
            count(traces),
            count(slow)
        ),
        sql: None,
    }
}

fn negative_durations(found: &Found<'_>) -> Question {
    let SpanFacts { spans, negative, .. } = found.spans;
    Question {
        kind: QuestionKind::NegativeDurations,
        count: *negative,
        text: format!(
            "{} of {} spans end before they start. They count as zero. Which library or clock \
             writes them?",
            count(*negative),
            count(*spans)
        ),
        sql: Some(sql::shown_negative_durations(found.range)),
    }
}

fn no_status_codes(found: &Found<'_>) -> Question {
    let SpanFacts { spans, with_status, .. } = found.spans;
    Question {
        kind: QuestionKind::NoStatusCodes,
        count: if *with_status == 0 { *spans } else { 0 },
        text: "No span has a status, so failures cannot be seen: an error share of zero means \
               nothing here."
            .into(),
        sql: None,
    }
}

fn sample_weights(found: &Found<'_>) -> Question {
    Question {
        kind: QuestionKind::SampleWeights,
        count: found.traces.weighted,
        text: format!(
            "{} of {} traces were sampled and stand for more than themselves. Percentiles, means, \
             shares and lost time count them so; numbers of traces are of those that were kept.",
            count(found.traces.weighted),
            count(found.traces.count)
        ),
        sql: Some(sql::shown_weights(found.range)),
    }
}

fn duplicates(found: &Found<'_>) -> Question {
    Question {
        kind: QuestionKind::Duplicates,
        count: found.copies,
        text: format!(
            "{} spans of the slow and typical traces arrived more than once. Each counts once.",
            count(found.copies)
        ),
        sql: None,
    }
}

fn small_groups(found: &Found<'_>) -> Question {
    let traces: u64 = found.small_groups.iter().map(|group| group.trace_count).sum();
    Question {
        kind: QuestionKind::SmallGroups,
        count: found.small_groups.len() as u64,
        text: format!(
            "{} root operations with {} complete traces in all have fewer than {} each, too few \
             to say which are slow. A longer range may help.",
            count(found.small_groups.len() as u64),
            count(traces),
            fewest_traces()
        ),
        sql: Some(sql::shown_small_groups(found.range)),
    }
}

fn no_slow_tail(found: &Found<'_>) -> Question {
    let flat = found.further_groups.iter().filter(|group| group.impact_ns == 0);
    Question {
        kind: QuestionKind::NoSlowTail,
        count: flat.count() as u64,
        text: "Some root operations have no slow tail: their slowest traces take as long as the \
               median. Are their durations measured finely enough?"
            .into(),
        sql: None,
    }
}
