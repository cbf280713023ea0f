//! `LIKE` with several parts, as in `'%s/%77%'`, without a regular expression.
//!
//! Arrow makes a regular expression of such a pattern, anew for each batch, and its automaton while it runs. Parts
//! that have to come one behind the other can be looked for one behind the other. Patterns with one part, as `'%a%'`,
//! have their own way there, and those that begin with text leave out files by it: they stay.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Like, LogicalPlan, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use memchr::memmem::Finder;

use crate::sql::conditions::schema_of_conditions;

/// The optimizer rule.
#[derive(Debug)]
pub(crate) struct TextPatterns {
    function: Arc<ScalarUDF>,
}

impl Default for TextPatterns {
    fn default() -> Self {
        Self { function: Arc::new(ScalarUDF::from(HasParts::default())) }
    }
}

impl OptimizerRule for TextPatterns {
    fn name(&self) -> &str {
        "spanlake_text_patterns"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let Some(schema) = schema_of_conditions(&plan)? else { return Ok(Transformed::no(plan)) };
        plan.map_expressions(|expr| expr.transform_up(|expr| Ok(self.replaced(expr, &schema))))
    }
}

impl TextPatterns {
    fn replaced(&self, expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
        let Expr::Like(Like {
            negated,
            expr: text,
            pattern,
            escape_char: None,
            case_insensitive: false,
        }) = &expr
        else {
            return Transformed::no(expr);
        };
        let Some(Some(Some(literal))) = pattern.as_literal().map(ScalarValue::try_as_str) else {
            return Transformed::no(expr);
        };
        if !has_several_parts(literal) || !text.get_type(schema).is_ok_and(|given| is_text(&given))
        {
            return Transformed::no(expr);
        }
        let args = vec![(**text).clone(), (**pattern).clone()];
        let call = Expr::ScalarFunction(ScalarFunction { func: Arc::clone(&self.function), args });
        Transformed::yes(if *negated { Expr::Not(Box::new(call)) } else { call })
    }
}

/// Whether the pattern has no other special character than `%`, begins with it, and has at least two texts behind it.
fn has_several_parts(pattern: &str) -> bool {
    let parts = pattern.split('%').filter(|part| !part.is_empty()).count();
    pattern.starts_with('%') && !pattern.contains(['_', '\\']) && parts > 1
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// `like(text, pattern)`, for the rule alone: it has no name in SQL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct HasParts {
    signature: Signature,
}

impl Default for HasParts {
    fn default() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for HasParts {
    fn name(&self) -> &str {
        "like"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [text, ColumnarValue::Scalar(pattern)] = &*arguments.args else {
            return internal_err!("`like` needs a text and a pattern that is known while planning");
        };
        let Some(Some(pattern)) = pattern.try_as_str() else {
            return internal_err!("the pattern of `like` is no text");
        };
        let pattern = Pattern::new(pattern);
        let found = pattern.matches(&text.to_array(1)?)?;
        Ok(match text {
            ColumnarValue::Array(_) => ColumnarValue::Array(Arc::new(found)),
            ColumnarValue::Scalar(_) => {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?)
            }
        })
    }
}

/// Texts that come in this order somewhere, and text that comes last.
struct Pattern<'a> {
    between: Vec<Finder<'a>>,
    last: &'a str,
}

impl<'a> Pattern<'a> {
    /// Of a pattern that begins with `%`.
    fn new(pattern: &'a str) -> Self {
        let (between, last) = pattern.rsplit_once('%').unwrap_or(("", pattern));
        let between = between.split('%').filter(|part| !part.is_empty());
        Self { between: between.map(Finder::new).collect(), last }
    }

    /// NULL of NULL.
    fn matches(&self, texts: &ArrayRef) -> Result<BooleanArray> {
        let each = |text: Option<&str>| text.map(|text| self.is_in(text));
        Ok(match texts.data_type() {
            DataType::Utf8 => texts.as_string::<i32>().iter().map(each).collect(),
            DataType::LargeUtf8 => texts.as_string::<i64>().iter().map(each).collect(),
            DataType::Utf8View => texts.as_string_view().iter().map(each).collect(),
            other => return internal_err!("`like` looks at text, not at {other}"),
        })
    }

    fn is_in(&self, text: &str) -> bool {
        // The first place of each part leaves most for those behind it.
        let rest = self.between.iter().try_fold(text.as_bytes(), |rest, part| {
            let at = part.find(rest)?;
            Some(&rest[at + part.needle().len()..])
        });
        rest.is_some_and(|rest| rest.ends_with(self.last.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
