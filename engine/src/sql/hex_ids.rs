//! Compares ids by their bytes.
//!
//! SQL shows ids as hex: `trace_id_hex(trace_id)`. A comparison of that text with a
//! literal is the same comparison of the stored bytes, and bytes can be looked up in
//! the statistics of a file. Lowercase hex sorts like its bytes, so the rule holds for
//! ranges too.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use schema::ids::decode_hex;
use schema::{SpanId, TraceId};

/// The optimizer rule.
#[derive(Debug)]
pub(crate) struct HexIds;

impl OptimizerRule for HexIds {
    fn name(&self) -> &str {
        "spanlake_hex_ids"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        plan.map_expressions(|expr| expr.transform_up(compare_bytes))
    }
}

fn compare_bytes(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let swapped = op.swap();
            if let Some((id, bytes)) = id_and_bytes(&left, &right, op) {
                return Ok(Transformed::yes(binary(id, op, bytes)));
            }
            if let Some(swapped) = swapped
                && let Some((id, bytes)) = id_and_bytes(&right, &left, swapped)
            {
                return Ok(Transformed::yes(binary(id, swapped, bytes)));
            }
            Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let bytes = hex_argument(&expr).and_then(|(id, width)| {
                let list = list
                    .iter()
                    .map(|item| literal_bytes(item, width))
                    .collect::<Option<Vec<_>>>()?;
                Some((id.clone(), list))
            });
            Ok(match bytes {
                Some((id, list)) => {
                    Transformed::yes(Expr::InList(InList { expr: Box::new(id), list, negated }))
                }
                None => Transformed::no(Expr::InList(InList { expr, list, negated })),
            })
        }
        other => Ok(Transformed::no(other)),
    }
}

fn id_and_bytes(id: &Expr, literal: &Expr, op: Operator) -> Option<(Expr, Expr)> {
    let (argument, width) = hex_argument(id)?;
    let equality = matches!(op, Operator::Eq | Operator::NotEq);
    let order = matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    // An uppercase id means the same id, but sorts elsewhere than the text shown.
    if !(equality || order && is_lowercase(literal)) {
        return None;
    }
    Some((argument.clone(), literal_bytes(literal, width)?))
}

/// The argument of `trace_id_hex(..)` or `span_id_hex(..)` and the width of the id in bytes.
fn hex_argument(expr: &Expr) -> Option<(&Expr, usize)> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    let width = id_width(func.name())?;
    match args.as_slice() {
        // Only the stored columns are known to have the type of the literal made below.
        [Expr::Column(column)] => Some((args.first().filter(|_| !column.name.is_empty())?, width)),
        _ => None,
    }
}

/// How many bytes the ids have that a function makes text of; `None` of any other function.
pub(super) fn id_width(function: &str) -> Option<usize> {
    match function {
        "trace_id_hex" => Some(TraceId::BYTES),
        "span_id_hex" => Some(SpanId::BYTES),
        _ => None,
    }
}

fn literal_bytes(expr: &Expr, width: usize) -> Option<Expr> {
    let mut bytes = vec![0; width];
    decode_hex(literal_text(expr)?.as_bytes(), &mut bytes)?;
    Some(Expr::Literal(ScalarValue::FixedSizeBinary(width as i32, Some(bytes)), None))
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text),
            _,
        ) => text.as_deref(),
        _ => None,
    }
}

fn is_lowercase(expr: &Expr) -> bool {
    literal_text(expr).is_some_and(|text| !text.bytes().any(|b| b.is_ascii_uppercase()))
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) })
}

/// Whether the answer is the same for two ids of one width and for their text.
pub(super) fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
    )
}
