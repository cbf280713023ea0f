//! Which share of the rows a filter lets through, by trying it on columns that are in memory.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::datasource::source::DataSource;
use datafusion::physical_plan::PhysicalExpr;

use super::files::Place;
use super::filter::Passing;
use super::question::Question;
use super::row_groups::groups_of;
use super::source::CachedSource;

/// A file of which no column is in memory is passed over; after so many of them nothing is known.
const MOST_TRIED: usize = 8;

/// About which share of the rows of a scan passes `predicate`, which is over the columns that the scan hands on;
/// `None` if what it takes to tell is not in memory.
///
/// It is tried on a row group in the middle of the file in the middle, or of the one next to it that is in
/// memory: files are in the order of time, and those outside of the times that are asked for are left out before.
pub(crate) fn share_that_passes(
    scan: &FileScanConfig,
    predicate: &Arc<dyn PhysicalExpr>,
    options: &ConfigOptions,
) -> Result<Option<f64>> {
    let pushed = scan.try_pushdown_filters(vec![Arc::clone(predicate)], options)?;
    let Some(filtered) = pushed.updated_node else { return Ok(None) };
    let Some(filtered) = filtered.downcast_ref::<FileScanConfig>() else { return Ok(None) };
    let Some(source) = filtered.file_source().downcast_ref::<CachedSource>() else {
        return Ok(None);
    };
    let Some((question, _)) = source.question(filtered)? else { return Ok(None) };
    let mut files: Vec<_> =
        filtered.file_groups.iter().flat_map(FileGroup::iter).enumerate().collect();
    let middle = files.len() / 2;
    files.sort_by_key(|(at, _)| at.abs_diff(middle));
    for (_, file) in files.into_iter().take(MOST_TRIED) {
        if let Some(share) = source.share_of_file(&question, file)? {
            return Ok(Some(share));
        }
    }
    Ok(None)
}

impl CachedSource {
    /// Of a row group; `None` if a column is not in memory.
    fn share_of_file(&self, question: &Question, file: &PartitionedFile) -> Result<Option<f64>> {
        let path = &file.object_meta.location;
        let Some(footer) = self.cache.footer(path) else { return Ok(None) };
        let Some(of_file) = question.of_file(&footer.schema)? else { return Ok(None) };
        let mut groups = groups_of(file, &footer.metadata, |_| {})?;
        if groups.is_empty() {
            return Ok(None);
        }
        let group = groups.swap_remove(groups.len() / 2);
        let column = |column: &usize| {
            let place = Place { row_group: group.index, column: of_file.id(*column) };
            self.cache.get(path, place, of_file.schema.field(*column).data_type())
        };
        let columns: Option<Vec<_>> = of_file.filter.columns().iter().map(column).collect();
        let Some(columns) = columns else { return Ok(None) };
        let rows = group.wanted.as_ref().map_or(group.rows, |wanted| wanted.count_set_bits());
        // A filter may not be ready: the subquery that it compares with runs later. What is wrong with it is said
        // when it is asked in earnest.
        let Ok(passing) = of_file.filter.passing(&columns, group.rows, group.wanted) else {
            return Ok(None);
        };
        let passing = match passing {
            Passing::All => rows,
            Passing::None => 0,
            Passing::These(passing) => passing.count_set_bits(),
        };
        Ok((rows > 0).then(|| passing as f64 / rows as f64))
    }
}
