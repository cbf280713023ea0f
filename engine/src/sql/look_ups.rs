//! Plans of look-ups of one trace, for the next trace.
//!
//! People and tools look up one trace after the other, with the same words each time:
//!
//! ```sql
//! SELECT span_name, duration_ns FROM spans WHERE trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'
//! ```
//!
//! To read forty rows takes less time than to check, analyze and optimize the question for them. Nothing in
//! that depends on which trace it is, nor on which snapshot is read, so the optimized plan of one look-up is the
//! plan of the next, with another id, over the rows of another snapshot. Which files have the trace is found
//! out later, as for every plan.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use schema::TraceId;
use schema::spans::TRACE_ID;

use crate::read::{Divided, StoredSpans};
use crate::sql::views::Parts;

/// Most plans that are kept.
const MOST_KEPT: usize = 256;
/// Longest text of a look-up whose plan is kept, in bytes.
const LONGEST_KEPT: usize = 2 << 10;
/// What no text of a statement has in place of an id.
const ANY_ID: char = '\0';

/// The rows of a session: a snapshot, and which parts of it have rows.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) divided: Arc<Divided>,
    pub(super) parts: Parts,
}

/// Plans of look-ups, over no rows.
#[derive(Debug, Default)]
pub(crate) struct LookUps(Mutex<HashMap<(String, Parts), Arc<LookUp>>>);

/// A plan for any trace.
#[derive(Debug)]
struct LookUp {
    /// The trace that it was made for.
    trace: TraceId,
    plan: LogicalPlan,
    /// The columns of the answer, as clients are told them.
    schema: SchemaRef,
}

/// A statement that names one trace.
#[derive(Debug, Clone)]
pub(super) struct Named {
    trace: TraceId,
    /// The statement without the id.
    text: String,
}

impl Named {
    /// The first id in quotes; `None` if there is none, or it stands elsewhere in the text, too.
    pub(super) fn of(sql: &str) -> Option<Self> {
        const DIGITS: usize = 2 * TraceId::BYTES;
        if sql.len() > LONGEST_KEPT || sql.contains(ANY_ID) {
            return None;
        }
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let quoted = |window: &[u8]| match window {
            [b'\'', digits @ .., b'\''] => digits.iter().all(is_digit),
            _ => false,
        };
        let at = 1 + sql.as_bytes().windows(DIGITS + 2).position(quoted)?;
        let digits = &sql[at..at + DIGITS];
        // In capitals it is the same id.
        let same = |window: &&[u8]| window.eq_ignore_ascii_case(digits.as_bytes());
        if sql.as_bytes().windows(DIGITS).filter(same).count() > 1 {
            return None;
        }
        let text = format!("{}{ANY_ID}{}", &sql[..at], &sql[at + DIGITS..]);
        Some(Self { trace: digits.parse().ok()?, text })
    }

    /// Whether every other trace has the same plan: the statement reads the rows of this trace, and the id is in
    /// no other condition, with which it could make one that is always or never true.
    pub(super) fn is_looked_up(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut has_subquery = false;
        plan.apply(|node| {
            node.apply_expressions(|expr| {
                has_subquery |= expr.exists(|part| Ok(is_subquery(part)))?;
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(!has_subquery && self.is_filtered(plan))
    }

    fn is_filtered(&self, plan: &LogicalPlan) -> bool {
        match plan {
            LogicalPlan::Projection(above) => self.is_filtered(&above.input),
            LogicalPlan::Sort(above) => self.is_filtered(&above.input),
            LogicalPlan::Limit(above) => self.is_filtered(&above.input),
            LogicalPlan::SubqueryAlias(above) => self.is_filtered(&above.input),
            LogicalPlan::Filter(filter) => {
                let conditions = split_conjunction(&filter.predicate);
                let (of_id, others): (Vec<_>, Vec<_>) =
                    conditions.into_iter().partition(|condition| self.is_equality(condition));
                let names_id = |condition: &&Expr| {
                    condition.column_refs().iter().any(|column| column.name == TRACE_ID)
                };
                of_id.len() == 1 && !others.iter().any(names_id) && is_table(&filter.input)
            }
            _ => false,
        }
    }

    /// `trace_id = '...'`, either way around.
    fn is_equality(&self, condition: &Expr) -> bool {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
            return false;
        };
        let is_column = |expr: &Expr| matches!(expr, Expr::Column(id) if id.name == TRACE_ID);
        let is_literal = |expr: &Expr| match expr {
            Expr::Literal(value, _) => another(value, self.trace, self.trace).is_some(),
            _ => false,
        };
        is_column(left) && is_literal(right) || is_literal(left) && is_column(right)
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)
    )
}

fn is_table(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::SubqueryAlias(above) => is_table(&above.input),
        LogicalPlan::TableScan(_) => true,
        _ => false,
    }
}

impl LookUps {
    /// The optimized plan of a look-up, over the rows of a session, and the columns of the answer.
    pub(super) fn plan(
        &self,
        named: &Named,
        rows: &Rows,
    ) -> Result<Option<(LogicalPlan, SchemaRef)>> {
        let known = self.kept().get(&(named.text.clone(), rows.parts)).cloned();
        let Some(known) = known else { return Ok(None) };
        let plan = over(&known.plan, (known.trace, named.trace), &rows.divided)?;
        Ok(plan.map(|plan| (plan, Arc::clone(&known.schema))))
    }

    /// Keeps the optimized plan of a look-up, without its rows. A plan that reads more than stored spans is not
    /// kept.
    pub(super) fn keep(
        &self,
        named: &Named,
        parts: Parts,
        plan: &LogicalPlan,
        schema: &SchemaRef,
    ) -> Result<()> {
        let trace = named.trace;
        let Some(plan) = over(plan, (trace, trace), &Arc::new(Divided::empty()))? else {
            return Ok(());
        };
        let look_up = Arc::new(LookUp { trace, plan, schema: Arc::clone(schema) });
        let mut kept = self.kept();
        // Rather all at once than by a rule: there are few ways to ask for a trace.
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert((named.text.clone(), parts), look_up);
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<(String, Parts), Arc<LookUp>>> {
        // A poisoned lock still holds whole plans.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// A plan with another trace and over other rows; `None` if it reads something else, or does not name the trace.
fn over(
    plan: &LogicalPlan,
    (from, to): (TraceId, TraceId),
    rows: &Arc<Divided>,
) -> Result<Option<LogicalPlan>> {
    let (mut names_trace, mut is_stored) = (false, true);
    let replaced = plan.clone().transform_down_with_subqueries(|node| {
        let node = node.map_expressions(|expr| {
            expr.transform(|part| {
                let Expr::Literal(value, metadata) = &part else {
                    return Ok(Transformed::no(part));
                };
                let Some(value) = another(value, from, to) else {
                    return Ok(Transformed::no(part));
                };
                names_trace = true;
                Ok(Transformed::yes(Expr::Literal(value, metadata.clone())))
            })
        })?;
        let LogicalPlan::TableScan(mut scan) = node.data else { return Ok(node) };
        let provider = source_as_provider(&scan.source)?;
        match provider.downcast_ref::<StoredSpans>().and_then(|stored| stored.all_in(rows)) {
            Some(stored) => scan.source = provider_as_source(Arc::new(stored)),
            None => is_stored = false,
        }
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })?;
    Ok((names_trace && is_stored).then_some(replaced.data))
}

/// The literal with the id of another trace; `None` if it is not the id of `from`.
fn another(value: &ScalarValue, from: TraceId, to: TraceId) -> Option<ScalarValue> {
    let is_text = |text: &str| text == from.to_string();
    let is_id = |bytes: &[u8]| bytes == from.as_bytes();
    Some(match value {
        ScalarValue::Utf8(Some(text)) if is_text(text) => ScalarValue::Utf8(Some(to.to_string())),
        ScalarValue::LargeUtf8(Some(text)) if is_text(text) => {
            ScalarValue::LargeUtf8(Some(to.to_string()))
        }
        ScalarValue::Utf8View(Some(text)) if is_text(text) => {
            ScalarValue::Utf8View(Some(to.to_string()))
        }
        ScalarValue::FixedSizeBinary(width, Some(bytes)) if is_id(bytes) => {
            ScalarValue::FixedSizeBinary(*width, Some(to.as_bytes().to_vec()))
        }
        _ => return None,
    })
}
