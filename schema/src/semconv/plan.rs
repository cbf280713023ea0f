//! The promoted columns of spans whose attribute names are known in advance.
//!
//! Spans of one instrumentation have the same attribute names in the same order,
//! so what the names decide is decided once: which attribute fills which column.
//! Only columns that several attributes could fill, and those of failed spans, are
//! left to the rules span by span.

use super::derive::Exception;
use super::{PromotedValue, Reader, SPAN, SpanFacts, emit_text};
use crate::promoted::{PROMOTED, PromotedType};
use crate::semconv::table::KEYS;

/// How spans with one list of attribute names fill the promoted columns.
#[derive(Debug)]
pub struct SpanPlan {
    /// The known names: place in the list, number of the name.
    known: Vec<(usize, usize)>,
    direct: Vec<Direct>,
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

impl SpanPlan {
    /// The plan for a list of names, each of which comes once.
    pub fn new<'k>(names: impl IntoIterator<Item = &'k str>) -> Self {
        let names = names.into_iter().enumerate();
        let known: Vec<_> =
            names.filter_map(|(place, name)| Some((place, SPAN.find(name)?))).collect();
        let touched = known.iter().fold(0, |all, (_, key)| all | SPAN.columns_of(*key));
        let mut plan = Self { known, direct: Vec::new(), contested: 0, touched };
        for (column, promoted) in PROMOTED.iter().enumerate() {
            if touched & 1 << column == 0 {
                continue;
            }
            let reads = |key: usize| SPAN.columns_of(key) & 1 << column != 0;
            let mut readers = plan.known.iter().filter(|(_, key)| reads(*key));
            match (readers.next(), readers.next()) {
                (Some((attribute, key)), None) if SPAN.plan(column).keys.contains(key) => {
                    let (attribute, data_type) = (*attribute, promoted.data_type);
                    plan.direct.push(Direct { attribute, column, data_type });
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
        }
        if touched == 0 {
            return false;
        }
        let mut values = [None; KEYS];
        for (place, key) in &self.known {
            values[*key] = value(*place).filter(|text| !text.is_empty());
        }
        Reader { table: &SPAN, facts, values, exception, touched }.emit_all(emit)
    }
}
