//! Which traces are bad, as SQL.

use crate::page::Row;
use crate::tuesday::quoted;

/// What is wrong with a root operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Symptom {
    pub(super) root_service_name: String,
    pub(super) root_span_name: String,
    pub(super) fails_more: bool,
    pub(super) is_slower: bool,
    /// What 19 of 20 took at most before.
    p95_before_ns: Option<f64>,
}

impl Symptom {
    /// What is wrong with the operation of a row, if anything is.
    pub(super) fn of(row: &Row<'_>) -> Option<Self> {
        let symptom = Self {
            root_service_name: row.text("root_service_name").into(),
            root_span_name: row.text("root_span_name").into(),
            fails_more: row.holds("fails_more"),
            is_slower: row.holds("is_slower"),
            p95_before_ns: row.number("p95_before_ns"),
        };
        (symptom.fails_more || symptom.is_slower).then_some(symptom)
    }

    fn is_of(&self) -> String {
        format!(
            "root_service_name = {} AND root_span_name = {}",
            quoted(&self.root_service_name),
            quoted(&self.root_span_name)
        )
    }
}

/// The traces of the operations; `None` if there are none.
pub(super) fn operations(symptoms: &[Symptom]) -> Option<String> {
    let each: Vec<String> =
        symptoms.iter().map(|symptom| format!("({})", symptom.is_of())).collect();
    if each.is_empty() { None } else { Some(format!("({})", each.join(" OR "))) }
}

/// The bad traces of the operations: those that failed, or took longer than one in 20 before.
pub(super) fn bad(symptoms: &[Symptom]) -> String {
    let each = symptoms.iter().map(|symptom| {
        let mut ways = Vec::new();
        if symptom.fails_more {
            ways.push("root_status_code = 'error'".to_owned());
        }
        if let Some(p95_ns) = symptom.p95_before_ns.filter(|_| symptom.is_slower) {
            ways.push(format!("root_duration_ns > {p95_ns:.0}"));
        }
        format!("({} AND ({}))", symptom.is_of(), ways.join(" OR "))
    });
    format!("({})", each.collect::<Vec<_>>().join(" OR "))
}
