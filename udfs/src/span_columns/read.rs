//! From Arrow arrays to the columns of the kernel.

use std::ops::Range;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, UInt64Type};
use datafusion::common::{Result, exec_err};
use xxhash_rust::xxh3::xxh3_64;

use super::accept::{
    ARGUMENTS, DURATION, FLAGS, INSTANCE, PARENT_SPAN_ID, REQUIRED_ARGUMENTS, SERVICE_NAME,
    SPAN_ID, SPAN_KIND, SPAN_NAME, START_TIME, STATUS_CODE,
};
use super::ids;
use super::texts::Texts;
use crate::tree::{Kind, Trace};

/// The OTLP number of the error status.
const STATUS_ERROR: i64 = 2;

/// Spans in the form of the kernel.
#[derive(Debug, Default)]
pub(super) struct Spans {
    span_id: Vec<u64>,
    parent_id: Vec<u64>,
    start_ns: Vec<i64>,
    end_ns: Vec<i64>,
    kind: Vec<Kind>,
    is_error: Vec<bool>,
    service: Vec<u64>,
    name: Vec<u64>,
    flags: Option<Vec<u32>>,
    instance: Option<Vec<u64>>,
}

impl Spans {
    pub(super) fn len(&self) -> usize {
        self.span_id.len()
    }

    /// Replaces the content by that of `arguments`.
    pub(super) fn read(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        self.clear();
        self.append_facts(arguments)?;
        let (span, parent) = (&arguments[SPAN_ID], &arguments[PARENT_SPAN_ID]);
        ids::read(span, parent, &mut self.span_id, &mut self.parent_id)?;
        read_hashes(&arguments[SERVICE_NAME], &mut self.service)?;
        read_hashes(&arguments[SPAN_NAME], &mut self.name)
    }

    /// Removes all spans and keeps the memory.
    pub(super) fn clear(&mut self) {
        for column in [&mut self.span_id, &mut self.parent_id, &mut self.service, &mut self.name] {
            column.clear();
        }
        self.start_ns.clear();
        self.end_ns.clear();
        self.kind.clear();
        self.is_error.clear();
        self.flags = None;
        self.instance = None;
    }

    /// Leaves only the first spans.
    pub(super) fn truncate(&mut self, spans: usize) {
        let ids = [&mut self.span_id, &mut self.parent_id, &mut self.service, &mut self.name];
        ids.into_iter().chain(&mut self.instance).for_each(|column| column.truncate(spans));
        self.start_ns.truncate(spans);
        self.end_ns.truncate(spans);
        self.kind.truncate(spans);
        self.is_error.truncate(spans);
        self.flags.iter_mut().for_each(|flags| flags.truncate(spans));
    }

    /// Appends what does not need the whole of a trace to be read: all but ids and names.
    pub(super) fn append_facts(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let is_sound = (REQUIRED_ARGUMENTS..=ARGUMENTS.len()).contains(&arguments.len())
            && arguments.iter().all(|column| column.len() == arguments[0].len());
        if !is_sound {
            return exec_err!("span columns differ in length, or are not 8 to 10");
        }
        let first = self.start_ns.len();
        read_starts(&arguments[START_TIME], &mut self.start_ns)?;
        read_ends(&arguments[DURATION], &self.start_ns[first..], &mut self.end_ns)?;
        read_kinds(&arguments[SPAN_KIND], &mut self.kind)?;
        read_errors(&arguments[STATUS_CODE], &mut self.is_error)?;
        if let Some(column) = arguments.get(FLAGS) {
            read_flags(column, self.flags.get_or_insert_default())?;
        }
        if let Some(column) = arguments.get(INSTANCE) {
            read_instances(column, self.instance.get_or_insert_default())?;
        }
        Ok(())
    }

    /// Appends ids if all have a usual form; false if one has not, and then no ids of this struct can be used.
    pub(super) fn append_usual_ids(&mut self, span: &ArrayRef, parent: &ArrayRef) -> Result<bool> {
        ids::append_usual(span, parent, &mut self.span_id, &mut self.parent_id)
    }

    /// Replaces ids of any form.
    pub(super) fn read_ids(&mut self, span: &ArrayRef, parent: &ArrayRef) -> Result<()> {
        ids::read(span, parent, &mut self.span_id, &mut self.parent_id)
    }

    /// Appends ids of some rows of `other`.
    pub(super) fn gather_ids(&mut self, other: &Spans, rows: &[u32]) {
        pick(&mut self.span_id, &other.span_id, rows);
        pick(&mut self.parent_id, &other.parent_id, rows);
    }

    /// Appends some rows of `other`, all but ids and names.
    pub(super) fn gather_facts(&mut self, other: &Spans, rows: &[u32]) {
        pick(&mut self.start_ns, &other.start_ns, rows);
        pick(&mut self.end_ns, &other.end_ns, rows);
        pick(&mut self.kind, &other.kind, rows);
        pick(&mut self.is_error, &other.is_error, rows);
        if let Some(flags) = &other.flags {
            pick(self.flags.get_or_insert_default(), flags, rows);
        }
        if let Some(instance) = &other.instance {
            pick(self.instance.get_or_insert_default(), instance, rows);
        }
    }

    /// Appends hashes of names.
    pub(super) fn append_names(
        &mut self,
        services: impl IntoIterator<Item = u64>,
        names: impl IntoIterator<Item = u64>,
    ) {
        self.service.extend(services);
        self.name.extend(names);
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let ids = [&self.span_id, &self.parent_id, &self.service, &self.name];
        ids.into_iter().chain(&self.instance).map(|ids| 8 * ids.capacity()).sum::<usize>()
            + 8 * (self.start_ns.capacity() + self.end_ns.capacity())
            + self.kind.capacity()
            + self.is_error.capacity()
            + self.flags.as_ref().map_or(0, |flags| 4 * flags.capacity())
    }

    /// The rows of one trace.
    pub(super) fn trace(&self, rows: Range<usize>) -> Trace<'_> {
        Trace {
            span_id: &self.span_id[rows.clone()],
            parent_id: &self.parent_id[rows.clone()],
            start_ns: &self.start_ns[rows.clone()],
            end_ns: &self.end_ns[rows.clone()],
            kind: &self.kind[rows.clone()],
            is_error: &self.is_error[rows.clone()],
            service: &self.service[rows.clone()],
            name: &self.name[rows.clone()],
            flags: self.flags.as_ref().map(|flags| &flags[rows.clone()]),
            instance: self.instance.as_ref().map(|instance| &instance[rows]),
        }
    }
}

fn read_starts(column: &ArrayRef, starts: &mut Vec<i64>) -> Result<()> {
    if column.null_count() > 0 {
        return exec_err!("start_time is NULL in a span; leave such rows out");
    }
    let unit = match column.data_type() {
        DataType::Timestamp(unit, _) => nanoseconds(*unit),
        _ => 1,
    };
    let times = integers(column)?;
    let times = times.as_primitive::<Int64Type>().values();
    starts.extend(times.iter().map(|time| time.saturating_mul(unit)));
    Ok(())
}

fn read_ends(column: &ArrayRef, starts: &[i64], ends: &mut Vec<i64>) -> Result<()> {
    let unit = match column.data_type() {
        DataType::Duration(unit) => nanoseconds(*unit),
        _ => 1,
    };
    let durations = integers(column)?;
    let durations = durations.as_primitive::<Int64Type>().iter();
    ends.extend(durations.zip(starts).map(|(duration, start)| {
        let duration = duration.unwrap_or(0).saturating_mul(unit).max(0);
        start.saturating_add(duration)
    }));
    Ok(())
}

fn nanoseconds(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Any integer, time or duration as `Int64`; unsigned numbers stop at the end of
/// the range.
fn integers(column: &ArrayRef) -> Result<ArrayRef> {
    if *column.data_type() == DataType::UInt64 {
        let clip = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let clipped = column.as_primitive::<UInt64Type>().unary::<_, Int64Type>(clip);
        return Ok(std::sync::Arc::new(clipped));
    }
    Ok(cast(column, &DataType::Int64)?)
}

fn read_kinds(column: &ArrayRef, kinds: &mut Vec<Kind>) -> Result<()> {
    if column.data_type().is_integer() {
        let numbers = integers(column)?;
        let numbers = numbers.as_primitive::<Int64Type>().iter();
        kinds.extend(numbers.map(|number| number.map_or(Kind::Unspecified, Kind::from_otlp)));
        return Ok(());
    }
    let texts = Texts::try_new(column)?;
    texts.for_each(|text| kinds.push(text.map_or(Kind::Unspecified, Kind::from_text)));
    Ok(())
}

fn read_errors(column: &ArrayRef, errors: &mut Vec<bool>) -> Result<()> {
    if *column.data_type() == DataType::Boolean {
        errors.extend(column.as_boolean().iter().map(Option::unwrap_or_default));
        return Ok(());
    }
    if column.data_type().is_integer() {
        let numbers = integers(column)?;
        let numbers = numbers.as_primitive::<Int64Type>().iter();
        errors.extend(numbers.map(|number| number == Some(STATUS_ERROR)));
        return Ok(());
    }
    Texts::try_new(column)?.for_each(|text| errors.push(text.is_some_and(is_error)));
    Ok(())
}

fn is_error(status: &[u8]) -> bool {
    status.eq_ignore_ascii_case(b"error") || status.eq_ignore_ascii_case(b"STATUS_CODE_ERROR")
}

/// Hashes of texts; NULL counts as empty.
fn read_hashes(column: &ArrayRef, hashes: &mut Vec<u64>) -> Result<()> {
    Texts::try_new(column)?.for_each(|text| hashes.push(xxh3_64(text.unwrap_or_default())));
    Ok(())
}

fn read_flags(column: &ArrayRef, flags: &mut Vec<u32>) -> Result<()> {
    let numbers = integers(column)?;
    let low_bits = |number: Option<i64>| number.unwrap_or_default() as u32;
    flags.extend(numbers.as_primitive::<Int64Type>().iter().map(low_bits));
    Ok(())
}

/// Hashes of instance ids; 0 where there is none.
fn read_instances(column: &ArrayRef, instances: &mut Vec<u64>) -> Result<()> {
    let hash = |text: Option<&[u8]>| text.filter(|text| !text.is_empty()).map_or(0, xxh3_64);
    Texts::try_new(column)?.for_each(|text| instances.push(hash(text)));
    Ok(())
}

fn pick<T: Copy>(picked: &mut Vec<T>, from: &[T], rows: &[u32]) {
    picked.extend(rows.iter().map(|row| from[*row as usize]));
}
