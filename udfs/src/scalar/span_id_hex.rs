//! `span_id_hex(span_id)`: the text form of a span id.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::utils::take_function_args;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use super::hex;

const SPAN_ID_BYTES: i32 = 8;

#[user_doc(
    doc_section(label = "Trace Functions"),
    description = "Returns a span id as 16 lowercase hex digits, the form used in logs and URLs.",
    syntax_example = "span_id_hex(span_id)",
    sql_example = r#"```sql
> SELECT span_id_hex(X'00F067AA0BA902B7') AS id;
+------------------+
| id               |
+------------------+
| 00f067aa0ba902b7 |
+------------------+
```"#,
    argument(
        name = "span_id",
        description = "A span id of 8 bytes. NULL in, NULL out; no bytes give no digits."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SpanIdHex {
    signature: Signature,
}

impl Default for SpanIdHex {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SpanIdHex {
    fn name(&self) -> &str {
        "span_id_hex"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        hex::coerce(self.name(), SPAN_ID_BYTES, arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [span_id] = take_function_args(self.name(), args.args)?;
        let ids = span_id.into_array(args.number_rows)?;
        Ok(ColumnarValue::Array(hex::to_hex(self.name(), SPAN_ID_BYTES, &ids)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
