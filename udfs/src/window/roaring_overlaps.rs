//! `roaring_overlaps(label, set, weights) OVER (...)`: what a set has in common with each of those before it.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Float64Builder, Int64Builder, ListArray,
    StructArray, UInt64Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, PartitionEvaluator, Signature, Volatility, WindowUDFImpl,
};
use datafusion_macros::user_doc;
use roaring::RoaringBitmap;

const NAME: &str = "roaring_overlaps";

#[user_doc(
    doc_section(label = "Statistics Functions"),
    description = "Returns an array of structs about the set of this row and those before it in the order of the window: first the row itself, then each row before it that has a set, if this one has one. `label` is what that row is called, `rows` how many members both have in common, and `total` how much these count. Sets are Roaring bitmaps, as `attribute_traces` has them. A frame changes nothing.",
    syntax_example = "roaring_overlaps(label, set, weights) OVER (PARTITION BY group ORDER BY place)",
    sql_example = r#"```sql
> SELECT name, unnest(roaring_overlaps(name, traces, NULL) OVER (ORDER BY name)) AS common
  FROM (
    SELECT found['value'] AS name, found['bad_set'] AS traces
    FROM (
      SELECT unnest(attribute_traces(trace, true, 1, 0, attributes)) AS found
      FROM (VALUES (1, MAP {'region': 'eu'}), (1, MAP {'tier': 'gold'}), (2, MAP {'region': 'eu'}), (2, MAP {'tier': 'gold'}), (3, MAP {'tier': 'gold'}))
        AS spans(trace, attributes)))
  WHERE name IS NOT NULL;
+------+------------------------------------+
| name | common                             |
+------+------------------------------------+
| eu   | {label: eu, rows: 2, total: 2.0}   |
| gold | {label: gold, rows: 3, total: 3.0} |
| gold | {label: eu, rows: 2, total: 2.0}   |
+------+------------------------------------+
```"#,
    argument(name = "label", description = "What the row is called, of any type."),
    argument(name = "set", description = "A set, as BINARY. NULL has nothing in common."),
    argument(
        name = "weights",
        description = "What each member of the set counts, in the order of the members, as an array of numbers. NULL if each counts as one."
    ),
    related_udf(name = "attribute_traces"),
    related_udf(name = "roaring_jaccard")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RoaringOverlaps {
    signature: Signature,
}

impl Default for RoaringOverlaps {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn fields(label: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("label", label.clone(), true),
        Field::new("rows", DataType::Int64, false),
        Field::new("total", DataType::Float64, false),
    ])
}

fn item(label: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(fields(label)), true))
}

impl WindowUDFImpl for RoaringOverlaps {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [label, set, weights] = arg_types else {
            return plan_err!("{NAME} takes (label, set, weights)");
        };
        if !matches!(set, DataType::Null | DataType::Binary) {
            return plan_err!("{NAME}: set must be BINARY, not {set}");
        }
        let is_weights = match weights {
            DataType::List(item) => item.data_type().is_numeric(),
            other => *other == DataType::Null,
        };
        if !is_weights {
            return plan_err!("{NAME}: weights must be an array of numbers, not {weights}");
        }
        Ok(vec![label.clone(), DataType::Binary, DataType::new_list(DataType::Float64, true)])
    }

    fn field(&self, field_args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let Some(label) = field_args.input_fields().first() else {
            return plan_err!("{NAME} takes (label, set, weights)");
        };
        let list = DataType::List(item(label.data_type()));
        Ok(Arc::new(Field::new(field_args.name(), list, false)))
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        if args.ignore_nulls() {
            return plan_err!("{NAME} does not take IGNORE NULLS");
        }
        Ok(Box::new(WholePartition))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Evaluates all rows of a partition.
#[derive(Debug)]
struct WholePartition;

impl PartitionEvaluator for WholePartition {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let (labels, sets, weights) = (&values[0], values[1].as_binary(), values[2].as_list());
        let sets: Vec<Option<WeightedSet>> = (0..num_rows)
            .map(|row| WeightedSet::read(sets, weights, row))
            .collect::<Result<_>>()?;
        let (mut other_rows, mut lengths) = (Vec::new(), Vec::with_capacity(num_rows));
        let (mut rows, mut totals) = (Int64Builder::new(), Float64Builder::new());
        for (row, set) in sets.iter().enumerate() {
            let before = other_rows.len();
            let mut add = |other: usize, common: &RoaringBitmap, total: f64| {
                other_rows.push(other as u64);
                rows.append_value(common.len() as i64);
                totals.append_value(total);
            };
            match set {
                None => add(row, &RoaringBitmap::new(), 0.0),
                Some(set) => {
                    add(row, &set.members, set.total(&set.members));
                    for (other, with) in sets[..row].iter().enumerate() {
                        let Some(with) = with else { continue };
                        let common = &set.members & &with.members;
                        add(other, &common, set.total(&common));
                    }
                }
            }
            lengths.push(other_rows.len() - before);
        }
        let labels = take(labels, &UInt64Array::from(other_rows), None)?;
        let fields = fields(labels.data_type());
        let item = item(labels.data_type());
        let columns: Vec<ArrayRef> =
            vec![labels, Arc::new(rows.finish()), Arc::new(totals.finish())];
        let structs = StructArray::try_new(fields, columns, None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(structs), None)?))
    }
}

/// A set whose members may count for more or less than one.
struct WeightedSet {
    members: RoaringBitmap,
    /// By the place of a member in their order.
    weights: Option<Float64Array>,
}

impl WeightedSet {
    fn read(sets: &BinaryArray, weights: &ListArray, row: usize) -> Result<Option<Self>> {
        if sets.is_null(row) {
            return Ok(None);
        }
        let members = RoaringBitmap::deserialize_from(sets.value(row)).map_err(|_| {
            exec_datafusion_err!("{NAME}: not a Roaring bitmap in the portable format")
        })?;
        let weights =
            weights.is_valid(row).then(|| weights.value(row).as_primitive::<Float64Type>().clone());
        if let Some(weights) = &weights
            && (weights.len() as u64 != members.len() || weights.null_count() > 0)
        {
            let (weights, members) = (weights.len() - weights.null_count(), members.len());
            return exec_err!("{NAME}: {weights} weights for a set of {members}");
        }
        Ok(Some(Self { members, weights }))
    }

    /// What `some` of its members count.
    fn total(&self, some: &RoaringBitmap) -> f64 {
        let Some(weights) = &self.weights else { return some.len() as f64 };
        let mut places = self.members.iter().enumerate();
        let weight = |member| {
            let (place, _) = places.find(|(_, one)| *one == member)?;
            Some(weights.value(place))
        };
        some.iter().filter_map(weight).sum()
    }
}
