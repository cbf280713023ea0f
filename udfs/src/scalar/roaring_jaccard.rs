//! `roaring_jaccard(a, b)`: how much two sets have in common.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;
use roaring::RoaringBitmap;

const NAME: &str = "roaring_jaccard";

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns what two sets have in common, from 0 to 1: the number of members of both over that of members of either. NULL if both are empty. Sets are Roaring bitmaps in the portable format of 32-bit numbers, as `attribute_traces` has them.",
    syntax_example = "roaring_jaccard(a, b)",
    sql_example = r#"```sql
> SELECT found[3]['value'] AS value, roaring_jaccard(found[1]['bad_set'], found[3]['bad_set']) AS of_all
  FROM (
    SELECT attribute_traces(trace, true, 1, 0, attributes) AS found
    FROM (VALUES (1, MAP {'region': 'eu'}), (2, MAP {'region': 'eu'}), (3, MAP {'region': 'eu'}), (4, MAP {'region': 'us'}))
      AS spans(trace, attributes));
+-------+--------+
| value | of_all |
+-------+--------+
| eu    | 0.75   |
+-------+--------+
```"#,
    argument(name = "a", description = "A set, as BINARY. NULL gives NULL."),
    argument(name = "b", description = "Another one."),
    related_udf(name = "attribute_traces")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RoaringJaccard {
    signature: Signature,
}

impl Default for RoaringJaccard {
    fn default() -> Self {
        let sets = vec![DataType::Binary, DataType::Binary];
        Self { signature: Signature::exact(sets, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for RoaringJaccard {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [a, b] = take_function_args(NAME, args.args)?;
        let (a, b) = (a.into_array(args.number_rows)?, b.into_array(args.number_rows)?);
        let pairs = a.as_binary::<i32>().iter().zip(b.as_binary::<i32>());
        let answers: Float64Array = pairs.map(|(a, b)| jaccard(a, b)).collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

fn jaccard(a: Option<&[u8]>, b: Option<&[u8]>) -> Result<Option<f64>> {
    let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
    let (a, b) = (set(a)?, set(b)?);
    let common = a.intersection_len(&b);
    let all = a.len() + b.len() - common;
    Ok((all > 0).then(|| common as f64 / all as f64))
}

fn set(bytes: &[u8]) -> Result<RoaringBitmap> {
    RoaringBitmap::deserialize_from(bytes)
        .map_err(|_| exec_datafusion_err!("{NAME}: not a Roaring bitmap in the portable format"))
}
