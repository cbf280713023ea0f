//! Scalar functions: one row in, one value out.

mod hex;
mod span_id_hex;
mod trace_id_hex;

use datafusion::logical_expr::ScalarUDF;

pub(crate) fn all() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::from(span_id_hex::SpanIdHex::default()),
        ScalarUDF::from(trace_id_hex::TraceIdHex::default()),
    ]
}
