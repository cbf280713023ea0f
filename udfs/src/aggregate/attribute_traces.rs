//! `attribute_traces(trace, is_bad, weight, depth, attributes)`: what attributes are in two sets of traces.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Float64Builder, Int64Builder, ListArray, ListBuilder,
    StringBuilder, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion_macros::user_doc;
use schema::spans::attribute_map;

use super::argument::Weights;
use super::encoded_groups::{Groups, One, State};
use crate::attribute_sets::{AttributeSets, Finding, Span};
use crate::encoding::Damaged;

const NAME: &str = "attribute_traces";
/// Position of the weight among the arguments.
const WEIGHT: usize = 2;

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns in how many bad and good traces each attribute and each of its values is, counting a trace once however many spans have it, as a list of structs: `attribute` and `value`, both NULL in the first row, which is about all spans, and `value` NULL where it is about the attribute with any value; `depth`, the least of the spans that have it; `bad_traces` and `good_traces`, by weight; `bad_rows` and `rows`, the bad ones and all as they were kept; `bad_set` and `good_set`, the numbers of the traces as Roaring bitmaps, for `roaring_jaccard` and `roaring_overlaps`; `bad_weights` and `good_weights`, what each of them counts, in the order of their numbers, NULL if each is one. Deprecated names of attributes count as those that took their place. Values of an attribute that has more than one for two traces are left out.",
    syntax_example = "attribute_traces(trace, is_bad, weight, depth, attributes)",
    sql_example = r#"```sql
> SELECT found['attribute'] AS attribute, found['value'] AS value, found['bad_traces'] AS bad, found['good_traces'] AS good
  FROM (
    SELECT unnest(attribute_traces(trace, trace = 1, 1, 0, attributes)) AS found
    FROM (VALUES (1, MAP {'region': 'eu'}), (1, MAP {'region': 'eu'}), (2, MAP {'region': 'us'}), (3, MAP {'region': 'us'}), (4, MAP {'region': 'us'}))
      AS spans(trace, attributes));
+-----------+-------+-----+------+
| attribute | value | bad | good |
+-----------+-------+-----+------+
|           |       | 1.0 | 3.0  |
| region    |       | 1.0 | 3.0  |
| region    | eu    | 1.0 | 0.0  |
| region    | us    | 0.0 | 3.0  |
+-----------+-------+-----+------+
```"#,
    argument(
        name = "trace",
        description = "The number of the trace, from 0 to 4294967295. Numbers without gaps are fastest."
    ),
    argument(
        name = "is_bad",
        description = "Whether the trace is bad. Its first span says so, and its weight."
    ),
    argument(
        name = "weight",
        description = "How many traces it stands for. NULL and 0 count for nothing; a negative weight is an error."
    ),
    argument(name = "depth", description = "The depth of the span; NULL if it is not known."),
    argument(name = "attributes", description = "The attributes of the span, a MAP of texts."),
    related_udf(name = "roaring_jaccard"),
    related_udf(name = "roaring_overlaps")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AttributeTraces {
    signature: Signature,
}

impl Default for AttributeTraces {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new("attribute", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, true),
        Field::new("depth", DataType::Int64, true),
        Field::new("bad_traces", DataType::Float64, false),
        Field::new("good_traces", DataType::Float64, false),
        Field::new("bad_rows", DataType::Int64, false),
        Field::new("rows", DataType::Int64, false),
        Field::new("bad_set", DataType::Binary, false),
        Field::new("good_set", DataType::Binary, false),
        Field::new("bad_weights", weights(), true),
        Field::new("good_weights", weights(), true),
    ])
});

fn weights() -> DataType {
    DataType::new_list(DataType::Float64, true)
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(FIELDS.clone()), true))
}

impl AggregateUDFImpl for AttributeTraces {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [trace, is_bad, weight, depth, attributes] = arg_types else {
            return plan_err!("{NAME} takes (trace, is_bad, weight, depth, attributes)");
        };
        let or_null = |is_right: bool, given: &DataType| is_right || *given == DataType::Null;
        if !trace.is_integer() {
            return plan_err!("{NAME}: trace must be a whole number, not {trace}");
        }
        if !or_null(*is_bad == DataType::Boolean, is_bad) {
            return plan_err!("{NAME}: is_bad must be true or false, not {is_bad}");
        }
        if !or_null(weight.is_numeric(), weight) {
            return plan_err!("{NAME}: weight must be a number, not {weight}");
        }
        if !or_null(depth.is_integer(), depth) {
            return plan_err!("{NAME}: depth must be a whole number, not {depth}");
        }
        if !or_null(matches!(attributes, DataType::Map(..)), attributes) {
            return plan_err!("{NAME}: attributes must be a MAP, not {attributes}");
        }
        Ok(vec![
            DataType::Int64,
            DataType::Boolean,
            DataType::Float64,
            DataType::Int64,
            attribute_map(),
        ])
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "sets");
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn accumulator(&self, acc_args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if acc_args.is_distinct {
            return plan_err!("{NAME} does not take DISTINCT");
        }
        Ok(Box::new(One::<AttributeSets>::default()))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::<AttributeSets>::default()))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl State for AttributeSets {
    const NAME: &'static str = NAME;

    fn add_rows(
        states: &mut [Self],
        arguments: &[ArrayRef],
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let traces = arguments[0].as_primitive::<Int64Type>();
        let is_bad = arguments[1].as_boolean();
        let weights = Weights::read(NAME, arguments, WEIGHT)?;
        let depths = arguments[3].as_primitive::<Int64Type>();
        let maps = arguments[4].as_map();
        let (names, values) = (maps.keys().as_string::<i32>(), maps.values().as_string::<i32>());
        let offsets = maps.value_offsets();
        for row in 0..traces.len() {
            let Some(group) = group_of(row).filter(|_| traces.is_valid(row)) else { continue };
            let trace = u32::try_from(traces.value(row)).map_err(|_| {
                let given = traces.value(row);
                exec_datafusion_err!("{NAME}: trace must be from 0 to 4294967295, not {given}")
            })?;
            let span = Span {
                trace,
                is_bad: is_bad.is_valid(row) && is_bad.value(row),
                weight: weights.get(row),
                depth: depths.is_valid(row).then(|| depths.value(row)),
            };
            let entries = offsets[row] as usize..offsets[row + 1] as usize;
            let entries = entries.filter(|entry| maps.is_valid(row) && values.is_valid(*entry));
            let attributes = entries.map(|entry| (names.value(entry), values.value(entry)));
            states[group].add(span, attributes);
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
        let mut depths = Int64Builder::new();
        let (mut bad, mut good) = (Float64Builder::new(), Float64Builder::new());
        let (mut bad_rows, mut rows) = (Int64Builder::new(), Int64Builder::new());
        let (mut bad_sets, mut good_sets) = (BinaryBuilder::new(), BinaryBuilder::new());
        let mut bad_weights = ListBuilder::new(Float64Builder::new());
        let mut good_weights = ListBuilder::new(Float64Builder::new());
        let (mut lengths, mut bytes) = (Vec::new(), Vec::new());
        for set in states {
            let findings = set.findings();
            lengths.push(findings.len());
            for finding in findings {
                let Finding { attribute, value, depth, .. } = finding;
                attributes.append_option(attribute);
                values.append_option(value);
                depths.append_option(depth);
                bad.append_value(finding.bad);
                good.append_value(finding.good);
                bad_rows.append_value(finding.bad_rows as i64);
                rows.append_value(finding.rows as i64);
                let (bad, good) = (&finding.bad_traces, &finding.good_traces);
                bad_weights.append_option(set.weights(bad).map(|weights| weights.map(Some)));
                good_weights.append_option(set.weights(good).map(|weights| weights.map(Some)));
                for (traces, sets) in [(bad, &mut bad_sets), (good, &mut good_sets)] {
                    bytes.clear();
                    traces.serialize_into(&mut bytes)?;
                    sets.append_value(&bytes);
                }
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(attributes.finish()),
            Arc::new(values.finish()),
            Arc::new(depths.finish()),
            Arc::new(bad.finish()),
            Arc::new(good.finish()),
            Arc::new(bad_rows.finish()),
            Arc::new(rows.finish()),
            Arc::new(bad_sets.finish()),
            Arc::new(good_sets.finish()),
            Arc::new(bad_weights.finish()),
            Arc::new(good_weights.finish()),
        ];
        let structs = StructArray::try_new(FIELDS.clone(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(item(), offsets, Arc::new(structs), None)?))
    }

    fn heap_size(&self) -> usize {
        self.heap_size()
    }
}
