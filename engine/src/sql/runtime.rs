//! What all sessions of an engine share: memory, disk, stores, functions, rules.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;
use tokio::sync::OnceCell;
use udfs::with_span_tree_rule;
use url::Url;

use crate::column_cache::ColumnCache;
use crate::error::{Error, Result};
use crate::read::LAKE_URL;
use crate::settings::Settings;
use crate::sql::bare_times::BareTimes;
use crate::sql::date_trunc::DateTrunc;
use crate::sql::fresh_traces::FreshTraces;
use crate::sql::hex_ids::HexIds;
use crate::sql::late_hex::LateHex;
use crate::sql::leaf_projections::LeafProjections;
use crate::sql::look_ups::LookUps;
use crate::sql::repeated_keys::{Planner, RepeatedKeys};
use crate::sql::rollups::UseRollups;
use crate::sql::small_sides::with_small_sides;
use crate::sql::stores::KnownStores;
use crate::sql::text_patterns::TextPatterns;
use crate::sql::view::InlineViews;
use crate::sql::views::{Parts, PlannedViews};

/// Name of the one catalog.
pub(crate) const CATALOG: &str = "spanlake";
/// Schema of the documented tables and views: found without a prefix.
pub(crate) const PUBLIC: &str = "public";
/// Schema of the tables as they are stored.
pub(crate) const STORAGE: &str = "storage";

/// How many memory consumers an out-of-memory message names.
const CONSUMERS_NAMED: usize = 3;

/// The part of a session that does not depend on the data.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    settings: Settings,
    env: Arc<RuntimeEnv>,
    columns: Option<Arc<ColumnCache>>,
    /// For each combination of parts.
    views: Arc<[OnceCell<PlannedViews>; 3]>,
    look_ups: Arc<LookUps>,
}

impl Runtime {
    /// Limits from `settings`; `lake` is the store that queries may read.
    pub(crate) fn new(settings: &Settings, lake: Option<Arc<dyn ObjectStore>>) -> Result<Self> {
        let consumers = NonZeroUsize::new(CONSUMERS_NAMED).expect("it is not zero");
        let pool =
            TrackConsumersPool::new(FairSpillPool::new(settings.query_memory_bytes), consumers);
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::OsTmpDirectory)
            .with_max_temp_directory_size(settings.query_spill_bytes);
        let env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .with_object_store_registry(Arc::new(KnownStores::default()))
            .build_arc()?;
        if let Some(lake) = lake {
            let url = Url::parse(LAKE_URL).map_err(|e| Error::Internal(e.to_string()))?;
            env.register_object_store(&url, lake);
        }
        let columns = (settings.column_cache_bytes > 0)
            .then(|| Arc::new(ColumnCache::new(settings.column_cache_bytes)));
        Ok(Self {
            settings: settings.clone(),
            env,
            columns,
            views: Arc::default(),
            look_ups: Arc::default(),
        })
    }

    /// A session state with functions and rules, and no tables.
    pub(crate) fn session_state(&self) -> Result<SessionState> {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.settings.query_threads)
            .with_information_schema(true)
            .with_default_catalog_and_schema(CATALOG, PUBLIC)
            .with_create_default_catalog_and_schema(true);
        if let Some(columns) = &self.columns {
            config.set_extension(Arc::clone(columns));
        }
        let options = config.options_mut();
        // Filters run inside the Parquet scan, so that only matching rows decode their maps.
        options.execution.parquet.pushdown_filters = true;
        options.execution.parquet.reorder_filters = true;
        // The few rows of a look-up are not handed to other threads. What a scan says of its rows is at least what
        // comes; rows that nothing is said of are handed on.
        options.execution.use_row_number_estimates_to_optimize_partitioning = true;
        // DataFusion 55 leaves out rows that cannot change one `min` or `max`, also where another one, of more
        // than a column, needs them.
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        // What may be NULL differs between its two plans where a UNION is below an aggregate.
        options.execution.skip_physical_aggregate_schema_check = true;
        // Older clients do not read view types.
        options.sql_parser.map_string_types_to_utf8view = false;
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.env))
            .with_default_features()
            .with_optimizer_rules(optimizer_rules())
            .with_query_planner(Arc::new(Planner))
            .with_physical_optimizer_rules(with_small_sides(with_span_tree_rule(
                PhysicalOptimizer::new().rules,
            )))
            .build();
        // No statement may create a table, so no factory for one is kept either.
        state.table_factories_mut().clear();
        udfs::register_all(&mut state)?;
        state.register_udf(Arc::new(ScalarUDF::from(DateTrunc::default())))?;
        Ok(state)
    }

    /// The views, planned at the first call.
    pub(crate) async fn views(&self, parts: Parts) -> Result<&PlannedViews> {
        self.views[parts as usize]
            // Boxed: it is large, and part of every future that asks for a session.
            .get_or_try_init(|| {
                Box::pin(async {
                    let context = SessionContext::new_with_state(self.session_state()?);
                    PlannedViews::new(&context, parts).await
                })
            })
            .await
    }

    /// The plans of look-ups.
    pub(crate) fn look_ups(&self) -> &Arc<LookUps> {
        &self.look_ups
    }

    /// The footers of files that queries have read.
    pub(crate) fn footers(&self) -> Arc<FileMetadataCache> {
        self.env.cache_manager.get_file_metadata_cache()
    }

    /// The columns that are kept in memory.
    pub(crate) fn columns(&self) -> Option<&Arc<ColumnCache>> {
        self.columns.as_ref()
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// DataFusion's rules, and ours: views before all others; ids and the choice of fresh traces right behind the
/// one that brings predicates to the stored columns, since later rules would hide them in common
/// subexpressions; shared percentiles last, when constants are folded.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    let pushed = rules.iter().position(|rule| rule.name() == "push_down_filter");
    let behind = pushed.map_or(0, |at| at + 1);
    let ours = [
        Arc::new(HexIds) as _,
        Arc::new(BareTimes) as _,
        Arc::new(FreshTraces) as _,
        Arc::new(LateHex) as _,
        Arc::new(TextPatterns::default()) as _,
    ];
    rules.splice(behind..behind, ours);
    let leaves = LeafProjections::default();
    if let Some(rule) = rules.iter_mut().find(|rule| rule.name() == leaves.name()) {
        *rule = Arc::new(leaves);
    }
    // Rollups are used where constants are known, and views still are tables.
    let first: [Arc<dyn OptimizerRule + Send + Sync>; 4] = [
        Arc::new(SimplifyExpressions::new()),
        Arc::new(UseRollups),
        Arc::new(InlineViews::default()),
        Arc::new(RepeatedKeys),
    ];
    rules.splice(0..0, first);
    rules.push(Arc::new(udfs::SharePercentiles));
    rules
}
