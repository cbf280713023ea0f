//! What becomes of traces while their files are written again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Float64Type;
use schema::TraceId;
use schema::spans::{SAMPLE_WEIGHT, TRACE_ID};

use crate::error::{Error, Result};

/// Traces that go, and traces that stand for others from now on. All others stay as they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fates {
    /// All spans of these go.
    pub(crate) gone: HashSet<TraceId>,
    /// The weight of each span of these is multiplied.
    pub(crate) factors: HashMap<TraceId, f64>,
}

impl Fates {
    /// Whether every trace stays as it is.
    pub(crate) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.factors.is_empty()
    }

    /// Rows of a file, without those of traces that go.
    pub(super) fn apply(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.is_empty() {
            return Ok(batch);
        }
        let ids = batch.column_by_name(TRACE_ID).and_then(|ids| ids.as_fixed_size_binary_opt());
        let ids = ids.ok_or_else(|| Error::Internal("a file without trace ids".into()))?;
        let ids: Vec<Option<TraceId>> =
            ids.iter().map(|id| id.and_then(TraceId::from_bytes)).collect();
        let is_kept = |id: &Option<TraceId>| id.is_none_or(|id| !self.gone.contains(&id));
        let kept: BooleanArray = ids.iter().map(|id| Some(is_kept(id))).collect();
        self.weigh(batch, &ids)
            .and_then(|batch| {
                filter_record_batch(&batch, &kept).map_err(|e| Error::Internal(e.to_string()))
            })
            .map_err(|e| Error::Internal(format!("taking out spans: {e}")))
    }

    fn weigh(&self, batch: RecordBatch, ids: &[Option<TraceId>]) -> Result<RecordBatch> {
        if self.factors.is_empty() {
            return Ok(batch);
        }
        let schema = batch.schema();
        let at = schema.index_of(SAMPLE_WEIGHT).map_err(|e| Error::Internal(e.to_string()))?;
        let weights = batch.column(at).as_primitive_opt::<Float64Type>();
        let weights = weights.ok_or_else(|| Error::Internal("weights are no doubles".into()))?;
        let weighed: Float64Array = weights
            .iter()
            .zip(ids)
            .map(|(weight, id)| match id.and_then(|id| self.factors.get(&id)) {
                Some(factor) => Some(weight.unwrap_or(1.0) * factor),
                None => weight,
            })
            .collect();
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        columns[at] = Arc::new(weighed);
        RecordBatch::try_new(schema, columns).map_err(|e| Error::Internal(e.to_string()))
    }
}
