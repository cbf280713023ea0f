//! One value as text, the same in every text format: times in RFC 3339 with nine
//! digits, bytes in hex, lists and maps and structs as JSON.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, FieldRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;
use arrow::json::writer::{NullableEncoder, make_encoder};
use arrow::json::{Encoder, EncoderFactory, EncoderOptions};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, SecondsFormat};

/// How values become JSON: as arrow does it, but for times.
pub(super) static JSON_OPTIONS: LazyLock<EncoderOptions> = LazyLock::new(|| {
    EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(Arc::new(TimesInJson))
});

static PLAIN_OPTIONS: FormatOptions<'static> = FormatOptions::new();

/// The values of one column, to be written one by one.
pub(super) struct Cells<'a> {
    nulls: Option<NullBuffer>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Times(Times),
    Nested(NullableEncoder<'a>),
    Plain(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    /// The cells of `array`.
    pub(super) fn try_new(field: &'a FieldRef, array: &'a dyn Array) -> Result<Self, ArrowError> {
        let plain = || ArrayFormatter::try_new(array, &PLAIN_OPTIONS).map(Kind::Plain);
        let kind = match Times::of(array) {
            Some(times) => Kind::Times(times),
            // JSON has no maps with keys other than text; arrow's own form has.
            None if array.data_type().is_nested() => {
                match make_encoder(field, array, &JSON_OPTIONS) {
                    Ok(encoder) => Kind::Nested(encoder),
                    Err(_) => plain()?,
                }
            }
            None => plain()?,
        };
        Ok(Self { nulls: array.logical_nulls(), kind })
    }

    /// Appends the text of one value to `out`; false if it is NULL.
    pub(super) fn append(&mut self, row: usize, out: &mut String) -> bool {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return false;
        }
        match &mut self.kind {
            Kind::Times(times) => times.append(row, out),
            Kind::Nested(encoder) => {
                let mut json = Vec::new();
                encoder.encode(row, &mut json);
                out.push_str(&String::from_utf8_lossy(&json));
            }
            Kind::Plain(formatter) => {
                // Writing to a String cannot fail, and a value without a text says so in its place.
                let _ = write!(out, "{}", formatter.value(row));
            }
        }
        true
    }
}

/// Timestamps of any unit.
struct Times {
    values: ScalarBuffer<i64>,
    unit: TimeUnit,
    has_zone: bool,
}

impl Times {
    fn of(array: &dyn Array) -> Option<Self> {
        let DataType::Timestamp(unit, zone) = array.data_type() else { return None };
        let values = match unit {
            TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
            TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
            TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
            TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
        };
        Some(Self { values: values.clone(), unit: *unit, has_zone: zone.is_some() })
    }

    fn append(&self, row: usize, out: &mut String) {
        let value = self.values[row];
        let time = match self.unit {
            TimeUnit::Second => DateTime::from_timestamp(value, 0),
            TimeUnit::Millisecond => DateTime::from_timestamp_millis(value),
            TimeUnit::Microsecond => DateTime::from_timestamp_micros(value),
            TimeUnit::Nanosecond => Some(DateTime::from_timestamp_nanos(value)),
        };
        match time {
            Some(time) => {
                let text = time.to_rfc3339_opts(SecondsFormat::Nanos, true);
                // A time without a zone is not known to be UTC.
                out.push_str(if self.has_zone { &text } else { text.trim_end_matches('Z') });
            }
            // No calendar reaches that far; the number is the truth.
            None => out.push_str(&value.to_string()),
        }
    }
}

impl Encoder for Times {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let mut text = String::new();
        self.append(row, &mut text);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// Writes times in JSON, at any depth, as [`Times`] does.
#[derive(Debug)]
struct TimesInJson;

impl EncoderFactory for TimesInJson {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let nulls = array.nulls().cloned();
        Ok(Times::of(array).map(|times| NullableEncoder::new(Box::new(times), nulls)))
    }
}
