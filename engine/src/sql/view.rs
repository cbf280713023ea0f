//! A view as a table, and the rule that puts its SQL in its place.
//!
//! A view has about a hundred columns, and a query uses a few of them. If the planner put
//! in the view at once, as it does with its own views, each of its rules would go over a
//! hundred expressions, and planning would take longer than many queries. So a view stays
//! a table at first. When it is known which columns are used, only those are put in.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::datasource::{TableType, provider_as_source, source_as_provider};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;

use crate::read::{Divided, Files, StoredSpans};
use crate::sql::parts_of_plans::part_of_plan;

/// The view that others are made of.
const SPANS: &str = "spans";

/// A view, planned over no rows.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) sql: String,
    /// Analyzed: every expression has its type.
    pub(crate) plan: LogicalPlan,
}

/// A table that views read: its schema if it is not the public one, its name, and its rows.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) schema: Option<&'static str>,
    pub(crate) name: &'static str,
    pub(crate) rows: Arc<dyn TableProvider>,
}

/// A view over the rows of one snapshot.
#[derive(Debug, Clone)]
pub(crate) struct View {
    definition: Arc<Definition>,
    sources: Vec<Source>,
}

impl View {
    pub(crate) fn new(definition: Arc<Definition>, sources: Vec<Source>) -> Self {
        Self { definition, sources }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.definition.name
    }

    /// The snapshot that it reads; `None` over no rows.
    pub(crate) fn divided(&self) -> Option<&Arc<Divided>> {
        let stored = self.sources.iter().filter(|source| source.schema.is_some());
        let mut rows = stored.filter_map(|source| source.rows.downcast_ref::<StoredSpans>());
        rows.next().map(StoredSpans::divided)
    }

    /// The same over fewer rows: `assembled` says which files' rows are read of those whose tree columns are
    /// stored, `fresh` of the others. Only for views that need nothing but `spans` and what is stored.
    pub(crate) fn of_files(&self, assembled: &Files, fresh: &Files) -> Self {
        let sources = self.sources.iter().filter_map(|source| {
            let rows: Arc<dyn TableProvider> =
                if let Some(view) = source.rows.downcast_ref::<Self>() {
                    if view.name() != SPANS {
                        return None;
                    }
                    Arc::new(view.of_files(assembled, fresh))
                } else {
                    let stored = source.rows.downcast_ref::<StoredSpans>()?;
                    Arc::new(stored.of_part_in(assembled, fresh))
                };
            Some(Source { rows, ..source.clone() })
        });
        Self { definition: Arc::clone(&self.definition), sources: sources.collect() }
    }

    /// The plan of some columns, all if `None`.
    fn columns(&self, wanted: Option<&Vec<usize>>) -> Result<LogicalPlan> {
        let plan = match (wanted, &self.definition.plan) {
            (None, all) => all.clone(),
            (Some(wanted), LogicalPlan::Projection(all)) => {
                let expressions = wanted.iter().map(|at| all.expr[*at].clone()).collect();
                LogicalPlan::Projection(Projection::try_new(expressions, Arc::clone(&all.input))?)
            }
            (Some(wanted), all) => {
                let column =
                    |at: &usize| Expr::Column(Column::from(all.schema().qualified_field(*at)));
                let columns: Vec<_> = wanted.iter().map(column).collect();
                LogicalPlanBuilder::from(all.clone()).project(columns)?.build()?
            }
        };
        self.over_sources(plan)
    }

    /// A plan over no rows, over those of the snapshot.
    fn over_sources(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let replaced = plan.transform_down_with_subqueries(|node| match node {
            LogicalPlan::TableScan(mut scan) => {
                let (schema, name) = (scan.table_name.schema(), scan.table_name.table());
                let source = |source: &&Source| source.schema == schema && source.name == name;
                if let Some(source) = self.sources.iter().find(source) {
                    scan.source = provider_as_source(Arc::clone(&source.rows));
                }
                Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(replaced.data)
    }
}

#[async_trait]
impl TableProvider for View {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.definition.plan.schema().inner())
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition.sql)
    }

    /// Plans what [`InlineViews`] has not replaced.
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        part_of_plan(state, &self.columns(projection)?).await
    }
}

/// The rule: it must come before all others.
#[derive(Debug, Default)]
pub(crate) struct InlineViews {
    narrow: OptimizeProjections,
}

impl OptimizerRule for InlineViews {
    fn name(&self) -> &str {
        "spanlake_inline_views"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !has_view(&plan) {
            return Ok(Transformed::no(plan));
        }
        // Tells each scan which columns are used.
        let plan = self.narrow.rewrite(plan, config)?.data;
        let replaced = plan.transform_up_with_subqueries(|node| {
            let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
            let provider = source_as_provider(&scan.source)?;
            match provider.downcast_ref::<View>() {
                Some(view) if scan.filters.is_empty() && scan.fetch.is_none() => {
                    let plan = view.columns(scan.projection.as_ref())?;
                    let name = scan.table_name.clone();
                    let plan = LogicalPlanBuilder::from(plan).alias(name)?.build()?;
                    // A view may read another one.
                    let inlined = self.rewrite(plan, config)?;
                    Ok(Transformed::yes(inlined.data))
                }
                _ => Ok(Transformed::no(node)),
            }
        })?;
        // The nodes above know their columns by name, which are the same.
        Ok(Transformed::yes(replaced.data))
    }
}

fn has_view(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let visited = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found |= source_as_provider(&scan.source).is_ok_and(|provider| provider.is::<View>());
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    visited.is_ok() && found
}
