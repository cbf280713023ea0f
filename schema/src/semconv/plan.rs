//! The promoted columns of spans whose attribute names are known in advance.
//!
//! Spans of one instrumentation have the same attribute names in the same order,
//! so what the names decide is decided once: which attribute fills which column.
//! Only columns that several attributes could fill, and those of failed spans, are
//! left to the rules span by span.

use std::borrow::Cow;

use super::derive::{self, Exception};
use super::table::KEYS;
use super::{PromotedValue, Reader, SPAN, SpanFacts, emit_text, values};
use crate::promoted::{Derivation, PROMOTED, PromotedType};

/// How spans with one list of attribute names fill the promoted columns.
#[derive(Debug)]
pub struct SpanPlan {
    /// The known names: place in the list, number of the name.
    known: Vec<(usize, usize)>,
    direct: Vec<Direct>,
    derived: Vec<Derived>,
    /// Columns that several attributes could fill.
    contested: u128,
    /// Columns that any attribute could fill.
    touched: u128,
}

/// A column that only one attribute can fill.
#[derive(Debug, Clone, Copy)]
struct Direct {
    attribute: usize,
    column: usize,
    data_type: PromotedType,
}

/// A column that has no attribute of its own here, but a rule with something to read.
#[derive(Debug, Clone, Copy)]
struct Derived {
    /// Places of the attributes that the rule reads.
    sources: [Option<usize>; 3],
    rule: Derivation,
    column: usize,
    data_type: PromotedType,
}

impl SpanPlan {
    /// The plan for a list of names, each of which comes once.
    pub fn new<'k>(names: impl IntoIterator<Item = &'k str>) -> Self {
        let names = names.into_iter().enumerate();
        let known: Vec<_> =
            names.filter_map(|(place, name)| Some((place, SPAN.find(name)?))).collect();
        let touched = known.iter().fold(0, |all, (_, key)| all | SPAN.columns_of(*key));
        let (direct, derived) = (Vec::new(), Vec::new());
        let mut plan = Self { known, direct, derived, contested: 0, touched };
        for (column, promoted) in PROMOTED.iter().enumerate() {
            if touched & 1 << column == 0 {
                continue;
            }
            let (columns, data_type) = (SPAN.plan(column), promoted.data_type);
            let place = |key: usize| Some(plan.known.iter().find(|(_, known)| *known == key)?.0);
            let mut own = columns.keys.iter().filter_map(|key| place(*key));
            let sources = columns.sources.map(|key| key.and_then(place));
            let has_source = sources.iter().any(Option::is_some);
            match (own.next(), own.next(), promoted.derivation) {
                (Some(attribute), None, _) if !has_source => {
                    plan.direct.push(Direct { attribute, column, data_type });
                }
                (None, None, Some(rule)) => {
                    plan.derived.push(Derived { sources, rule, column, data_type });
                }
                _ => plan.contested |= 1 << column,
            }
        }
        plan
    }

    /// Does what [`super::promote_span`] does. `value` gives the text of an attribute by its
    /// place in the list, `integer` the number if the attribute is known to be one.
    pub fn promote<'a>(
        &self,
        facts: SpanFacts<'_>,
        value: impl Fn(usize) -> Option<&'a str>,
        integer: impl Fn(usize) -> Option<i64>,
        exception: impl IntoIterator<Item = (&'a str, &'a str)>,
        mut emit: impl FnMut(usize, PromotedValue<'_>),
    ) -> bool {
        let exception = Exception::read(exception);
        let mut touched = self.contested;
        if facts.failed || exception.is_some() {
            touched = self.touched | SPAN.exception_columns;
        } else {
            for direct in &self.direct {
                if direct.data_type == PromotedType::Int
                    && let Some(number) = integer(direct.attribute)
                {
                    emit(direct.column, PromotedValue::Int(number));
                    continue;
                }
                let text = value(direct.attribute).filter(|text| !text.is_empty());
                if let Some(text) = text {
                    emit_text(direct.column, direct.data_type, text, &mut emit);
                }
            }
            for derived in &self.derived {
                let source = |place| value(place).filter(|text| !text.is_empty());
                let sources = derived.sources.map(|place| place.and_then(source));
                let is_integer = derived.data_type == PromotedType::Int;
                let usable = |text: &str| {
                    !text.is_empty() && (!is_integer || values::integer(text).is_some())
                };
                let text = derive::renamed(derived.rule, facts.kind, sources);
                let text = text.filter(|text| usable(text)).or_else(|| {
                    derive::inferred(derived.rule, facts.kind, sources).map(Cow::Borrowed)
                });
                if let Some(text) = text {
                    emit_text(derived.column, derived.data_type, &text, &mut emit);
                }
            }
        }
        if touched == 0 {
            return false;
        }
        let mut texts = [None; KEYS];
        for (place, key) in &self.known {
            texts[*key] = value(*place).filter(|text| !text.is_empty());
        }
        Reader { table: &SPAN, facts, values: texts, exception, touched }.emit_all(emit)
    }
}
