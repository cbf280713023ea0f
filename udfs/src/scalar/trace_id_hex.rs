//! `trace_id_hex(trace_id)`: the text form of a trace id.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::utils::take_function_args;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use super::hex;

const TRACE_ID_BYTES: i32 = 16;

#[user_doc(
    doc_section(label = "Trace Functions"),
    description = "Returns a trace id as 32 lowercase hex digits, the form used in logs and URLs.",
    syntax_example = "trace_id_hex(trace_id)",
    sql_example = r#"```sql
> SELECT trace_id_hex(X'4BF92F3577B34DA6A3CE929D0E0E4736') AS id;
+----------------------------------+
| id                               |
+----------------------------------+
| 4bf92f3577b34da6a3ce929d0e0e4736 |
+----------------------------------+
```"#,
    argument(
        name = "trace_id",
        description = "A trace id of 16 bytes. NULL in, NULL out; no bytes give no digits."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TraceIdHex {
    signature: Signature,
}

impl Default for TraceIdHex {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TraceIdHex {
    fn name(&self) -> &str {
        "trace_id_hex"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        hex::coerce(self.name(), TRACE_ID_BYTES, arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [trace_id] = take_function_args(self.name(), args.args)?;
        let ids = trace_id.into_array(args.number_rows)?;
        Ok(ColumnarValue::Array(hex::to_hex(self.name(), TRACE_ID_BYTES, &ids)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
