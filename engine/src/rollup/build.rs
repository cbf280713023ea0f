//! Counts the spans of a file while it is assembled.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, DictionaryArray, Float64Array, Int32Array, Int64Array,
    RecordBatch, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::common::hash_utils::RandomState;
use schema::rollups::{OPERATION_TEXTS, operations_schema};
use schema::spans::{DURATION_NS, SAMPLE_WEIGHT, START_TIME_UNIX_NANO};
use udfs::sketch::Sketch;

use super::{Level, Rollup};
use crate::error::{Error, Result};
use crate::text_dictionary::TextDictionary;

const TEXTS: usize = OPERATION_TEXTS.len();
/// The code of a NULL.
const NULL: i32 = -1;
/// Not a code: the text has not been looked up.
const UNKNOWN: i32 = -2;

/// What the spans of one group agree in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    /// Start of the bucket.
    start_ns: i64,
    texts: [i32; TEXTS],
    /// The bits of the weight: groups need it to be equal, not in order.
    weight: u64,
}

/// The rollup of a file, while rows are added to the file.
#[derive(Debug)]
pub(crate) struct RollupBuilder {
    texts: [Dimension; TEXTS],
    /// Groups by the minute: all longer buckets are whole minutes.
    groups: HashMap<Key, u32, RandomState>,
    keys: Vec<Key>,
    /// Of each span, the number of its group and its duration.
    durations_ns: Vec<(u32, i64)>,
}

/// A text column of the file.
#[derive(Debug, Default)]
struct Dimension {
    texts: TextDictionary,
    /// The dictionary of the last batch: those of one unit share it.
    dictionary: Option<ArrayRef>,
    /// Of each of its texts, the code in the file.
    codes: Vec<i32>,
}

impl Default for RollupBuilder {
    fn default() -> Self {
        let (texts, keys, durations_ns) = Default::default();
        Self { texts, groups: HashMap::with_hasher(RandomState::default()), keys, durations_ns }
    }
}

impl RollupBuilder {
    /// Adds rows in the form in which they are written: text is dictionary-encoded, and a column that is
    /// missing is NULL.
    pub(crate) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        let missing = |name: &str| Error::Internal(format!("a file without {name}"));
        let integers = |name: &str| {
            let column = rows.column_by_name(name).ok_or_else(|| missing(name))?;
            Ok::<_, Error>(column.as_primitive::<Int64Type>().clone())
        };
        let starts_ns = integers(START_TIME_UNIX_NANO)?;
        let durations_ns = integers(DURATION_NS)?;
        let weights = rows.column_by_name(SAMPLE_WEIGHT).map(AsArray::as_primitive::<Float64Type>);
        let mut texts: [Option<Codes<'_>>; TEXTS] = Default::default();
        for (at, dimension) in self.texts.iter_mut().enumerate() {
            let column = rows.column_by_name(OPERATION_TEXTS[at]);
            texts[at] = column.map(|column| dimension.codes(column)).transpose()?;
        }
        self.durations_ns.reserve(rows.num_rows());
        for row in 0..rows.num_rows() {
            let mut codes = [NULL; TEXTS];
            for (code, column) in codes.iter_mut().zip(&mut texts) {
                if let Some(column) = column {
                    *code = column.code(row)?;
                }
            }
            let weight = weights.filter(|weights| weights.is_valid(row));
            let key = Key {
                start_ns: Level::Minute.start_of(starts_ns.value(row)),
                texts: codes,
                weight: weight.map_or(1.0, |weights| weights.value(row)).to_bits(),
            };
            let next = self.keys.len() as u32;
            let group = *self.groups.entry(key).or_insert(next);
            if group == next {
                self.keys.push(key);
            }
            self.durations_ns.push((group, durations_ns.value(row)));
        }
        Ok(())
    }

    /// The rollup, with each level that has at most one row for `spans_per_row` spans; with all if that is 0.
    pub(crate) fn finish(mut self, spans_per_row: u64) -> Result<Rollup> {
        let by_group = self.by_group();
        let texts = self.texts.each_mut().map(|text| Arc::new(text.texts.take_texts()) as ArrayRef);
        let mut levels = Vec::new();
        for level in Level::COARSE_TO_FINE {
            let mut groups: Vec<(Key, u32)> = (self.keys.iter().zip(0..))
                .map(|(key, group)| (Key { start_ns: level.start_of(key.start_ns), ..*key }, group))
                .collect();
            groups.sort_unstable();
            let rows = groups.chunk_by(|a, b| a.0 == b.0).count() as u64;
            if rows.saturating_mul(spans_per_row) <= self.durations_ns.len() as u64 {
                levels.push((level, rows_of(level, &groups, &by_group, &texts).map_err(arrow)?));
            }
        }
        Rollup::new(&levels)
    }

    /// The durations of each group.
    fn by_group(&mut self) -> Vec<Vec<i64>> {
        let mut counts = vec![0; self.keys.len()];
        self.durations_ns.iter().for_each(|(group, _)| counts[*group as usize] += 1);
        let mut by_group: Vec<Vec<i64>> = counts.into_iter().map(Vec::with_capacity).collect();
        for (group, duration_ns) in &self.durations_ns {
            by_group[*group as usize].push(*duration_ns);
        }
        by_group
    }
}

/// The codes of one batch.
#[derive(Debug)]
struct Codes<'a> {
    keys: &'a Int32Array,
    dictionary: &'a ArrayRef,
    codes: &'a mut [i32],
    texts: &'a mut TextDictionary,
}

impl Dimension {
    fn codes<'a>(&'a mut self, column: &'a ArrayRef) -> Result<Codes<'a>> {
        let rows = column
            .as_dictionary_opt::<Int32Type>()
            .ok_or_else(|| Error::Internal(format!("{} is no dictionary", column.data_type())))?;
        let dictionary = rows.values();
        if !self.dictionary.as_ref().is_some_and(|last| Arc::ptr_eq(last, dictionary)) {
            self.codes = vec![UNKNOWN; dictionary.len()];
            self.dictionary = Some(Arc::clone(dictionary));
        }
        Ok(Codes { keys: rows.keys(), dictionary, codes: &mut self.codes, texts: &mut self.texts })
    }
}

impl Codes<'_> {
    fn code(&mut self, row: usize) -> Result<i32> {
        if self.keys.is_null(row) {
            return Ok(NULL);
        }
        let key = self.keys.value(row) as usize;
        let code = &mut self.codes[key];
        if *code == UNKNOWN {
            let texts = self.dictionary.as_string::<i32>();
            *code = if texts.is_null(key) { NULL } else { self.texts.code(texts.value(key))? };
        }
        Ok(*code)
    }
}

/// The rows of a level. `groups` are in order, those of one row side by side.
fn rows_of(
    level: Level,
    groups: &[(Key, u32)],
    by_group: &[Vec<i64>],
    texts: &[ArrayRef; TEXTS],
) -> Result<RecordBatch, ArrowError> {
    let mut keys = Vec::new();
    let (mut counts, mut sums, mut least, mut most) = (vec![], vec![], vec![], vec![]);
    let mut sketches = BinaryBuilder::new();
    let mut bytes = Vec::new();
    for row in groups.chunk_by(|a, b| a.0 == b.0) {
        let durations_ns =
            || row.iter().flat_map(|(_, group)| by_group[*group as usize].iter().copied());
        let mut sketch = Sketch::default();
        durations_ns().for_each(|duration_ns| sketch.add(duration_ns as f64));
        bytes.clear();
        sketch.encode(&mut bytes);
        sketches.append_value(&bytes);
        counts.push(durations_ns().count() as i64);
        sums.push(durations_ns().fold(0, i64::wrapping_add));
        least.push(durations_ns().min().unwrap_or_default());
        most.push(durations_ns().max().unwrap_or_default());
        keys.push(row[0].0);
    }
    let starts = TimestampNanosecondArray::from_iter_values(keys.iter().map(|key| key.start_ns));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_value(level.nanos(), keys.len())),
        Arc::new(starts.with_timezone("UTC")),
    ];
    for (at, values) in texts.iter().enumerate() {
        let codes = keys.iter().map(|key| Some(key.texts[at]).filter(|code| *code != NULL));
        let codes: Int32Array = codes.collect();
        columns.push(Arc::new(DictionaryArray::try_new(codes, Arc::clone(values))?));
    }
    let weights = keys.iter().map(|key| f64::from_bits(key.weight));
    columns.push(Arc::new(Float64Array::from_iter_values(weights)));
    for measure in [counts, sums, least, most] {
        columns.push(Arc::new(Int64Array::from(measure)));
    }
    columns.push(Arc::new(sketches.finish()));
    RecordBatch::try_new(Arc::new(written_schema()), columns)
}

/// The columns as they are written: text dictionary-encoded.
fn written_schema() -> Schema {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = operations_schema();
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(text.clone())),
        _ => Arc::clone(field),
    });
    Schema::new(fields.collect::<Vec<Arc<Field>>>())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn arrow(error: ArrowError) -> Error {
    Error::Internal(format!("rolling up spans: {error}"))
}
