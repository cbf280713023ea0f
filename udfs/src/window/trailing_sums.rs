//! `trailing_sums(value, rows, ...) OVER (...)`: sums of the last rows, for several sizes of window at once.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Builder, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, PartitionEvaluator, Signature, Volatility, WindowUDFImpl,
};
use datafusion_macros::user_doc;

use crate::trailing::trailing_sums;

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns an array of sums: for each `rows`, of the value of this row and those of the `rows - 1` rows before it, in the order of the window, as far as there are any. It is what `sum(value) OVER (ORDER BY ... ROWS BETWEEN rows - 1 PRECEDING AND CURRENT ROW)` says for each of them, but in one pass, in the same time for any size, and without rounding errors of what left the window. NULL where all values are NULL. A frame changes nothing.",
    syntax_example = "trailing_sums(value, rows [, rows ...]) OVER (PARTITION BY series ORDER BY time)",
    sql_example = r#"```sql
> SELECT minute, errors, trailing_sums(errors, 2, 3) OVER (ORDER BY minute) AS sums
  FROM (VALUES (1, 5), (2, 0), (3, 1), (4, 2)) AS t(minute, errors) ORDER BY minute;
+--------+--------+------------+
| minute | errors | sums       |
+--------+--------+------------+
| 1      | 5      | [5.0, 5.0] |
| 2      | 0      | [5.0, 5.0] |
| 3      | 1      | [1.0, 6.0] |
| 4      | 2      | [3.0, 3.0] |
+--------+--------+------------+
```"#,
    argument(name = "value", description = "A number, or NULL."),
    argument(
        name = "rows",
        description = "A constant whole number, at least 1: how many rows a sum is of."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TrailingSums {
    signature: Signature,
}

impl Default for TrailingSums {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

impl WindowUDFImpl for TrailingSums {
    fn name(&self) -> &str {
        "trailing_sums"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [value, windows @ ..] = arg_types else {
            return plan_err!("trailing_sums takes (value, rows [, rows ...])");
        };
        if windows.is_empty() {
            return plan_err!("trailing_sums takes (value, rows [, rows ...])");
        }
        if !(value.is_numeric() || *value == DataType::Null) {
            return plan_err!("trailing_sums: value must be a number, not {value}");
        }
        if let Some(rows) = windows.iter().find(|rows| !rows.is_integer()) {
            return plan_err!("trailing_sums: rows must be a whole number, not {rows}");
        }
        let windows = windows.iter().map(|_| DataType::Int64);
        Ok([DataType::Float64].into_iter().chain(windows).collect())
    }

    fn field(&self, field_args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(field_args.name(), DataType::List(item()), true)))
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        if args.ignore_nulls() {
            return plan_err!("trailing_sums does not take IGNORE NULLS");
        }
        Ok(Box::new(WholeSeries))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Evaluates one series.
#[derive(Debug)]
struct WholeSeries;

impl PartitionEvaluator for WholeSeries {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let (value, windows) = (values[0].as_primitive::<Float64Type>(), &values[1..]);
        let value: Vec<Option<f64>> = value.iter().collect();
        let sums = windows.iter().map(|rows| Ok(trailing_sums(&value, constant(rows)?)));
        let sums: Vec<Vec<Option<f64>>> = sums.collect::<Result<_>>()?;
        let mut items = Float64Builder::with_capacity(num_rows * sums.len());
        for row in 0..num_rows {
            for of_window in &sums {
                items.append_option(of_window[row]);
            }
        }
        let lengths = std::iter::repeat_n(sums.len(), num_rows);
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(item(), offsets, Arc::new(items.finish()), None)?))
    }
}

fn constant(rows: &ArrayRef) -> Result<usize> {
    let rows = rows.as_primitive::<Int64Type>();
    let first = if rows.is_valid(0) { usize::try_from(rows.value(0)).ok() } else { None };
    let is_constant =
        rows.null_count() == 0 && rows.values().iter().all(|all| *all == rows.value(0));
    match first {
        Some(first) if first > 0 && is_constant => Ok(first),
        _ => exec_err!("trailing_sums: rows must be a constant, at least 1"),
    }
}
