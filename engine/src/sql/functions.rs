//! Questions that everybody asks, as table functions: `SELECT * FROM n_plus_one(since => INTERVAL '1 day')`.
//!
//! A function is one file, `functions/<name>.sql`: a comment that declares it, and a query with parameters.
//! A call is replaced by that query before the statement is planned, so it is planned, optimized and
//! guarded like any other, and whoever wants something else copies it and changes it.
//!
//! ```text
//! -- What it answers, in sentences.
//! --
//! -- since INTERVAL = INTERVAL '1 hour': what an argument means.
//! -- bad PREDICATE: an argument that must be given.
//! --
//! -- example: SELECT ... FROM name(...)
//! SELECT ... $since ... $bad ...
//! ```
//!
//! Arguments come in the order of their declaration, or by name. Who declares `since` has `from` and `to`
//! as well: `to` is now, and `from` is so long before, unless they are given.

mod declaration;
mod expand;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use declaration::{Parameter, ParameterKind, TableFunction};
pub(super) use expand::{Known, expand};
pub(crate) use expand::{parse_expr, parse_query};

use crate::error::{Error, Result};

/// `(name, file)`.
const FILES: &[(&str, &str)] = &[
    ("anomalies", include_str!("functions/anomalies.sql")),
    ("baseline", include_str!("functions/baseline.sql")),
    ("blast_radius", include_str!("functions/blast_radius.sql")),
    ("burn_rate", include_str!("functions/burn_rate.sql")),
    ("compare", include_str!("functions/compare.sql")),
    ("compare_numbers", include_str!("functions/compare_numbers.sql")),
    ("compare_paths", include_str!("functions/compare_paths.sql")),
    ("deployments", include_str!("functions/deployments.sql")),
    ("error_origins", include_str!("functions/error_origins.sql")),
    ("fan_out", include_str!("functions/fan_out.sql")),
    ("invariant_violations", include_str!("functions/invariant_violations.sql")),
    ("n_plus_one", include_str!("functions/n_plus_one.sql")),
    ("recovered", include_str!("functions/recovered.sql")),
    ("red", include_str!("functions/red.sql")),
    ("retries", include_str!("functions/retries.sql")),
    ("saturation", include_str!("functions/saturation.sql")),
    ("service_graph", include_str!("functions/service_graph.sql")),
    ("shared_dependency", include_str!("functions/shared_dependency.sql")),
    ("sli", include_str!("functions/sli.sql")),
    ("slo_alerts", include_str!("functions/slo_alerts.sql")),
    ("slo_status", include_str!("functions/slo_status.sql")),
    ("slos", include_str!("functions/slos.sql")),
    ("slow_causes", include_str!("functions/slow_causes.sql")),
    ("slow_clusters", include_str!("functions/slow_clusters.sql")),
    ("slow_operations", include_str!("functions/slow_operations.sql")),
    ("slowest_traces", include_str!("functions/slowest_traces.sql")),
    ("suspects", include_str!("functions/suspects.sql")),
    ("trace_diff", include_str!("functions/trace_diff.sql")),
];

/// All table functions, by name.
///
/// # Errors
///
/// [`Error::Internal`] if a file does not declare itself as it should; a test sees to that.
pub fn table_functions() -> Result<&'static BTreeMap<&'static str, TableFunction>> {
    static ALL: LazyLock<std::result::Result<BTreeMap<&str, TableFunction>, String>> =
        LazyLock::new(|| {
            let read = |(name, text): &(&'static str, &'static str)| {
                let read = TableFunction::read(name, text);
                read.map(|function| (*name, function)).map_err(|reason| format!("{name}: {reason}"))
            };
            FILES.iter().map(read).collect()
        });
    ALL.as_ref().map_err(|reason| Error::Internal(reason.clone()))
}

#[cfg(test)]
mod tests;
