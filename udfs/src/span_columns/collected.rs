//! Spans of many traces in the order in which they come, batch by batch, and their
//! tree columns in the same order.
//!
//! A row is read once into the narrow form of the kernel. Nothing wide is sorted or
//! copied: the kernel gets the rows of some traces at a time, and its answers go to
//! where the rows came from.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, StructArray};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::Fields;
use datafusion::common::{Result, exec_err, internal_err};
use schema::tree::{CRITICAL_PATH_NS, SELF_TIME_NS};

use super::accept::{PARENT_SPAN_ID, SERVICE_NAME, SPAN_ID, SPAN_NAME};
use super::output::{Values, values};
use super::read::Spans;
use super::text_numbers::{NULL, TextNumbers};
use crate::tree::{MAX_SPANS, NO_PARENT, Steps, Tree, TreeBuilder};

/// Spans in the form of the kernel, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct CollectedSpans {
    /// Without names.
    spans: Spans,
    service: Vec<u32>,
    name: Vec<u32>,
    texts: TextNumbers,
    /// Span and parent ids of each batch as they came, in case that some have an unusual form.
    ids: [Vec<ArrayRef>; 2],
    /// The row after each batch.
    batch_ends: Vec<usize>,
    has_unusual_ids: bool,
}

impl CollectedSpans {
    /// Appends the spans of a batch. `arguments` are as for [`super::TreeColumns::compute`].
    pub(crate) fn append(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let (Some(service), Some(name)) = (arguments.get(SERVICE_NAME), arguments.get(SPAN_NAME))
        else {
            return internal_err!("span columns are not 8 to 10");
        };
        let (span, parent) = (&arguments[SPAN_ID], &arguments[PARENT_SPAN_ID]);
        self.spans.append_facts(arguments)?;
        if !self.has_unusual_ids {
            self.has_unusual_ids = !self.spans.append_usual_ids(span, parent)?;
        }
        for (kept, column) in self.ids.iter_mut().zip([span, parent]) {
            kept.push(Arc::clone(column));
        }
        self.texts.append(service, &mut self.service)?;
        self.texts.append(name, &mut self.name)?;
        self.batch_ends.push(self.len());
        Ok(())
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.service.len()
    }

    /// Leaves only the first rows.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.spans.truncate(rows);
        self.service.truncate(rows);
        self.name.truncate(rows);
        let batches = self.batch_ends.partition_point(|end| *end < rows) + 1;
        self.batch_ends.truncate(batches);
        self.ids.iter_mut().for_each(|ids| ids.truncate(batches));
    }

    /// Bytes of memory, without the arrays that were given.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.spans.memory_bytes()
            + 4 * (self.service.capacity() + self.name.capacity())
            + self.texts.memory_bytes()
    }

    /// The ids of some rows, whatever their form.
    fn read_ids(&self, rows: &[u32], chunk: &mut Spans) -> Result<()> {
        if !self.has_unusual_ids {
            chunk.gather_ids(&self.spans, rows);
            return Ok(());
        }
        let place = |row: &u32| {
            let batch = self.batch_ends.partition_point(|end| *end <= *row as usize);
            let first = batch.checked_sub(1).map_or(0, |before| self.batch_ends[before]);
            (batch, *row as usize - first)
        };
        let places: Vec<(usize, usize)> = rows.iter().map(place).collect();
        let gather = |batches: &Vec<ArrayRef>| {
            let batches: Vec<_> = batches.iter().map(|ids| ids.as_ref()).collect();
            interleave(&batches, &places)
        };
        chunk.read_ids(&gather(&self.ids[0])?, &gather(&self.ids[1])?)
    }
}

/// Values of one tree column, by row.
#[derive(Debug)]
enum Column {
    Small(Vec<i32>),
    Big(Vec<i64>),
    Flag(Vec<bool>),
    /// Numbers of texts.
    Text(Vec<u32>),
}

/// Tree columns of collected spans, while and after they are computed.
#[derive(Debug)]
pub(crate) struct TreeValues {
    /// Some of the tree columns.
    fields: Fields,
    columns: Vec<Column>,
    builder: TreeBuilder,
    // Of the traces that are computed at the moment.
    chunk: Spans,
    tree: Tree,
    /// The row of the primary root, for each row.
    roots: Vec<u32>,
}

impl TreeValues {
    /// Room for the tree columns `fields` of as many rows as `spans` has.
    pub(crate) fn try_new(fields: &Fields, spans: &CollectedSpans) -> Result<Self> {
        let nothing = Tree::default();
        let column = |name: &str| {
            Ok(match values(&nothing, name)? {
                Values::Small(_) => Column::Small(vec![0; spans.len()]),
                Values::Big(_) => Column::Big(vec![0; spans.len()]),
                Values::Flag(_) => Column::Flag(vec![false; spans.len()]),
                _ => Column::Text(vec![NULL; spans.len()]),
            })
        };
        let has = |name: &str| fields.iter().any(|field| field.name() == name);
        let steps = Steps {
            self_time: has(SELF_TIME_NS),
            critical_path: has(CRITICAL_PATH_NS),
            shape: has("shape"),
        };
        Ok(Self {
            fields: fields.clone(),
            columns: fields.iter().map(|field| column(field.name())).collect::<Result<_>>()?,
            builder: TreeBuilder::default().with_steps(steps),
            chunk: Spans::default(),
            tree: Tree::default(),
            roots: Vec::new(),
        })
    }

    /// Bytes of memory that the values of one row take.
    pub(crate) fn row_bytes(fields: &Fields) -> usize {
        let width = |field: &str| match values(&Tree::default(), field) {
            Ok(Values::Big(_)) => 8,
            Ok(Values::Flag(_)) => 1,
            _ => 4,
        };
        fields.iter().map(|field| width(field.name())).sum()
    }

    /// Computes some whole traces. `rows` are those of the traces, one trace after the other, each of which
    /// ends where `ends` says, counted from the first.
    ///
    /// # Errors
    ///
    /// If a trace has more than [`MAX_SPANS`] spans.
    pub(crate) fn compute(
        &mut self,
        spans: &CollectedSpans,
        rows: &[u32],
        ends: impl IntoIterator<Item = usize>,
    ) -> Result<()> {
        self.chunk.clear();
        spans.read_ids(rows, &mut self.chunk)?;
        self.chunk.gather_facts(&spans.spans, rows);
        let hash_of = |numbers: &'_ [u32], row: &u32| spans.texts.hash(numbers[*row as usize]);
        self.chunk.append_names(
            rows.iter().map(|row| hash_of(&spans.service, row)),
            rows.iter().map(|row| hash_of(&spans.name, row)),
        );
        self.tree.clear();
        self.roots.clear();
        let mut start = 0;
        for end in ends {
            if end - start > MAX_SPANS {
                return exec_err!("a trace has {} spans; {MAX_SPANS} is the limit", end - start);
            }
            let facts = self.builder.append(&self.chunk.trace(start..end), &mut self.tree);
            self.roots.resize(end, facts.primary_root.unwrap_or_default() as u32);
            start = end;
        }
        let Self { fields, columns, tree, roots, .. } = self;
        for (field, column) in fields.iter().zip(columns) {
            let text = |numbers: &[u32], relative: &u32| match *relative {
                NO_PARENT => NULL,
                relative => numbers[rows[relative as usize] as usize],
            };
            match (column, values(tree, field.name())?) {
                (Column::Small(to), Values::Small(from)) => scatter(to, rows, from.iter().copied()),
                (Column::Big(to), Values::Big(from)) => scatter(to, rows, from.iter().copied()),
                (Column::Flag(to), Values::Flag(from)) => scatter(to, rows, from.iter().copied()),
                (Column::Text(to), relatives) => {
                    let (relatives, numbers) = match relatives {
                        Values::ParentService => (&tree.parent, &spans.service),
                        Values::ParentName => (&tree.parent, &spans.name),
                        Values::RootService => (&*roots, &spans.service),
                        _ => (&*roots, &spans.name),
                    };
                    scatter(to, rows, relatives.iter().map(|row| text(numbers, row)));
                }
                _ => return internal_err!("a tree column has two types"),
            }
        }
        Ok(())
    }

    /// The struct of the tree columns of some rows.
    pub(crate) fn rows(&self, spans: &CollectedSpans, rows: Range<usize>) -> Result<StructArray> {
        let array = |column: &Column| -> ArrayRef {
            match column {
                Column::Small(all) => Arc::new(Int32Array::from(all[rows.clone()].to_vec())),
                Column::Big(all) => Arc::new(Int64Array::from(all[rows.clone()].to_vec())),
                Column::Flag(all) => Arc::new(BooleanArray::from(all[rows.clone()].to_vec())),
                Column::Text(all) => Arc::new(spans.texts.texts(&all[rows.clone()])),
            }
        };
        let columns = self.columns.iter().map(array).collect();
        Ok(StructArray::try_new_with_length(self.fields.clone(), columns, None, rows.len())?)
    }
}

fn scatter<T>(to: &mut [T], rows: &[u32], from: impl Iterator<Item = T>) {
    for (row, value) in rows.iter().zip(from) {
        to[*row as usize] = value;
    }
}
