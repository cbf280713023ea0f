//! Fills the promoted columns of one span from its attributes.
//!
//! Rules of semantics.md section 10, driven by the declaration in
//! [`crate::promoted`]: the current attribute name wins, deprecated names follow
//! in their declared order, then the derivation of the column. An empty text is
//! no value; a numeric column takes numeric text and ignores other text. If a
//! current name and a deprecated one are both there and disagree, the current
//! one is kept and the disagreement is reported.
//!
//! Attributes come in as text, the way the attribute maps store them, so the
//! rules are the same for every wire format.
//!
//! # Not here
//!
//! `service_name` (its default is not an attribute) and the maps themselves.

mod derive;
mod plan;
mod table;
mod values;

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::promoted::{Derivation, Origin, PROMOTED, PromotedType};
use derive::Exception;
pub use plan::SpanPlan;
use table::{KEYS, Table};

/// What the rules need to know about a span beside its attributes.
#[derive(Debug, Clone, Copy)]
pub struct SpanFacts<'a> {
    /// The kind as the `span_kind` column has it.
    pub kind: &'a str,
    /// Whether the status is `error`.
    pub failed: bool,
}

/// The value of one promoted column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromotedValue<'a> {
    /// For a text column.
    Text(&'a str),
    /// For an integer column.
    Int(i64),
}

/// Calls `emit` with the index in [`PROMOTED`] and the value of every span column that
/// has one, and returns whether a current and a deprecated name disagree.
///
/// `exception` are the attributes of the last event named `exception`; none if there is
/// no such event. Of a key that comes twice the last value counts.
pub fn promote_span<'a>(
    facts: SpanFacts<'_>,
    attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
    exception: impl IntoIterator<Item = (&'a str, &'a str)>,
    emit: impl FnMut(usize, PromotedValue<'_>),
) -> bool {
    let mut reader = Reader::new(&SPAN, facts, attributes);
    reader.exception = Exception::read(exception);
    if facts.failed || reader.exception.is_some() {
        reader.touched |= SPAN.exception_columns;
    }
    reader.emit_all(emit)
}

/// Like [`promote_span`], for the columns that come from the resource.
pub fn promote_resource<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
    emit: impl FnMut(usize, PromotedValue<'_>),
) -> bool {
    let facts = SpanFacts { kind: "", failed: false };
    Reader::new(&RESOURCE, facts, attributes).emit_all(emit)
}

static SPAN: LazyLock<Table> = LazyLock::new(|| Table::new(Origin::Span));
static RESOURCE: LazyLock<Table> = LazyLock::new(|| Table::new(Origin::Resource));

/// The known attributes of one span, by key number.
struct Reader<'t, 'f, 'a> {
    table: &'t Table,
    facts: SpanFacts<'f>,
    values: [Option<&'a str>; KEYS],
    exception: Option<Exception<'a>>,
    /// One bit for every column that may have a value.
    touched: u128,
}

impl<'t, 'f, 'a> Reader<'t, 'f, 'a> {
    fn new(
        table: &'t Table,
        facts: SpanFacts<'f>,
        attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut values = [None; KEYS];
        let mut touched = 0;
        for (name, value) in attributes {
            if let Some(key) = table.find(name) {
                values[key] = (!value.is_empty()).then_some(value);
                touched |= table.columns_of(key);
            }
        }
        Self { table, facts, values, exception: None, touched }
    }

    fn emit_all(&self, mut emit: impl FnMut(usize, PromotedValue<'_>)) -> bool {
        let mut conflict = false;
        let mut left = self.touched;
        while left != 0 {
            let column = left.trailing_zeros() as usize;
            left &= left - 1;
            let (value, disagrees) = self.resolve(column);
            conflict |= disagrees;
            if let Some(text) = value {
                emit_text(column, PROMOTED[column].data_type, &text, &mut emit);
            }
        }
        conflict
    }

    /// The value of a column, and whether a deprecated name contradicts the current one.
    fn resolve(&self, column: usize) -> (Option<Cow<'a, str>>, bool) {
        let plan = self.table.plan(column);
        let integer = PROMOTED[column].data_type == PromotedType::Int;
        let usable = |text: &str| !text.is_empty() && (!integer || values::integer(text).is_some());
        let derivation = PROMOTED[column].derivation;
        let sources = plan.sources.map(|key| key.and_then(|key| self.values[key]));

        let mut named = plan.keys.iter().map(|&key| self.values[key].filter(|text| usable(text)));
        let current = named.next().flatten().map(Cow::Borrowed);
        let renamed = derivation.and_then(|rule| derive::renamed(rule, self.facts.kind, sources));
        let deprecated =
            named.flatten().map(Cow::Borrowed).chain(renamed.filter(|text| usable(text)));

        let mut conflict = false;
        let mut value = current.clone();
        for other in deprecated {
            match &current {
                Some(current) => conflict |= !same(current, &other, integer),
                None => {
                    value = Some(other);
                    break;
                }
            }
        }
        let value = value.or_else(|| self.infer(derivation?, column, sources));
        (value, conflict)
    }

    /// The value that no name states, but other data of the span imply.
    fn infer(
        &self,
        rule: Derivation,
        column: usize,
        sources: derive::Sources<'a>,
    ) -> Option<Cow<'a, str>> {
        match rule {
            Derivation::Exception => {
                let name = *PROMOTED[column].keys.first()?;
                self.exception.as_ref()?.get(name).map(Cow::Borrowed)
            }
            Derivation::ErrorType => {
                let exception = self.exception.as_ref().and_then(|e| e.get("exception.type"));
                exception.map(Cow::Borrowed).or_else(|| self.failed_status())
            }
            _ => derive::inferred(rule, self.facts.kind, sources).map(Cow::Borrowed),
        }
    }

    /// The protocol status of a failed span, if that status says what failed.
    fn failed_status(&self) -> Option<Cow<'a, str>> {
        if !self.facts.failed {
            return None;
        }
        let status = |column: usize| self.resolve(column).0;
        let http = status(self.table.http_status)
            .filter(|code| values::integer(code).is_some_and(|code| code >= 400));
        let rpc = || status(self.table.rpc_status).filter(|name| name != "OK");
        http.or_else(rpc).or_else(|| status(self.table.db_status))
    }
}

/// Gives a column its text, as a number if that is its type.
fn emit_text(
    column: usize,
    data_type: PromotedType,
    text: &str,
    emit: &mut impl FnMut(usize, PromotedValue<'_>),
) {
    match data_type {
        PromotedType::Text => emit(column, PromotedValue::Text(text)),
        PromotedType::Int => {
            if let Some(number) = values::integer(text) {
                emit(column, PromotedValue::Int(number));
            }
        }
    }
}

fn same(a: &str, b: &str, integer: bool) -> bool {
    a == b || (integer && values::integer(a) == values::integer(b))
}

#[cfg(test)]
mod tests;
