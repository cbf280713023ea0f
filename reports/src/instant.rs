//! Moments as RFC 3339 text in UTC, exact to the nanosecond: in JSON, in SQL and on the page.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// `2026-11-09T00:00:00Z`, with as many decimals as the moment has.
pub(crate) fn to_text(moment: &DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `Thu 2026-11-12 09:41`: when to look, for people.
pub(crate) fn to_minute(moment: &DateTime<Utc>) -> String {
    moment.format("%a %Y-%m-%d %H:%M").to_string()
}

/// The moment that many nanoseconds after the Unix epoch.
pub(crate) fn from_nanos(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

/// For `#[serde(with = "crate::instant")]`.
pub(crate) fn serialize<S: Serializer>(
    moment: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(moment))
}

/// For `#[serde(with = "crate::instant")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
    Ok(moment.with_timezone(&Utc))
}
