//! `span_tree(...) OVER (PARTITION BY trace_id)`: the tree columns of any table.

use std::cell::RefCell;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, PartitionEvaluator, Signature, Volatility, WindowUDFImpl,
};
use datafusion_macros::user_doc;
use schema::tree::tree_fields;

use crate::span_columns::{TreeColumns, coerce};

/// Buffers for more spans than this are given back after use.
const KEPT_SPANS: usize = 1 << 16;

#[user_doc(
    doc_section(label = "Trace Functions"),
    description = "Returns a struct of tree columns for each span: its place in the span tree of its trace (`depth`, `child_count`, `subtree_size`, `nested_left`, `nested_right`), what its time went to (`self_time_ns`, `critical_path_ns`), its relatives (`parent_service_name`, `parent_span_name`, `root_service_name`, `root_span_name`), flags (`is_root`, `is_entry`, `error_origin`, `is_primary_root`, `is_orphan`, `is_duplicate`, `is_paired`, `is_parent_failed`, `is_first_error`, `is_decisive_error`) and `shape`, a hash of the call tree below it. Works on any table of spans. The window must be partitioned by the trace id and is always taken as a whole: an ORDER BY or a frame in it changes nothing.",
    syntax_example = "span_tree(span_id, parent_span_id, start_time, duration_ns, span_kind, status_code, service_name, span_name [, flags [, service_instance_id]]) OVER (PARTITION BY trace_id)",
    sql_example = r#"```sql
> SELECT id, t['depth'] AS depth, t['self_time_ns'] AS self, t['parent_span_name'] AS parent FROM (
    SELECT id, span_tree(id, parent, start, duration, kind, status, service, name)
      OVER (PARTITION BY trace) AS t
    FROM (VALUES ('t1', '00f067aa0ba902b7', NULL, 0, 100, 'server', 'ok', 'shop', 'GET /cart'),
                 ('t1', '53995c3f42cd8ad8', '00f067aa0ba902b7', 10, 60, 'client', 'error', 'shop', 'SELECT'))
      AS spans(trace, id, parent, start, duration, kind, status, service, name))
  ORDER BY depth;
+------------------+-------+------+-----------+
| id               | depth | self | parent    |
+------------------+-------+------+-----------+
| 00f067aa0ba902b7 | 0     | 40   |           |
| 53995c3f42cd8ad8 | 1     | 60   | GET /cart |
+------------------+-------+------+-----------+
```"#,
    argument(
        name = "span_id",
        description = "The id: 8 bytes, hex text in either case, other text, or an integer. NULL, empty or all zeros: the span is nobody's parent."
    ),
    argument(
        name = "parent_span_id",
        description = "The parent's id, in any of the same forms. NULL, empty or all zeros: a root."
    ),
    argument(
        name = "start_time",
        description = "A timestamp of any unit, or BIGINT nanoseconds. Not NULL."
    ),
    argument(
        name = "duration_ns",
        description = "BIGINT nanoseconds, or a Duration. NULL and negative count as 0."
    ),
    argument(
        name = "span_kind",
        description = "`server`, `Server`, `SPAN_KIND_SERVER` and so on, or the OTLP number. Anything else is unspecified."
    ),
    argument(
        name = "status_code",
        description = "`error`, `Error`, `STATUS_CODE_ERROR`, or the OTLP number 2, or a boolean that is true for errors. Anything else is no error."
    ),
    argument(name = "service_name", description = "The service, as text."),
    argument(name = "span_name", description = "The operation, as text."),
    argument(
        name = "flags",
        description = "OTLP span flags. If they say that the parent is remote, the span is an entry."
    ),
    argument(
        name = "service_instance_id",
        description = "The instance, as text. Tells receivers apart that share one span id."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SpanTree {
    signature: Signature,
}

impl Default for SpanTree {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl WindowUDFImpl for SpanTree {
    fn name(&self) -> &str {
        "span_tree"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), arg_types)
    }

    fn field(&self, field_args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let tree = DataType::Struct(tree_fields());
        Ok(Arc::new(Field::new(field_args.name(), tree, false)))
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        if args.ignore_nulls() {
            return plan_err!("span_tree does not take IGNORE NULLS");
        }
        Ok(Box::new(WholeTrace))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Evaluates one trace. There is one evaluator per trace, so it holds nothing.
#[derive(Debug)]
struct WholeTrace;

thread_local! {
    /// The buffers of this thread: traces are many, and most of them small.
    static BUFFERS: RefCell<TreeColumns> = RefCell::default();
}

impl PartitionEvaluator for WholeTrace {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        BUFFERS.with_borrow_mut(|buffers| {
            let whole = std::iter::once(0..num_rows);
            let tree = buffers.compute(values, whole);
            if num_rows > KEPT_SPANS {
                *buffers = TreeColumns::default();
            }
            Ok(Arc::new(tree?) as ArrayRef)
        })
    }
}
