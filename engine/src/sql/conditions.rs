//! Where a plan chooses rows.

use std::sync::Arc;

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::LogicalPlan;

/// What the conditions of a filter, or of a scan, are about; `None` for other nodes, and for a scan of all rows.
pub(super) fn schema_of_conditions(plan: &LogicalPlan) -> Result<Option<Arc<DFSchema>>> {
    Ok(match plan {
        LogicalPlan::Filter(filter) => Some(Arc::clone(filter.input.schema())),
        LogicalPlan::TableScan(scan) if !scan.filters.is_empty() => {
            let (name, schema) = (scan.table_name.clone(), scan.source.schema());
            Some(Arc::new(DFSchema::try_from_qualified_schema(name, &schema)?))
        }
        _ => None,
    })
}
