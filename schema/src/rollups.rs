//! Rollups: what the spans of an operation, or the calls of an edge, and a stretch of time come to.
//!
//! A row of a rollup stands for all spans of one bucket of time that agree in its dimensions. An edge is
//! a pair of services of which one calls the other, in one way; a call is one row of the view `edges`.
//! Counts and sums of a rollup are exact; durations are a sketch that can be merged.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::spans::{SAMPLE_WEIGHT, SERVICE_NAME, SPAN_KIND, SPAN_NAME, STATUS_CODE};

/// Start of the bucket, on a whole bucket since the epoch; a timestamp in nanoseconds.
pub const START_TIME: &str = "start_time";
/// Length of the bucket.
pub const BUCKET_NS: &str = "bucket_ns";
/// Number of spans; of an edge, of calls.
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

/// Who calls.
pub const CLIENT_SERVICE: &str = "client_service";
/// Who is called.
pub const SERVER_SERVICE: &str = "server_service";
/// How they are connected.
pub const CONNECTION_TYPE: &str = "connection_type";
/// Whether the call failed.
pub const IS_FAILED: &str = "is_failed";

/// The text columns of a call that are dimensions of the rollup of edges; [`IS_FAILED`] and
/// [`SAMPLE_WEIGHT`] are, too. None is ever NULL.
pub const EDGE_TEXTS: [&str; 3] = [CLIENT_SERVICE, SERVER_SERVICE, CONNECTION_TYPE];

/// The columns of the rollup of operations as it is stored, in order.
pub fn operations_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        // The first four are never NULL in a span.
        let text = |(at, name): (usize, &&str)| Field::new(*name, DataType::Utf8, at >= 4);
        with_measures(OPERATION_TEXTS.iter().enumerate().map(text).collect())
    });
    Arc::clone(&SCHEMA)
}

/// The columns of the rollup of edges as it is stored, in order.
pub fn edges_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let text = |name: &&str| Field::new(*name, DataType::Utf8, false);
        let failed = Field::new(IS_FAILED, DataType::Boolean, false);
        with_measures(EDGE_TEXTS.iter().map(text).chain([failed]).collect())
    });
    Arc::clone(&SCHEMA)
}

fn with_measures(dimensions: Vec<Field>) -> SchemaRef {
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let mut fields =
        vec![Field::new(BUCKET_NS, DataType::Int64, false), Field::new(START_TIME, utc, false)];
    fields.extend(dimensions);
    fields.push(Field::new(SAMPLE_WEIGHT, DataType::Float64, false));
    let measures = [SPAN_COUNT, DURATION_SUM_NS, DURATION_MIN_NS, DURATION_MAX_NS];
    fields.extend(measures.map(|name| Field::new(name, DataType::Int64, false)));
    fields.push(Field::new(DURATION, DataType::Binary, false));
    Arc::new(Schema::new(fields))
}
