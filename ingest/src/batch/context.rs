//! The columns that spans have from their resource and their scope.
//!
//! Spans of one resource and scope follow each other, so these columns are written
//! run by run: a run is only counted until it ends, and then all its rows are written
//! at once.

use std::sync::Arc;

use crate::batch::columns::{PromotedColumns, TextColumn};
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

/// The columns, and the run that has not ended.
#[derive(Debug)]
pub(super) struct ContextColumns {
    pub(super) service_name: TextColumn,
    pub(super) resource_attributes: MapColumn,
    pub(super) scope_name: TextColumn,
    pub(super) scope_version: TextColumn,
    pub(super) scope_attributes: MapColumn,
    pub(super) schema_url: TextColumn,
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    resource: Arc<ResourceCells>,
    scope: Arc<ScopeCells>,
    /// Bytes of text that one row takes.
    bytes: usize,
    /// The first row.
    start: usize,
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
            run: None,
        }
    }

    /// Adds a row; returns the bytes of text that it takes.
    #[inline]
    pub(super) fn push(
        &mut self,
        row: usize,
        resource: &Arc<ResourceCells>,
        scope: &Arc<ScopeCells>,
        promoted: &mut PromotedColumns,
    ) -> usize {
        match &self.run {
            Some(run) if Arc::ptr_eq(&run.resource, resource) && Arc::ptr_eq(&run.scope, scope) => {
                run.bytes
            }
            _ => self.begin(row, resource, scope, promoted),
        }
    }

    fn begin(
        &mut self,
        row: usize,
        resource: &Arc<ResourceCells>,
        scope: &Arc<ScopeCells>,
        promoted: &mut PromotedColumns,
    ) -> usize {
        self.end(row, promoted);
        let (resource, scope) = (Arc::clone(resource), Arc::clone(scope));
        let promoted: usize = resource.promoted.iter().map(|(_, text)| text.len()).sum();
        let bytes = resource.service_name.len()
            + resource.attributes.bytes
            + promoted
            + scope.name.len()
            + scope.version.len()
            + scope.attributes.bytes
            + schema_url(&resource, &scope).len();
        self.run = Some(Run { resource, scope, bytes, start: row });
        bytes
    }

    /// Ends the run before row `end` and writes it.
    pub(super) fn end(&mut self, end: usize, promoted: &mut PromotedColumns) {
        let Some(run) = self.run.take() else { return };
        let (row, count) = (run.start, end - run.start);
        let (resource, scope) = (&run.resource, &run.scope);
        self.service_name.set_run(row, count, &resource.service_name);
        self.resource_attributes.set_run(row, count, &resource.attributes);
        self.scope_name.set_run(row, count, &scope.name);
        self.scope_version.set_run(row, count, &scope.version);
        self.scope_attributes.set_run(row, count, &scope.attributes);
        self.schema_url.set_run(row, count, schema_url(resource, scope));
        for (column, text) in &resource.promoted {
            promoted.set_run(*column, row, count, text);
        }
    }
}

/// The schema URL of the scope, else of the resource.
fn schema_url<'c>(resource: &'c ResourceCells, scope: &'c ScopeCells) -> &'c str {
    if scope.schema_url.is_empty() { &resource.schema_url } else { &scope.schema_url }
}
