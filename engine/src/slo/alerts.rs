//! When somebody is told: how fast the budget burns, over how long.

use super::Slo;
use super::document::{Node, Result};
use super::length::{Length, Window};

/// Tells somebody when the budget burns too fast.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// How urgent it is: `page`, `ticket`, or as the file says.
    pub severity: String,
    /// How the burn rate is compared.
    pub compare: Compare,
    /// The burn rate that is too much, as a multiple of what just uses up the budget.
    pub burn_rate: f64,
    /// The time over which it counts.
    pub long: Length,
    /// The last part of it, over which it must be too much as well; so the alert ends soon after its reason.
    pub short: Option<Length>,
    /// How long it must last first.
    pub after: Length,
}

/// How a burn rate is compared with the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
}

impl Compare {
    pub(super) fn read(node: &Node<'_>) -> Result<Self> {
        Ok(match node.text()?.as_str() {
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            other => {
                return Err(node.wrong(format!("`{other}` is none of gt, gte, lt and lte")));
            }
        })
    }

    /// As SQL writes it.
    pub fn operator(self) -> &'static str {
        match self {
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Lt => "<",
            Self::Lte => "<=",
        }
    }
}

/// Severity, share of the budget in percent, long and short window in minutes: table 5-8 of the SRE Workbook, and
/// the ticket after a day that Sloth adds (semantics 5.2).
const USUAL: [(&str, f64, u32, u32); 4] = [
    ("page", 2.0, 60, 5),
    ("page", 5.0, 360, 30),
    ("ticket", 10.0, 1_440, 120),
    ("ticket", 10.0, 4_320, 360),
];

/// The alerts of an SLO that names none: those whose windows are shorter than that of the objective.
pub(super) fn usual(window: Window) -> Vec<Alert> {
    let fitting = USUAL.iter().filter(|(_, _, long, _)| u64::from(*long) < window.minutes());
    let alert = |&(severity, percent, long, short): &(&str, f64, u32, u32)| Alert {
        severity: severity.into(),
        compare: Compare::Gt,
        // A share c of the budget of a period P in a window w: c * P / w.
        burn_rate: percent / 100.0 * window.minutes() as f64 / f64::from(long),
        long: Length::of_minutes(long),
        short: Some(Length::of_minutes(short)),
        after: Length::of_minutes(0),
    };
    fitting.map(alert).collect()
}

impl Alert {
    /// Reads an alert of the short form.
    pub(super) fn read(node: &Node<'_>) -> Result<Self> {
        node.only(&["severity", "burn_rate", "long", "short", "after"])?;
        let long = node.need("long")?;
        let short = node.optional("short", Length::read)?;
        let alert = Self {
            severity: node.optional("severity", Node::text)?.unwrap_or_else(|| "page".into()),
            compare: Compare::Gt,
            burn_rate: node.need("burn_rate")?.number()?,
            long: Length::read(&long)?,
            short,
            after: node.optional("after", Length::read)?.unwrap_or(Length::of_minutes(0)),
        };
        alert.check(&long)?;
        Ok(alert)
    }

    /// Refuses windows that make no sense.
    pub(super) fn check(&self, node: &Node<'_>) -> Result<()> {
        let short = self.short.unwrap_or(self.long);
        if self.long.minutes() == 0 || short.minutes() == 0 {
            return Err(node.wrong("a window of no length holds nothing; write 1h"));
        }
        if short.minutes() > self.long.minutes() {
            return Err(node.wrong("the short window is longer than the long one"));
        }
        Ok(())
    }
}

/// The longest time that an alert of these SLOs looks back, in minutes.
pub(super) fn longest(slos: &[Slo]) -> u64 {
    let of_alerts = slos.iter().flat_map(|slo| &slo.alerts).map(|alert| alert.long.minutes());
    of_alerts.max().unwrap_or(0)
}

/// The longest time that an alert of these SLOs must last, in minutes.
pub(super) fn longest_after(slos: &[Slo]) -> u64 {
    let of_alerts = slos.iter().flat_map(|slo| &slo.alerts).map(|alert| alert.after.minutes());
    of_alerts.max().unwrap_or(0)
}
