//! The columns that spans have from their resource and their scope.
//!
//! Spans of one resource and scope follow each other: a run. What they share is written
//! once for each run, and a row has the number of its run.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array};
use schema::promoted::PROMOTED;
use schema::spans;

use crate::batch::columns::TextColumn;
use crate::batch::maps::{MapColumn, SharedMap};
use crate::tally::Rejection;

/// What spans have from their resource.
#[derive(Debug)]
pub(super) struct ResourceCells {
    pub(super) service_name: String,
    pub(super) attributes: SharedMap,
    pub(super) promoted: Vec<(usize, String)>,
    pub(super) conflict: bool,
    pub(super) schema_url: String,
    pub(super) defect: Option<Rejection>,
}

/// What spans have from their scope.
#[derive(Debug)]
pub(super) struct ScopeCells {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) attributes: SharedMap,
    pub(super) schema_url: String,
    pub(super) defect: Option<Rejection>,
}

/// The cells of the runs, and the run of each row.
#[derive(Debug)]
pub(super) struct ContextColumns {
    service_name: TextColumn,
    resource_attributes: MapColumn,
    scope_name: TextColumn,
    scope_version: TextColumn,
    scope_attributes: MapColumn,
    schema_url: TextColumn,
    promoted: Vec<TextColumn>,
    /// The number of the run of each row, up to the run that has not ended.
    numbers: Vec<i32>,
    runs: usize,
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    resource: Arc<ResourceCells>,
    scope: Arc<ScopeCells>,
    /// Bytes of text that one row takes.
    bytes: usize,
}

/// The rows of a batch by the number of their run.
pub(super) struct Numbered {
    numbers: Int32Array,
    runs: usize,
}

impl ContextColumns {
    pub(super) fn new() -> Self {
        Self {
            service_name: TextColumn::new(),
            resource_attributes: MapColumn::new(),
            scope_name: TextColumn::new(),
            scope_version: TextColumn::new(),
            scope_attributes: MapColumn::new(),
            schema_url: TextColumn::new(),
            promoted: PROMOTED.iter().map(|_| TextColumn::new()).collect(),
            numbers: Vec::new(),
            runs: 0,
            run: None,
        }
    }

    /// Adds a row; returns the bytes of text that it takes in a file.
    #[inline]
    pub(super) fn push(
        &mut self,
        row: usize,
        resource: &Arc<ResourceCells>,
        scope: &Arc<ScopeCells>,
    ) -> usize {
        match &self.run {
            Some(run) if Arc::ptr_eq(&run.resource, resource) && Arc::ptr_eq(&run.scope, scope) => {
                run.bytes
            }
            _ => self.begin(row, resource, scope),
        }
    }

    fn begin(
        &mut self,
        row: usize,
        resource: &Arc<ResourceCells>,
        scope: &Arc<ScopeCells>,
    ) -> usize {
        self.end(row);
        let run = self.runs;
        let (resource, scope) = (Arc::clone(resource), Arc::clone(scope));
        let schema_url = schema_url(&resource, &scope);
        self.service_name.set_text(run, &resource.service_name);
        self.resource_attributes.set_shared(run, &resource.attributes);
        self.scope_name.set_text(run, &scope.name);
        self.scope_version.set_text(run, &scope.version);
        self.scope_attributes.set_shared(run, &scope.attributes);
        self.schema_url.set_text(run, schema_url);
        let mut bytes = resource.service_name.len()
            + resource.attributes.bytes
            + scope.name.len()
            + scope.version.len()
            + scope.attributes.bytes
            + schema_url.len();
        for (column, text) in &resource.promoted {
            self.promoted[*column].set_text(run, text);
            bytes += text.len();
        }
        self.run = Some(Run { resource, scope, bytes });
        bytes
    }

    /// Ends the run before row `end`.
    fn end(&mut self, end: usize) {
        if self.run.take().is_some() {
            let number = i32::try_from(self.runs).expect("a batch has fewer than 2^31 rows");
            self.numbers.resize(end, number);
            self.runs += 1;
        }
    }

    /// Ends a batch: its columns can be taken.
    pub(super) fn finish(&mut self, rows: usize) -> Numbered {
        self.end(rows);
        let next = Vec::with_capacity(rows);
        let numbers = std::mem::replace(&mut self.numbers, next);
        Numbered { numbers: numbers.into(), runs: std::mem::take(&mut self.runs) }
    }

    /// A column that all rows have from their run, `None` if it is none of those or without a value.
    pub(super) fn column(&mut self, name: &str, rows: &Numbered) -> Option<ArrayRef> {
        let cells = match name {
            spans::SERVICE_NAME => self.service_name.finish(rows.runs),
            spans::SCOPE_NAME => self.scope_name.finish(rows.runs),
            spans::SCOPE_VERSION => self.scope_version.finish(rows.runs),
            spans::SCOPE_ATTRIBUTES => self.scope_attributes.finish(rows.runs),
            spans::SCHEMA_URL => self.schema_url.finish(rows.runs),
            spans::RESOURCE_ATTRIBUTES => self.resource_attributes.finish(rows.runs),
            _ => None,
        };
        Some(rows.repeat(cells?))
    }

    /// The promoted column of that number, as [`Self::column`].
    pub(super) fn promoted(&mut self, index: usize, rows: &Numbered) -> Option<ArrayRef> {
        Some(rows.repeat(self.promoted[index].finish(rows.runs)?))
    }
}

impl Numbered {
    fn repeat(&self, cells: ArrayRef) -> ArrayRef {
        let column = DictionaryArray::try_new(self.numbers.clone(), cells);
        Arc::new(column.expect("a row has the number of a run"))
    }
}

/// The schema URL of the scope, else of the resource.
fn schema_url<'c>(resource: &'c ResourceCells, scope: &'c ScopeCells) -> &'c str {
    if scope.schema_url.is_empty() { &resource.schema_url } else { &scope.schema_url }
}
