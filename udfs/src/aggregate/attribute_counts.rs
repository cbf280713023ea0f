//! `attribute_counts(is_bad, weight, attributes, ...)`: what attributes two sets of rows have.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Builder, Int64Builder, ListArray, MapArray, StringBuilder,
    StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion_macros::user_doc;
use schema::spans::attribute_map;

use super::argument::Weights;
use super::encoded_groups::{Groups, One, State};
use crate::attribute_counts::{AttributeCounts, Counts};
use crate::encoding::Damaged;

const NAME: &str = "attribute_counts";
/// Positions among the arguments: the weight, and the first attributes.
const WEIGHT: usize = 1;
const ATTRIBUTES: usize = 2;

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns how many bad and good rows have each attribute and each of its values, as a list of structs: `attribute` and `value`, both NULL in the first one, which is about all rows, and `value` NULL where it is about the attribute with any value; `bad` and `good`, the rows by weight; `bad_rows` and `rows`, the bad ones and all as they were kept. Rows may be spans or logs, requests or errors; for traces, of which each counts once however many spans have a value, there is `attribute_traces`.",
    syntax_example = "attribute_counts(is_bad, weight, attributes, ...)",
    sql_example = r#"```sql
> SELECT found['attribute'] AS attribute, found['value'] AS value, found['bad'] AS bad, found['good'] AS good
  FROM (
    SELECT unnest(attribute_counts(duration_ns > 100, 1, attributes)) AS found
    FROM (VALUES (150, MAP {'region': 'eu'}), (90, MAP {'region': 'eu'}), (80, MAP {'region': 'us'}), (70, MAP {'region': 'us'}))
      AS spans(duration_ns, attributes))
  ORDER BY 1 NULLS FIRST, 2 NULLS FIRST;
+-----------+-------+-----+------+
| attribute | value | bad | good |
+-----------+-------+-----+------+
|           |       | 1.0 | 3.0  |
| region    |       | 1.0 | 3.0  |
| region    | eu    | 1.0 | 1.0  |
| region    | us    | 0.0 | 2.0  |
+-----------+-------+-----+------+
```"#,
    argument(name = "is_bad", description = "Whether the row is bad. NULL is good."),
    argument(
        name = "weight",
        description = "How many rows it stands for, such as `sample_weight`, or 1. NULL and 0 count for nothing; a negative weight is an error."
    ),
    argument(
        name = "attributes",
        description = "The attributes of the row, a MAP of texts, or several: `attributes, resource_attributes`. What two of them have counts twice."
    ),
    related_udf(name = "attribute_traces")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CountsOfAttributes {
    signature: Signature,
}

impl Default for CountsOfAttributes {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new("attribute", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, true),
        Field::new("bad", DataType::Float64, false),
        Field::new("good", DataType::Float64, false),
        Field::new("bad_rows", DataType::Int64, false),
        Field::new("rows", DataType::Int64, false),
    ])
});

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(FIELDS.clone()), true))
}

impl AggregateUDFImpl for CountsOfAttributes {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [is_bad, weight, attributes @ ..] = arg_types else {
            return plan_err!("{NAME} takes (is_bad, weight, attributes, ...)");
        };
        let or_null = |is_right: bool, given: &DataType| is_right || *given == DataType::Null;
        if attributes.is_empty() {
            return plan_err!("{NAME} takes (is_bad, weight, attributes, ...)");
        }
        if !or_null(*is_bad == DataType::Boolean, is_bad) {
            return plan_err!("{NAME}: is_bad must be true or false, not {is_bad}");
        }
        if !or_null(weight.is_numeric(), weight) {
            return plan_err!("{NAME}: weight must be a number, not {weight}");
        }
        let is_map = |given: &&DataType| or_null(matches!(given, DataType::Map(..)), given);
        if let Some(given) = attributes.iter().find(|given| !is_map(given)) {
            return plan_err!("{NAME}: attributes must be a MAP, not {given}");
        }
        let attributes = attributes.iter().map(|_| attribute_map());
        Ok([DataType::Boolean, DataType::Float64].into_iter().chain(attributes).collect())
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "counts");
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if acc_args.is_distinct {
            return plan_err!("{NAME} does not take DISTINCT");
        }
        Ok(Box::new(One::<AttributeCounts>::default()))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::<AttributeCounts>::default()))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl State for AttributeCounts {
    const NAME: &'static str = NAME;

    fn add_rows(
        states: &mut [Self],
        arguments: &[ArrayRef],
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let is_bad = arguments[0].as_boolean();
        let weights = Weights::read(NAME, arguments, WEIGHT)?;
        let maps: Vec<&MapArray> = arguments[ATTRIBUTES..].iter().map(|it| it.as_map()).collect();
        for row in 0..is_bad.len() {
            let Some(group) = group_of(row) else { continue };
            let weight = weights.get(row);
            if weight <= 0.0 {
                continue;
            }
            let counts = Counts::of(is_bad.is_valid(row) && is_bad.value(row), weight);
            states[group].add(counts, maps.iter().flat_map(|map| entries(map, row)));
        }
        Ok(())
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        self.encode(bytes);
    }

    fn merge_encoded(&mut self, bytes: &[u8]) -> Result<(), Damaged> {
        self.merge_encoded(bytes)
    }

    fn answers(states: &[Self]) -> Result<ArrayRef> {
        let mut attributes = StringBuilder::new();
        let mut values = StringBuilder::new();
        let (mut bad, mut good) = (Float64Builder::new(), Float64Builder::new());
        let (mut bad_rows, mut rows) = (Int64Builder::new(), Int64Builder::new());
        for finding in states.iter().flat_map(AttributeCounts::findings) {
            attributes.append_option(finding.attribute);
            values.append_option(finding.value);
            bad.append_value(finding.counts.bad);
            good.append_value(finding.counts.good);
            bad_rows.append_value(finding.counts.bad_rows as i64);
            rows.append_value(finding.counts.rows as i64);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(attributes.finish()),
            Arc::new(values.finish()),
            Arc::new(bad.finish()),
            Arc::new(good.finish()),
            Arc::new(bad_rows.finish()),
            Arc::new(rows.finish()),
        ];
        let structs = StructArray::try_new(FIELDS.clone(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(states.iter().map(AttributeCounts::len));
        Ok(Arc::new(ListArray::try_new(item(), offsets, Arc::new(structs), None)?))
    }

    fn heap_size(&self) -> usize {
        self.heap_size()
    }
}

/// Names and values of a row, without those whose value is NULL.
fn entries(maps: &MapArray, row: usize) -> impl Iterator<Item = (&str, &str)> {
    let (names, values) = (maps.keys().as_string::<i32>(), maps.values().as_string::<i32>());
    let offsets = maps.value_offsets();
    let range = match maps.is_valid(row) {
        true => offsets[row] as usize..offsets[row + 1] as usize,
        false => 0..0,
    };
    let valid = range.filter(|entry| values.is_valid(*entry));
    valid.map(|entry| (names.value(entry), values.value(entry)))
}
