//! Aggregate functions: percentiles, from a sketch and exact.

mod argument;
mod exact_groups;
mod percentile_nearest;
mod percentiles;
mod quantile;
mod sketch_groups;
mod values;

use datafusion::logical_expr::AggregateUDF;

pub(crate) fn all() -> Vec<AggregateUDF> {
    let mut all: Vec<AggregateUDF> = percentiles::all().map(AggregateUDF::from).collect();
    all.push(AggregateUDF::from(quantile::Quantile::default()));
    all.push(AggregateUDF::from(percentile_nearest::PercentileNearest::default()));
    all
}
