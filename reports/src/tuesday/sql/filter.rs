//! Filters on trace ids.

use engine::Settings;
use schema::TraceId;

/// The most ids in one query: each is a literal to be parsed and planned.
const MOST_IDS: usize = 5_000;

/// Room for the rest of a query, in bytes and in words.
const REST_BYTES: usize = 64 << 10;
const REST_TOKENS: usize = 10_000;

/// What one id takes in a query: quotes, digits and comma, twice.
const ID_BYTES: usize = 2 * 36;
const ID_TOKENS: usize = 4;

/// Some trace ids in ascending order.
#[derive(Debug)]
pub(crate) struct TraceIds(Vec<TraceId>);

impl TraceIds {
    /// A condition on a column that holds for these ids.
    ///
    /// The bounds are redundant, but files are sorted by trace id, so that they skip
    /// most of each file without a look at the ids.
    pub(super) fn filter(&self, column: &str) -> String {
        let text = |id: &TraceId| format!("'{id}'");
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else {
            return "false".into();
        };
        if first == last {
            return format!("{column} = {}", text(first));
        }
        let list = self.0.iter().map(text).collect::<Vec<_>>().join(", ");
        format!(
            "{column} >= {} AND {column} <= {} AND {column} IN ({list})",
            text(first),
            text(last)
        )
    }
}

/// Ids in as few filters as the limits of a query allow; together they read the lake once.
pub(crate) fn id_filters(mut ids: Vec<TraceId>, settings: &Settings) -> Vec<TraceIds> {
    ids.sort_unstable();
    ids.dedup();
    let by_bytes = settings.sql_max_bytes.saturating_sub(REST_BYTES) / ID_BYTES;
    let by_tokens = settings.sql_max_tokens.saturating_sub(REST_TOKENS) / ID_TOKENS;
    let at_once = by_bytes.min(by_tokens).clamp(1, MOST_IDS);
    ids.chunks(at_once).map(|ids| TraceIds(ids.to_vec())).collect()
}

/// A text as an SQL literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests;
