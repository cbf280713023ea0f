//! The rows of some whole traces, from several files, with what follows from their trees.
//!
//! ```text
//! read      the rows of the unit's traces, text as codes
//! by trace  sort by (trace, start, span): where each trace begins
//! tree      the kernel, and a summary of each trace
//! cluster   the order in which they are written
//! ```

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, Int64Array, ListArray,
    RecordBatch, StructArray, UInt32Array, new_null_array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use schema::assembled::{stored_tree_fields, summary_fields};
use schema::promoted::SERVICE_INSTANCE_ID;
use schema::spans::{
    DURATION_NS, FLAGS, PARENT_SPAN_ID, SERVICE_NAME, SPAN_ID, SPAN_KIND, SPAN_NAME,
    START_TIME_UNIX_NANO, STATUS_CODE, TRACE_ID, stored_schema,
};
use schema::tree::{CRITICAL_PATH_NS, SELF_TIME_NS};
use udfs::span_columns::TreeColumns;

use super::coded::Coder;
use crate::error::{Error, Result};
use crate::write::{coded_text, day_of};

/// The text columns whose codes stand for the text, in the kernel and in summaries.
const COMPARED: [&str; 5] = [SERVICE_NAME, SPAN_NAME, SPAN_KIND, STATUS_CODE, SERVICE_INSTANCE_ID];

/// Rows of whole traces in coded form, in the order in which they were read.
#[derive(Debug)]
pub(super) struct Unit {
    schema: SchemaRef,
    coders: Vec<Coder>,
    columns: Vec<ArrayRef>,
    rows: usize,
}

/// One file's worth of rows: whole traces whose root is of one day.
#[derive(Debug)]
pub(super) struct Slice {
    /// The UTC day, counted from the epoch.
    pub(super) day: i64,
    /// The rows in the order of the file, text dictionary-encoded; tree and summary columns are there.
    pub(super) rows: RecordBatch,
    /// Smallest and largest start.
    pub(super) start_time_range: (i64, i64),
}

impl Unit {
    /// Puts batches together. Each has the columns of `schema`, which has plain types, and text
    /// dictionary-encoded.
    pub(super) fn new(schema: SchemaRef, batches: &[RecordBatch]) -> Result<Self> {
        let fields = schema.fields().clone();
        let coder = |field: &Arc<Field>| match field.name().as_str() {
            name if COMPARED.contains(&name) => Coder::exact(),
            _ => Coder::new(field.data_type()),
        };
        let mut coders: Vec<Coder> = fields.iter().map(coder).collect();
        let mut columns = Vec::with_capacity(coders.len());
        for (at, coder) in coders.iter_mut().enumerate() {
            let parts = batches
                .iter()
                .map(|batch| coder.recode(batch.column(at)))
                .collect::<Result<Vec<_>>>()?;
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            columns.push(concat(&parts).map_err(arrow)?);
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(Self { schema, coders, columns, rows })
    }

    /// Computes the trees, and cuts the rows into slices of at most about `slice_rows`.
    pub(super) fn into_slices(mut self, slice_rows: usize) -> Result<Vec<Slice>> {
        let by_trace = self.rows_by_trace()?;
        let traces = Traces::new(&mut self, &by_trace)?;
        let mut slices = Vec::new();
        for order in traces.slices(slice_rows) {
            slices.push(self.slice(&by_trace, &traces, &order)?);
        }
        Ok(slices)
    }

    /// The rows sorted by trace, start and span: rows of one trace lie side by side.
    fn rows_by_trace(&self) -> Result<Vec<u32>> {
        let trace_ids = self.column(TRACE_ID)?.as_fixed_size_binary();
        let span_ids = self.column(SPAN_ID)?.as_fixed_size_binary();
        let starts = self.column(START_TIME_UNIX_NANO)?.as_primitive::<Int64Type>();
        let mut rows: Vec<(u128, i64, u64, u32)> = (0..self.rows)
            .map(|row| {
                let id = u128::from_be_bytes(fixed(trace_ids.value(row)));
                let span = u64::from_be_bytes(fixed(span_ids.value(row)));
                (id, starts.value(row), span, row as u32)
            })
            .collect();
        rows.sort_unstable();
        Ok(rows.into_iter().map(|(.., row)| row).collect())
    }

    fn index_of(&self, name: &str) -> Result<usize> {
        self.schema.index_of(name).map_err(arrow)
    }

    fn column(&self, name: &str) -> Result<&ArrayRef> {
        Ok(&self.columns[self.index_of(name)?])
    }

    /// A column with its rows in another order, text dictionary-encoded; `None` if it is not there.
    fn reordered(&mut self, name: &str, rows: &UInt32Array) -> Result<Option<ArrayRef>> {
        let Some((at, _)) = self.schema.column_with_name(name) else { return Ok(None) };
        let taken = take(&self.columns[at], rows, None).map_err(arrow)?;
        Ok(Some(self.coders[at].decode(&taken)?))
    }

    /// The rows of some traces. `order` numbers rows as they are in `by_trace`.
    fn slice(&mut self, by_trace: &[u32], traces: &Traces, order: &Order) -> Result<Slice> {
        let from_tree = UInt32Array::from(order.rows.clone());
        let from_read: UInt32Array =
            order.rows.iter().map(|row| by_trace[*row as usize]).collect::<Vec<_>>().into();
        let mut fields: Vec<Arc<Field>> = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (at, field) in self.schema.fields().iter().enumerate() {
            let taken = take(&self.columns[at], &from_read, None).map_err(arrow)?;
            columns.push(self.coders[at].decode(&taken)?);
            fields.push(Arc::clone(field));
        }
        for (field, column) in stored_tree_fields().into_iter().zip(&traces.stored_tree) {
            let taken = take(column, &from_tree, None).map_err(arrow)?;
            let is_text = taken.data_type() == &DataType::Utf8;
            columns.push(if is_text { coded_text(&[&taken])? } else { taken });
            fields.push(Arc::new(field));
        }
        for (field, column) in summary_fields().into_iter().zip(traces.summaries(&order.traces)?) {
            // The summary of a trace is on its primary root; all other rows have none.
            columns.push(take(&column, &order.summary_rows, None).map_err(arrow)?);
            fields.push(Arc::new(field));
        }
        let fields: Vec<Field> = fields
            .iter()
            .zip(&columns)
            .map(|(field, column)| {
                field.as_ref().clone().with_data_type(column.data_type().clone())
            })
            .collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(arrow)?;
        let starts = order.rows.iter().map(|row| traces.starts.value(*row as usize));
        let start_time_range =
            (starts.clone().min().unwrap_or_default(), starts.max().unwrap_or_default());
        Ok(Slice { day: order.day, rows, start_time_range })
    }
}

/// The traces of a unit. Rows are numbered as they are when sorted by trace.
#[derive(Debug)]
struct Traces {
    tree: StructArray,
    /// The columns of `tree` as they are stored.
    stored_tree: Vec<ArrayRef>,
    starts: Int64Array,
    services: DictionaryArray<Int32Type>,
    all: Vec<OneTrace>,
}

#[derive(Debug)]
struct OneTrace {
    rows: Range<usize>,
    /// The row of the primary root: every trace has one.
    root: usize,
    /// What equal neighbours have in common: root service, root operation, shape.
    cluster: (i32, i32, i64),
    end_ns: i64,
    span_count: i64,
    error_count: i64,
    max_depth: i32,
    is_connected: bool,
    orphan_count: i64,
    start_ns: i64,
}

/// Which rows come in which order.
#[derive(Debug)]
struct Order {
    day: i64,
    rows: Vec<u32>,
    /// The traces whose summaries are needed.
    traces: Vec<usize>,
    /// For each row, the index of its summary in `traces`; NULL for most.
    summary_rows: UInt32Array,
}

/// The tree columns as [`schema::assembled`] says that they are stored.
fn stored_tree(tree: &StructArray, durations: &Int64Array) -> Result<Vec<ArrayRef>> {
    let integers = |name: &str| {
        let column = tree.column_by_name(name);
        column
            .map(|column| column.as_primitive::<Int64Type>())
            .ok_or_else(|| Error::Internal(format!("a tree without {name}")))
    };
    let (self_times, paths) = (integers(SELF_TIME_NS)?, integers(CRITICAL_PATH_NS)?);
    let differing = |wholes: &Int64Array, parts: &Int64Array, of: fn(i64, i64) -> i64| {
        let rows = wholes.values().iter().zip(parts.values());
        let stored = rows.map(|(whole, part)| (whole != part).then(|| of(*whole, *part)));
        Arc::new(stored.collect::<Int64Array>())
    };
    let columns = tree.fields().iter().zip(tree.columns()).map(|(field, column)| -> ArrayRef {
        match field.name().as_str() {
            SELF_TIME_NS => differing(durations, self_times, i64::wrapping_sub),
            CRITICAL_PATH_NS => differing(self_times, paths, |_, path| path),
            _ => Arc::clone(column),
        }
    });
    Ok(columns.collect())
}

impl Traces {
    fn new(unit: &mut Unit, by_trace: &[u32]) -> Result<Self> {
        let rows = UInt32Array::from(by_trace.to_vec());
        let missing = |name: &str| Error::Internal(format!("a file without {name}"));
        let declared = stored_schema();
        let mut arguments = Vec::new();
        for name in [
            SPAN_ID,
            PARENT_SPAN_ID,
            START_TIME_UNIX_NANO,
            DURATION_NS,
            SPAN_KIND,
            STATUS_CODE,
            SERVICE_NAME,
            SPAN_NAME,
            FLAGS,
            SERVICE_INSTANCE_ID,
        ] {
            let field = declared.field_with_name(name).map_err(arrow)?;
            let column = unit.reordered(name, &rows)?;
            arguments.push(match column {
                Some(column) => column,
                // Columns without a value are left out of files.
                None if field.is_nullable() => new_null_array(field.data_type(), by_trace.len()),
                None => return Err(missing(name)),
            });
        }
        let ids = take(unit.column(TRACE_ID)?, &rows, None).map_err(arrow)?;
        let ids = ids.as_fixed_size_binary();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in 0..by_trace.len() {
            match ranges.last_mut() {
                Some(range) if ids.value(range.start) == ids.value(row) => range.end = row + 1,
                _ => ranges.push(row..row + 1),
            }
        }
        let tree = TreeColumns::default().compute(&arguments, ranges.iter().cloned())?;
        let durations = arguments[3].as_primitive::<Int64Type>().clone();
        let starts = arguments[2].as_primitive::<Int64Type>().clone();
        let services = arguments[6].as_dictionary::<Int32Type>().clone();
        let names = arguments[7].as_dictionary::<Int32Type>();
        let statuses = arguments[5].as_dictionary::<Int32Type>();
        let error = statuses.values().as_string::<i32>().iter().position(|s| s == Some("error"));
        let error = error.map_or(-1, |code| code as i32);
        let flag = |name: &str| -> Result<BooleanArray> {
            Ok(tree.column_by_name(name).ok_or_else(|| missing(name))?.as_boolean().clone())
        };
        let (is_primary, is_duplicate) = (flag("is_primary_root")?, flag("is_duplicate")?);
        let (is_root, is_orphan) = (flag("is_root")?, flag("is_orphan")?);
        let depths = tree.column_by_name("depth").ok_or_else(|| missing("depth"))?;
        let depths = depths.as_primitive::<Int32Type>();
        let shapes = tree.column_by_name("shape").ok_or_else(|| missing("shape"))?;
        let shapes = shapes.as_primitive::<Int64Type>();
        let one = |rows: Range<usize>| {
            let is_counted = |row: &usize| !is_duplicate.value(*row);
            let root = rows
                .clone()
                .find(|row| is_primary.value(*row) && !is_duplicate.value(*row))
                .unwrap_or(rows.start);
            let count = |of: &dyn Fn(&usize) -> bool| rows.clone().filter(of).count() as i64;
            let orphan_count = count(&|row| is_orphan.value(*row));
            OneTrace {
                root,
                cluster: (
                    services.keys().value(root),
                    names.keys().value(root),
                    shapes.value(root),
                ),
                start_ns: rows.clone().map(|row| starts.value(row)).min().unwrap_or_default(),
                end_ns: rows
                    .clone()
                    .map(|row| starts.value(row).saturating_add(durations.value(row)))
                    .max()
                    .unwrap_or_default(),
                span_count: count(&is_counted),
                error_count: count(&|row| is_counted(row) && statuses.keys().value(*row) == error),
                max_depth: rows.clone().map(|row| depths.value(row)).max().unwrap_or_default(),
                is_connected: count(&|row| is_root.value(*row)) > 0 && orphan_count == 0,
                orphan_count,
                rows,
            }
        };
        let all = ranges.into_iter().map(one).collect();
        let stored_tree = stored_tree(&tree, &durations)?;
        Ok(Self { tree, stored_tree, starts, services, all })
    }

    /// Cuts the traces by day and time into slices, and orders the rows of each.
    fn slices(&self, slice_rows: usize) -> Vec<Order> {
        let root_start = |trace: usize| self.starts.value(self.all[trace].root);
        let mut traces: Vec<usize> = (0..self.all.len()).collect();
        traces.sort_by_key(|trace| root_start(*trace));
        let mut orders = Vec::new();
        for of_day in traces.chunk_by(|a, b| day_of(root_start(*a)) == day_of(root_start(*b))) {
            let rows: usize = of_day.iter().map(|trace| self.all[*trace].rows.len()).sum();
            // Slices of equal size: a small one at the end would be a small row group.
            let limit = rows.div_ceil(rows.div_ceil(slice_rows.max(1)).max(1));
            let mut slice = Vec::new();
            let mut taken = 0;
            for trace in of_day {
                slice.push(*trace);
                taken += self.all[*trace].rows.len();
                if taken >= limit {
                    orders.push(self.order(std::mem::take(&mut slice)));
                    taken = 0;
                }
            }
            if !slice.is_empty() {
                orders.push(self.order(slice));
            }
        }
        orders
    }

    /// Traces that look alike lie side by side, so that nearly all columns repeat themselves.
    fn order(&self, mut traces: Vec<usize>) -> Order {
        traces.sort_by_key(|trace| {
            let of = &self.all[*trace];
            (of.cluster, self.starts.value(of.root))
        });
        let day = traces.first().map_or(0, |t| day_of(self.starts.value(self.all[*t].root)));
        let left = self.tree.column_by_name("nested_left").map(|c| c.as_primitive::<Int32Type>());
        let mut rows: Vec<u32> = Vec::new();
        let mut summary_rows: Vec<Option<u32>> = Vec::new();
        for (summary, trace) in traces.iter().enumerate() {
            let OneTrace { rows: range, root, .. } = &self.all[*trace];
            let first = rows.len();
            rows.extend(range.clone().map(|row| row as u32));
            rows[first..].sort_by_key(|row| left.map_or(0, |left| left.value(*row as usize)));
            summary_rows.extend(
                rows[first..].iter().map(|row| (*row as usize == *root).then_some(summary as u32)),
            );
        }
        Order { day, rows, traces, summary_rows: summary_rows.into() }
    }

    /// The summary columns, a row for each of `traces`.
    fn summaries(&self, traces: &[usize]) -> Result<Vec<ArrayRef>> {
        let all = || traces.iter().map(|trace| &self.all[*trace]);
        let big = |value: fn(&OneTrace) -> i64| -> ArrayRef {
            Arc::new(all().map(value).collect::<Vec<_>>().into_iter().collect::<Int64Array>())
        };
        let depths: Int32Array = all().map(|trace| Some(trace.max_depth)).collect();
        let connected: BooleanArray = all().map(|trace| Some(trace.is_connected)).collect();
        Ok(vec![
            big(|trace| trace.start_ns),
            big(|trace| trace.end_ns),
            big(|trace| trace.span_count),
            big(|trace| trace.error_count),
            self.service_lists(traces)?,
            Arc::new(depths),
            Arc::new(connected),
            big(|trace| trace.orphan_count),
        ])
    }

    /// The services of each trace, sorted.
    fn service_lists(&self, traces: &[usize]) -> Result<ArrayRef> {
        let texts = self.services.values().as_string::<i32>();
        let mut offsets = vec![0_i32];
        let mut codes: Vec<i32> = Vec::new();
        for trace in traces {
            let rows = self.all[*trace].rows.clone();
            let mut of_trace: Vec<i32> = rows.map(|row| self.services.keys().value(row)).collect();
            of_trace.sort_unstable();
            of_trace.dedup();
            of_trace.sort_by_key(|code| texts.value(*code as usize));
            codes.extend(of_trace);
            offsets.push(codes.len() as i32);
        }
        let values = Arc::clone(self.services.values());
        let values = DictionaryArray::try_new(Int32Array::from(codes), values).map_err(arrow)?;
        let item = Arc::new(Field::new("element", values.data_type().clone(), true));
        let offsets = OffsetBuffer::new(offsets.into());
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(values), None).map_err(arrow)?))
    }
}

/// Bytes of a fixed length; zeros if there are too few.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn arrow(error: ArrowError) -> Error {
    Error::Internal(format!("assembling spans: {error}"))
}
