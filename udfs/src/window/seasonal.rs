//! `seasonal_median(...)` and `seasonal_rate(...)`: what a series usually is at that time of the week.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Builder, Int64Builder, StringBuilder, StructArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Float64Type, Int64Type, IntervalMonthDayNanoType,
    IntervalUnit, TimeUnit, TimestampNanosecondType, UInt32Type,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    DocSection, Documentation, PartitionEvaluator, Signature, Volatility, WindowUDFImpl,
};

use crate::seasonal::{self, Calendar, Expected, Rate, Source};

const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;
const WEEK_NS: i64 = 7 * DAY_NS;
/// More weeks are another time, and more work.
const MOST_WEEKS: i64 = 53;
const USUAL_WEEKS: i64 = 6;

/// What a series is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Median,
    Rate,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Median => "seasonal_median",
            Self::Rate => "seasonal_rate",
        }
    }

    /// The numbers of a row, between its time and the step.
    fn numbers(self) -> &'static [&'static str] {
        match self {
            Self::Median => &["value"],
            Self::Rate => &["errors", "calls"],
        }
    }
}

/// The type of the result: see `points` and the rest in the documentation.
static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new("expected", DataType::Float64, true),
        Field::new("deviation", DataType::Float64, true),
        Field::new("typical_deviation", DataType::Float64, true),
        Field::new("points", DataType::Int64, true),
        Field::new("source", DataType::Utf8, true),
    ])
});

pub(super) fn all() -> impl Iterator<Item = Seasonal> {
    [Kind::Median, Kind::Rate].into_iter().map(|kind| Seasonal {
        kind,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: document(kind),
    })
}

/// One of the two functions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Seasonal {
    kind: Kind,
    signature: Signature,
    documentation: Documentation,
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn is_time(given: &DataType) -> bool {
    matches!(given, DataType::Timestamp(..) | DataType::Null)
}

impl WindowUDFImpl for Seasonal {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.kind.name();
        let numbers = self.kind.numbers();
        let (fewest, most) = (numbers.len() + 2, numbers.len() + 4);
        if !(fewest..=most).contains(&arg_types.len()) {
            let numbers = numbers.join(", ");
            return plan_err!("{name} takes (time, {numbers}, step [, weeks [, frozen]])");
        }
        let (time, rest) = (&arg_types[0], &arg_types[1..]);
        if !is_time(time) {
            return plan_err!("{name}: time must be a timestamp, not {time}");
        }
        let mut types = vec![utc()];
        for (number, given) in numbers.iter().zip(rest) {
            if !(given.is_numeric() || *given == DataType::Null) {
                return plan_err!("{name}: {number} must be a number, not {given}");
            }
            types.push(DataType::Float64);
        }
        let rest = &rest[numbers.len()..];
        if !matches!(rest[0], DataType::Interval(_)) {
            return plan_err!("{name}: step must be an INTERVAL, not {}", rest[0]);
        }
        types.push(DataType::Interval(IntervalUnit::MonthDayNano));
        if let Some(weeks) = rest.get(1) {
            if !weeks.is_integer() {
                return plan_err!("{name}: weeks must be a whole number, not {weeks}");
            }
            types.push(DataType::Int64);
        }
        if let Some(frozen) = rest.get(2) {
            if !is_time(frozen) {
                return plan_err!("{name}: frozen must be a timestamp, not {frozen}");
            }
            types.push(utc());
        }
        Ok(types)
    }

    fn field(&self, field_args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(field_args.name(), DataType::Struct(FIELDS.clone()), true)))
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        if args.ignore_nulls() {
            return plan_err!("{} does not take IGNORE NULLS", self.kind.name());
        }
        Ok(Box::new(WholeSeries { kind: self.kind }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Evaluates one series.
#[derive(Debug)]
struct WholeSeries {
    kind: Kind,
}

impl PartitionEvaluator for WholeSeries {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let name = self.kind.name();
        let constants = &values[1 + self.kind.numbers().len()..];
        let step = step_ns(name, &constants[0])?;
        let calendar = calendar(name, step, &constants[1..])?;
        let times = values[0].as_primitive::<TimestampNanosecondType>();
        if times.null_count() > 0 {
            return exec_err!("{name}: time must not be NULL");
        }
        // In order of time, whatever the window says.
        let mut order: Vec<u32> = (0..u32::try_from(num_rows).unwrap_or(u32::MAX)).collect();
        order.sort_by_key(|row| times.value(*row as usize));
        let buckets: Vec<i64> =
            order.iter().map(|row| times.value(*row as usize).div_euclid(step)).collect();
        let number = |column: usize, row: u32| {
            let column = values[column].as_primitive::<Float64Type>();
            let row = row as usize;
            (column.is_valid(row) && column.value(row).is_finite()).then(|| column.value(row))
        };
        let expected = match self.kind {
            Kind::Median => {
                let values: Vec<_> = order.iter().map(|row| number(1, *row)).collect();
                seasonal::values(&buckets, &values, &calendar)
            }
            Kind::Rate => {
                let rate = |row: &u32| {
                    let (errors, calls) = (number(1, *row)?, number(2, *row)?);
                    Some(Rate { errors: errors.clamp(0.0, calls.max(0.0)), calls: calls.max(0.0) })
                };
                let rates: Vec<_> = order.iter().map(rate).collect();
                seasonal::rates(&buckets, &rates, &calendar)
            }
        };
        let mut places = vec![0; num_rows];
        for (place, row) in (0..).zip(&order) {
            places[*row as usize] = place;
        }
        let places = datafusion::arrow::array::PrimitiveArray::<UInt32Type>::from(places);
        Ok(take(&column(&expected)?, &places, None)?)
    }
}

fn step_ns(name: &str, step: &ArrayRef) -> Result<i64> {
    let step = step.as_primitive::<IntervalMonthDayNanoType>();
    let given = (step.is_valid(0)).then(|| step.value(0)).filter(|step| step.months == 0);
    let ns = given.and_then(|step| {
        i64::from(step.days).checked_mul(DAY_NS).and_then(|days| days.checked_add(step.nanoseconds))
    });
    match ns {
        Some(ns) if ns > 0 && WEEK_NS % ns == 0 => Ok(ns),
        _ => exec_err!("{name}: step must divide a week, as INTERVAL '1 hour' or '5 minutes' do"),
    }
}

fn calendar(name: &str, step: i64, more: &[ArrayRef]) -> Result<Calendar> {
    let weeks = match more.first() {
        Some(weeks) => weeks.as_primitive::<Int64Type>(),
        None => &vec![USUAL_WEEKS].into(),
    };
    let weeks = weeks.is_valid(0).then(|| weeks.value(0));
    let Some(weeks) = weeks.filter(|weeks| (1..=MOST_WEEKS).contains(weeks)) else {
        return exec_err!("{name}: weeks must be from 1 to {MOST_WEEKS}");
    };
    let frozen = more.get(1).map(|frozen| frozen.as_primitive::<TimestampNanosecondType>());
    let frozen = frozen.filter(|frozen| frozen.is_valid(0)).map(|frozen| frozen.value(0));
    Ok(Calendar {
        week: WEEK_NS / step,
        day: (DAY_NS / step).max(1),
        hour: (HOUR_NS / step).max(1),
        weeks,
        frozen: frozen.map(|frozen| frozen.div_euclid(step)),
    })
}

fn column(expected: &[Option<Expected>]) -> Result<StructArray> {
    let mut value = Float64Builder::new();
    let mut deviation = Float64Builder::new();
    let mut typical = Float64Builder::new();
    let mut points = Int64Builder::new();
    let mut source = StringBuilder::new();
    for expected in expected {
        value.append_option(expected.map(|expected| expected.value));
        deviation.append_option(expected.and_then(|expected| expected.deviation));
        typical.append_option(expected.and_then(|expected| expected.typical_deviation));
        let count = expected.and_then(|expected| i64::try_from(expected.points).ok());
        points.append_option(count);
        source.append_option(expected.map(|expected| match expected.source {
            Source::HourOfWeek => "hour of week",
            Source::LastDay => "last 24 hours",
        }));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(value.finish()),
        Arc::new(deviation.finish()),
        Arc::new(typical.finish()),
        Arc::new(points.finish()),
        Arc::new(source.finish()),
    ];
    let is_known: NullBuffer = expected.iter().map(Option::is_some).collect::<Vec<_>>().into();
    Ok(StructArray::try_new(FIELDS.clone(), columns, Some(is_known))?)
}

fn document(kind: Kind) -> Documentation {
    let name = kind.name();
    let numbers = kind.numbers().join(", ");
    let description = match kind {
        Kind::Median => {
            "Returns what is expected of each value of a series, from those of the same hour of the week \
             (or other step) in the weeks before and the mean of their neighbours, as a struct: `expected`, \
             their median, times the trend of the last 24 hours (0.5 to 2); `deviation`, their median absolute \
             deviation over 0.6745, or 1.253314 times the mean one if that is 0; `typical_deviation`, that \
             of the series as a whole: of all hours, relative to what they are, or of the largest distance of nine \
             days of ten over 3.5, whichever is more; `points`, how many values that is from; \
             `source`. Values that are unusual for their hour of the week, in all weeks, do not count. \
             With fewer than 4 values it is from the last 24 hours, if these have 12 values and reach back \
             for 12 hours; else it is NULL. The window is one series (PARTITION BY what tells series apart) \
             and is always taken as a whole: an ORDER BY or a frame changes nothing."
        }
        Kind::Rate => {
            "Returns what rate of errors is expected in each row of a series, from the calls at the same hour of \
             the week (or other step) in the weeks before and at its neighbours, as a struct: `expected`, \
             (errors + 0.5) / (calls + 1), but not less than that of the whole series; `points`, of how many \
             rows it is; `source`; the other fields are NULL. Rows whose rate is unusual do not count. With \
             fewer than 4 rows it is from the last 24 hours, if these have 12 rows; else it is NULL. The \
             window is one series (PARTITION BY what tells series apart) and is always taken as a whole: an \
             ORDER BY or a frame changes nothing."
        }
    };
    let example = match kind {
        Kind::Median => {
            "```sql\n> SELECT week, value, s['expected'] AS expected, round(s['deviation'], 3) AS deviation, s['points'] AS points\n  FROM (\n    SELECT week, value,\n      seasonal_median(TIMESTAMP '2026-01-06 10:00:00' + arrow_cast(week * 604800, 'Duration(Second)'), value, INTERVAL '1 hour') OVER () AS s\n    FROM (VALUES (0, 210), (1, 205), (2, 220), (3, 198), (4, 215), (5, 212), (6, 250)) AS t(week, value))\n  WHERE week >= 5 ORDER BY week;\n+------+-------+----------+-----------+--------+\n| week | value | expected | deviation | points |\n+------+-------+----------+-----------+--------+\n| 5    | 212   | 210.0    | 7.413     | 5      |\n| 6    | 250   | 211.0    | 7.413     | 6      |\n+------+-------+----------+-----------+--------+\n```"
        }
        Kind::Rate => {
            "```sql\n> SELECT week, s['expected'] AS expected, s['points'] AS points\n  FROM (\n    SELECT week,\n      seasonal_rate(TIMESTAMP '2026-01-06 10:00:00' + arrow_cast(week * 604800, 'Duration(Second)'), errors, 100, INTERVAL '1 hour') OVER () AS s\n    FROM (VALUES (0, 1), (1, 0), (2, 1), (3, 1), (4, 30)) AS t(week, errors))\n  WHERE week = 4;\n+------+----------------------+--------+\n| week | expected             | points |\n+------+----------------------+--------+\n| 4    | 0.008728179551122194 | 4      |\n+------+----------------------+--------+\n```"
        }
    };
    let section = DocSection { label: "Statistics Functions", ..DocSection::default() };
    let syntax =
        format!("{name}(time, {numbers}, step [, weeks [, frozen]]) OVER (PARTITION BY series)");
    let mut documentation = Documentation::builder(section, description, syntax)
        .with_sql_example(example)
        .with_argument("time", "A timestamp: that of the row's bucket. Not NULL.");
    documentation = match kind {
        Kind::Median => documentation.with_argument("value", "A number; NULL if there is none."),
        Kind::Rate => documentation
            .with_argument("errors", "How many calls failed, a number.")
            .with_argument("calls", "How many there were, a number."),
    };
    documentation
        .with_argument(
            "step",
            "A constant INTERVAL that divides a week: how far buckets are from each other.",
        )
        .with_argument("weeks", "How many weeks to look back, 1 to 53; 6 if not given.")
        .with_argument(
            "frozen",
            "A timestamp after which the trend stays what it was: to see for how long something lasts that would \
             become the trend.",
        )
        .with_related_udf(match kind {
            Kind::Median => "seasonal_rate",
            Kind::Rate => "seasonal_median",
        })
        .with_related_udf("binomial_tail")
        .build()
}
