//! Counts by group and stretch of time.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::hash_utils::RandomState;
use udfs::sketch::Sketch;

use super::Level;
use super::codes::NULL;

/// What the rows of one group agree in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key<const N: usize> {
    /// Start of the bucket.
    pub(super) start_ns: i64,
    pub(super) codes: [i32; N],
    /// The bits of the weight: groups need it to be equal, not in order.
    pub(super) weight: u64,
}

/// The rows that were counted.
#[derive(Debug)]
pub(super) struct Groups<const N: usize> {
    /// Groups by the minute: all longer buckets are whole minutes.
    numbers: HashMap<Key<N>, u32, RandomState>,
    keys: Vec<Key<N>>,
    /// Of each row, the number of its group and its duration.
    durations_ns: Vec<(u32, i64)>,
}

impl<const N: usize> Default for Groups<N> {
    fn default() -> Self {
        let numbers = HashMap::with_hasher(RandomState::default());
        Self { numbers, keys: Vec::new(), durations_ns: Vec::new() }
    }
}

impl<const N: usize> Groups<N> {
    pub(super) fn add(
        &mut self,
        start_ns: i64,
        codes: [i32; N],
        weight: Option<f64>,
        duration_ns: i64,
    ) {
        let weight = weight.unwrap_or(1.0).to_bits();
        let key = Key { start_ns: Level::Minute.start_of(start_ns), codes, weight };
        let next = self.keys.len() as u32;
        let group = *self.numbers.entry(key).or_insert(next);
        if group == next {
            self.keys.push(key);
        }
        self.durations_ns.push((group, duration_ns));
    }

    /// Each level that has at most one row for `spans_per_row` rows that were counted; all if that is 0.
    /// `columns` makes the dimensions of rows.
    pub(super) fn levels(
        self,
        spans_per_row: u64,
        schema: &SchemaRef,
        columns: impl Fn(&[Key<N>]) -> Result<Vec<ArrayRef>, ArrowError>,
    ) -> Result<Vec<(Level, RecordBatch)>, ArrowError> {
        let durations = Durations::new(&self.durations_ns, self.keys.len());
        let mut levels = Vec::new();
        for level in Level::COARSE_TO_FINE {
            let mut groups: Vec<(Key<N>, u32)> = (self.keys.iter().zip(0..))
                .map(|(key, group)| (Key { start_ns: level.start_of(key.start_ns), ..*key }, group))
                .collect();
            groups.sort_unstable();
            let rows = groups.chunk_by(|a, b| a.0 == b.0).count() as u64;
            if rows.saturating_mul(spans_per_row) <= self.durations_ns.len() as u64 {
                levels.push((level, rows_of(level, &groups, &durations, schema, &columns)?));
            }
        }
        Ok(levels)
    }
}

/// The durations of each group, one group behind the other.
struct Durations {
    durations_ns: Vec<i64>,
    ends: Vec<usize>,
}

impl Durations {
    fn new(of_rows: &[(u32, i64)], groups: usize) -> Self {
        let mut ends = vec![0; groups];
        of_rows.iter().for_each(|(group, _)| ends[*group as usize] += 1);
        let mut end = 0;
        for count in &mut ends {
            end += *count;
            *count = end;
        }
        let mut durations_ns = vec![0; of_rows.len()];
        let mut free = ends.clone();
        for (group, duration_ns) in of_rows {
            let place = &mut free[*group as usize];
            *place -= 1;
            durations_ns[*place] = *duration_ns;
        }
        Self { durations_ns, ends }
    }

    fn of(&self, group: u32) -> &[i64] {
        let group = group as usize;
        let start = if group == 0 { 0 } else { self.ends[group - 1] };
        &self.durations_ns[start..self.ends[group]]
    }
}

/// The rows of a level. `groups` are in order, those of one row side by side.
fn rows_of<const N: usize>(
    level: Level,
    groups: &[(Key<N>, u32)],
    durations: &Durations,
    schema: &SchemaRef,
    columns: impl Fn(&[Key<N>]) -> Result<Vec<ArrayRef>, ArrowError>,
) -> Result<RecordBatch, ArrowError> {
    let mut keys = Vec::new();
    let (mut counts, mut sums, mut least, mut most) = (vec![], vec![], vec![], vec![]);
    let mut sketches = BinaryBuilder::new();
    let mut bytes = Vec::new();
    for row in groups.chunk_by(|a, b| a.0 == b.0) {
        let mut sketch = Sketch::default();
        let (mut count, mut sum, mut shortest, mut longest) = (0_i64, 0_i64, i64::MAX, i64::MIN);
        for duration_ns in row.iter().flat_map(|(_, group)| durations.of(*group)) {
            sketch.add(*duration_ns as f64);
            count += 1;
            sum = sum.wrapping_add(*duration_ns);
            shortest = shortest.min(*duration_ns);
            longest = longest.max(*duration_ns);
        }
        bytes.clear();
        sketch.encode(&mut bytes);
        sketches.append_value(&bytes);
        counts.push(count);
        sums.push(sum);
        least.push(shortest);
        most.push(longest);
        keys.push(row[0].0);
    }
    let starts = TimestampNanosecondArray::from_iter_values(keys.iter().map(|key| key.start_ns));
    let mut all: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_value(level.nanos(), keys.len())),
        Arc::new(starts.with_timezone("UTC")),
    ];
    all.extend(columns(&keys)?);
    let weights = keys.iter().map(|key| f64::from_bits(key.weight));
    all.push(Arc::new(Float64Array::from_iter_values(weights)));
    for measure in [counts, sums, least, most] {
        all.push(Arc::new(Int64Array::from(measure)));
    }
    all.push(Arc::new(sketches.finish()));
    RecordBatch::try_new(Arc::new(written(schema)), all)
}

/// A column of texts, of which rows have the codes.
pub(super) fn texts(
    codes: impl Iterator<Item = i32>,
    texts: &ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let codes: Int32Array = codes.map(|code| (code != NULL).then_some(code)).collect();
    Ok(Arc::new(DictionaryArray::try_new(codes, Arc::clone(texts))?))
}

/// The columns as they are written: text dictionary-encoded.
fn written(schema: &SchemaRef) -> Schema {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(text.clone())),
        _ => Arc::clone(field),
    });
    Schema::new(fields.collect::<Vec<Arc<Field>>>())
}
