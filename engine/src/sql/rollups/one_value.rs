//! A duration as a sketch of one value, so that spans and rollups can be counted together.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BinaryBuilder};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use udfs::sketch::Sketch;

/// The sketch of one duration.
pub(super) fn one_value(duration_ns: Expr) -> Expr {
    ScalarUDF::new_from_impl(OneValue::default()).call(vec![duration_ns])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OneValue {
    signature: Signature,
}

impl Default for OneValue {
    fn default() -> Self {
        Self { signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for OneValue {
    fn name(&self) -> &str {
        "sketch_of_one_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let durations = arrays[0].as_primitive::<Int64Type>();
        let mut sketches = BinaryBuilder::with_capacity(durations.len(), 12 * durations.len());
        let mut bytes = Vec::new();
        for duration_ns in durations.values() {
            let mut sketch = Sketch::default();
            sketch.add(*duration_ns as f64);
            bytes.clear();
            sketch.encode(&mut bytes);
            sketches.append_value(&bytes);
        }
        Ok(ColumnarValue::Array(Arc::new(sketches.finish())))
    }
}
