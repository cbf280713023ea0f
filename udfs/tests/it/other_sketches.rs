//! What other systems' summaries say of the same values: T3.9 and T3.10 of the reference.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;
use udfs::sketch::{Bin, Sketch};

/// Tempo's bucket: the next power of two, -1 below 2.
fn log2_bucket(value: u64) -> i64 {
    if value < 2 { -1 } else { value.next_power_of_two().cast_signed() }
}

/// Tempo's quantile of `(bucket, count)`: exponential interpolation between the bounds of the bucket that
/// has the rank.
fn log2_quantile(buckets: &[(f64, f64)], q: f64) -> f64 {
    let total: f64 = buckets.iter().map(|(_, count)| count).sum();
    let rank = (q * total).ceil();
    let mut below = 0.0;
    for (upper, count) in buckets {
        if below + count >= rank {
            return upper / 2.0 * ((rank - below) / count).exp2();
        }
        below += count;
    }
    f64::NAN
}

/// T3.9: what Tempo makes of 100 durations is up to a factor of 2 off; the sketch has the same buckets at
/// its scale 0, and is exact.
#[test]
fn t3_9_log2_buckets() {
    assert_eq!([1, 2, 3, 5, 8, 1000].map(log2_bucket), [-1, 2, 4, 8, 8, 1024]);
    let buckets = [(256.0, 50.0), (512.0, 50.0)];
    for (q, expected) in [(0.5, 256.0), (0.75, 362.04), (0.99, 504.95)] {
        let estimate = log2_quantile(&buckets, q);
        assert!((estimate - expected).abs() < 0.005, "{q}: {estimate}");
    }
    let mut sketch = Sketch::default();
    for value in (0..50).flat_map(|_| [200.0, 500.0]) {
        sketch.add(value);
    }
    let bin = |lower, upper| Bin { lower, upper, count: 50.0 };
    assert_eq!(sketch.histogram(0), [bin(128.0, 256.0), bin(256.0, 512.0)]);
    for (q, exact) in [(0.5, 200.0), (0.75, 500.0), (0.99, 500.0)] {
        assert_eq!(sketch.quantile(q), Some(exact));
    }
}

/// T3.10: 100,000 durations of a Pareto distribution of 1.2. The sketch keeps its bound everywhere; the t-digest
/// that DataFusion has is a hundred centroids, and in the tail it is worth little.
#[tokio::test]
async fn t3_10_t_digest_in_the_tail() {
    let mut state = 7_u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let values: Vec<f64> = (0..100_000).map(|_| uniform().powf(-1.0 / 1.2)).collect();
    let mut columns = String::new();
    for q in [0.5, 0.99, 0.999, 0.9999] {
        write!(
            columns,
            "quantile(x, {q}) / percentile_nearest(x, {q}) - 1,
             approx_percentile_cont({q}) WITHIN GROUP (ORDER BY x) / percentile_nearest(x, {q}) - 1,"
        )
        .expect("a string takes text");
    }
    let session = crate::session();
    let column = Arc::new(Float64Array::from(values)) as ArrayRef;
    let table = RecordBatch::try_from_iter([("x", column)]).expect("a table");
    session.register_batch("t", table).expect("a new name");
    let sql = format!("SELECT {} FROM t", columns.trim_end_matches(','));
    let rows = session.sql(&sql).await.expect("a query").collect().await.expect("an answer");
    let errors = rows[0].columns().iter().map(|c| c.as_primitive::<Float64Type>().value(0).abs());
    let errors: Vec<f64> = errors.collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = errors.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    assert!(ours.iter().all(|error| *error <= 0.0055), "{ours:?}");
    assert!(theirs[0] < 0.01, "the median is where it is good: {theirs:?}");
    assert!(theirs[3] > 0.02, "the tail is not, which is why it is not used: {theirs:?}");
}
