//! Rollups: what the spans of an operation and a stretch of time come to.
//!
//! A row of a rollup stands for all spans of one bucket of time that agree in its dimensions.
//! Counts and sums of a rollup are exact; durations are a sketch that can be merged.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::spans::{SAMPLE_WEIGHT, SERVICE_NAME, SPAN_KIND, SPAN_NAME, STATUS_CODE};

/// Start of the bucket, on a whole bucket since the epoch; a timestamp in nanoseconds.
pub const START_TIME: &str = "start_time";
/// Length of the bucket.
pub const BUCKET_NS: &str = "bucket_ns";
/// Number of spans.
pub const SPAN_COUNT: &str = "span_count";
/// Sum of their durations, modulo 2^64 as SQL's `sum` is.
pub const DURATION_SUM_NS: &str = "duration_sum_ns";
/// Their shortest duration.
pub const DURATION_MIN_NS: &str = "duration_min_ns";
/// Their longest duration.
pub const DURATION_MAX_NS: &str = "duration_max_ns";
/// Their durations as a sketch, see `udfs::sketch`.
pub const DURATION: &str = "duration";

/// The text columns of a span that are dimensions of the rollup of operations. [`SAMPLE_WEIGHT`] is one,
/// too: so weighted and plain counts both are exact.
pub const OPERATION_TEXTS: [&str; 6] =
    [SERVICE_NAME, SPAN_NAME, SPAN_KIND, STATUS_CODE, "service_version", "deployment_environment"];

/// Observed spans, each counted `sample_weight` times.
pub const CALLS: &str = "calls";
/// Those of them that failed.
pub const ERRORS: &str = "errors";

/// The columns of the rollup of operations as it is stored, in order.
pub fn operations_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let mut fields =
            vec![Field::new(BUCKET_NS, DataType::Int64, false), Field::new(START_TIME, utc, false)];
        // The first four are never NULL in a span.
        let text = |(at, name): (usize, &&str)| Field::new(*name, DataType::Utf8, at >= 4);
        fields.extend(OPERATION_TEXTS.iter().enumerate().map(text));
        fields.push(Field::new(SAMPLE_WEIGHT, DataType::Float64, false));
        let measures = [SPAN_COUNT, DURATION_SUM_NS, DURATION_MIN_NS, DURATION_MAX_NS];
        fields.extend(measures.map(|name| Field::new(name, DataType::Int64, false)));
        fields.push(Field::new(DURATION, DataType::Binary, false));
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}
