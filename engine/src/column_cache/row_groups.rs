//! Which row groups of a file are scanned, and which of their rows.

use datafusion::arrow::array::BooleanBufferBuilder;
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    ParquetAccessPlan, ParquetRowSelection, RowGroupAccess, RowGroupAccessPlanFilter,
};
use datafusion::parquet::file::metadata::ParquetMetaData;

/// A row group that is scanned.
pub(super) struct Group {
    pub(super) index: usize,
    pub(super) rows: usize,
    /// `None` for all rows.
    pub(super) wanted: Option<BooleanBuffer>,
}

/// Whether a file has so few rows of interest that they are better read one by one.
pub(super) fn has_few_rows(file: &PartitionedFile) -> bool {
    let selection =
        file.extensions.get::<ParquetRowSelection>().map(ParquetRowSelection::selection);
    selection.is_some_and(|rows| rows.row_count() < rows.skipped_row_count() / 8)
}

/// The row groups that are scanned, in file order; `prune` takes out those that it knows to have no row that
/// passes.
pub(super) fn groups_of(
    file: &PartitionedFile,
    metadata: &ParquetMetaData,
    prune: impl FnOnce(&mut RowGroupAccessPlanFilter),
) -> Result<Vec<Group>> {
    let groups = metadata.row_groups();
    let selection =
        file.extensions.get::<ParquetRowSelection>().map(ParquetRowSelection::selection);
    let access = match selection {
        None => ParquetAccessPlan::new_all(groups.len()),
        Some(rows) => ParquetAccessPlan::try_new_from_overall_row_selection(rows.clone(), groups)?,
    };
    let mut access = RowGroupAccessPlanFilter::new(access);
    if let Some(range) = &file.range {
        access.prune_by_range(groups, range);
    }
    prune(&mut access);
    let access = access.build().into_inner().into_iter().enumerate();
    let group = |(index, access): (usize, _)| {
        let rows = groups[index].num_rows() as usize;
        let wanted = match access {
            RowGroupAccess::Skip => return None,
            _ if rows == 0 => return None,
            RowGroupAccess::Scan => None,
            RowGroupAccess::Selection(selection) => {
                let mut wanted = BooleanBufferBuilder::new(rows);
                for part in selection.iter() {
                    wanted.append_n(part.row_count, !part.skip);
                }
                Some(wanted.finish())
            }
        };
        Some(Group { index, rows, wanted })
    };
    Ok(access.filter_map(group).collect())
}
