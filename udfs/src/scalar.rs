//! Scalar functions: one row in, one value out.

mod binomial_tail;
mod cohens_h;
mod fisher_greater;
mod hex;
mod roaring_jaccard;
mod shares;
mod sketch_conversions;
mod sketch_downscale;
mod sketch_facts;
mod sketch_histogram;
mod sketch_quantile;
mod sketch_rank;
mod span_id_hex;
mod trace_id_hex;
mod wilson;

use datafusion::logical_expr::ScalarUDF;

pub(crate) fn all() -> Vec<ScalarUDF> {
    let mut all: Vec<ScalarUDF> = sketch_facts::all().map(ScalarUDF::from).collect();
    all.extend(sketch_conversions::all().map(ScalarUDF::from));
    all.extend(shares::all().map(ScalarUDF::from));
    all.extend(wilson::all().map(ScalarUDF::from));
    all.push(ScalarUDF::from(binomial_tail::BinomialTail::default()));
    all.push(ScalarUDF::from(cohens_h::CohensH::default()));
    all.push(ScalarUDF::from(fisher_greater::FisherGreater::default()));
    all.push(ScalarUDF::from(roaring_jaccard::RoaringJaccard::default()));
    all.push(ScalarUDF::from(sketch_downscale::SketchDownscale::default()));
    all.push(ScalarUDF::from(sketch_histogram::SketchHistogram::default()));
    all.push(ScalarUDF::from(sketch_quantile::SketchQuantile::default()));
    all.push(ScalarUDF::from(sketch_rank::SketchRank::default()));
    all.push(ScalarUDF::from(span_id_hex::SpanIdHex::default()));
    all.push(ScalarUDF::from(trace_id_hex::TraceIdHex::default()));
    all
}
