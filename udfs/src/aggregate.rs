//! Aggregate functions: percentiles, from a sketch and exact, and sketches themselves.

mod argument;
mod attribute_counts;
mod attribute_traces;
mod bound_counts;
mod encoded_groups;
mod exact_groups;
mod histogram;
mod percentile_bounds;
mod percentile_nearest;
mod percentiles;
mod quantile;
pub(crate) mod shared_percentiles;
mod sketch;
mod sketch_groups;
mod sketch_merge;
mod values;

use datafusion::logical_expr::AggregateUDF;

pub(crate) fn all() -> Vec<AggregateUDF> {
    let mut all: Vec<AggregateUDF> = percentiles::all().map(AggregateUDF::from).collect();
    all.push(AggregateUDF::from(quantile::Quantile::default()));
    all.push(AggregateUDF::from(attribute_counts::CountsOfAttributes::default()));
    all.push(AggregateUDF::from(attribute_traces::AttributeTraces::default()));
    all.push(AggregateUDF::from(sketch::SketchOf::default()));
    all.push(AggregateUDF::from(histogram::Histogram::default()));
    all.push(AggregateUDF::from(sketch_merge::SketchMerge::default()));
    all.extend(percentile_bounds::all().map(AggregateUDF::from));
    all.push(AggregateUDF::from(percentile_nearest::PercentileNearest::default()));
    all
}
