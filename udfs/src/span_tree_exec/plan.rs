//! The operator as a planner sees it.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, Result, Statistics, internal_err, plan_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortRequirement};
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::{
    CardinalityEffect, EmissionType, SchedulingType, apply_expression_roots,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, Distribution, ExecutionPlan,
    ExecutionPlanProperties, InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
    StatisticsArgs,
};
use futures::stream::try_unfold;
use schema::tree::tree_fields;

use super::stream::Partition;
use super::trace_numbers::TraceNumbers;
use crate::span_columns::coerce;

/// What is computed, and from what.
#[derive(Debug)]
pub(super) struct Window {
    /// The arguments of `span_tree`.
    pub(super) arguments: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) trace_id: Arc<dyn PhysicalExpr>,
    pub(super) trace_id_type: DataType,
    /// The tree columns that somebody reads.
    pub(super) fields: Fields,
    /// The input's columns, and the struct.
    pub(super) schema: SchemaRef,
    /// Whether all rows must come in one partition, as the planner of the window wanted it.
    pub(super) in_one_partition: bool,
}

/// Computes the tree columns of whole traces, wherever the rows of a trace are in a partition of the input.
///
/// The output has the columns of the input and a struct of tree columns behind them. All rows of a trace
/// must come in one partition; the operator asks for that, and for no order. Batches come out as they
/// went in, unless there was not enough memory: then rows go to files by their traces, and come back in
/// another order.
#[derive(Debug, Clone)]
pub struct SpanTreeExec {
    input: Arc<dyn ExecutionPlan>,
    window: Arc<Window>,
    /// Whether the rows of each trace follow each other in the input.
    is_grouped: bool,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SpanTreeExec {
    /// Puts a struct of tree columns, named as `column`, beside the rows of `input`. Its fields are some of
    /// [`schema::tree::tree_fields`]. `arguments` are those of `span_tree`, and `trace_id` says which rows
    /// are a trace.
    ///
    /// `in_one_partition` asks for all rows in one partition; otherwise they are distributed by trace.
    ///
    /// # Errors
    ///
    /// If a type is not one that `span_tree` takes, the trace id is neither text, bytes nor an integer, or
    /// the column is no such struct.
    pub fn try_new(
        input: Arc<dyn ExecutionPlan>,
        arguments: Vec<Arc<dyn PhysicalExpr>>,
        trace_id: Arc<dyn PhysicalExpr>,
        column: &FieldRef,
        in_one_partition: bool,
    ) -> Result<Self> {
        let given = input.schema();
        let types: Vec<DataType> =
            arguments.iter().map(|argument| argument.data_type(&given)).collect::<Result<_>>()?;
        if coerce("span_tree", &types)? != types {
            return plan_err!("SpanTreeExec: an argument is NULL without a type; cast it");
        }
        let trace_id_type = trace_id.data_type(&given)?;
        if !TraceNumbers::takes(&trace_id_type) {
            return plan_err!("SpanTreeExec takes no trace id of type {trace_id_type}");
        }
        let known = tree_fields();
        let fields = match column.data_type() {
            DataType::Struct(fields)
                if fields.iter().all(|field| known.iter().any(|one| one == field)) =>
            {
                fields
            }
            other => return plan_err!("SpanTreeExec gives a struct of tree columns, not {other}"),
        };
        let columns = given.fields().iter().chain([column]).cloned().collect::<Fields>();
        let window = Window {
            arguments,
            trace_id,
            trace_id_type,
            fields: fields.clone(),
            schema: Arc::new(Schema::new_with_metadata(columns, given.metadata().clone())),
            in_one_partition,
        };
        Self::over(input, Arc::new(window))
    }

    fn over(input: Arc<dyn ExecutionPlan>, window: Arc<Window>) -> Result<Self> {
        let of_input = input.equivalence_properties();
        let by_trace = PhysicalSortRequirement::new(Arc::clone(&window.trace_id), None);
        let is_grouped = of_input.ordering_satisfy_requirement([by_trace])?;
        let mut equivalences =
            EquivalenceProperties::new(Arc::clone(&window.schema)).extend(of_input.clone())?;
        // Rows that went to files come back in another order.
        if !is_grouped {
            equivalences.clear_orderings();
        }
        let emission = if is_grouped { EmissionType::Incremental } else { EmissionType::Final };
        let partitioning = input.output_partitioning().clone();
        let properties =
            PlanProperties::new(equivalences, partitioning, emission, input.boundedness())
                .with_scheduling_type(SchedulingType::Cooperative);
        Ok(Self {
            input,
            window,
            is_grouped,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The same with fewer tree columns: those of `names`.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn with_tree_columns(&self, names: &[&str]) -> Result<Self> {
        let fields = self.window.fields.iter();
        let fields = fields.filter(|field| names.contains(&field.name().as_str())).cloned();
        let column = self.tree_column();
        let narrow = Field::new(column.name(), DataType::Struct(fields.collect()), false);
        Self::try_new(
            Arc::clone(&self.input),
            self.window.arguments.clone(),
            Arc::clone(&self.window.trace_id),
            &Arc::new(narrow),
            self.window.in_one_partition,
        )
    }

    /// The tree columns that are computed.
    pub fn tree_columns(&self) -> &Fields {
        &self.window.fields
    }

    /// The position of the struct among the output columns: the last.
    pub fn tree_position(&self) -> usize {
        self.window.schema.fields().len() - 1
    }

    fn tree_column(&self) -> &Field {
        self.window.schema.field(self.tree_position())
    }
}

impl DisplayAs for SpanTreeExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.window.fields.iter().map(|field| field.name().as_str()).collect();
        let names = names.join(", ");
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(
                f,
                "SpanTreeExec: partition_by=[{}], columns=[{names}]{}",
                self.window.trace_id,
                if self.is_grouped { ", ordered" } else { "" }
            ),
            DisplayFormatType::TreeRender => {
                writeln!(f, "partition_by={}", self.window.trace_id)?;
                writeln!(f, "columns={names}")
            }
        }
    }
}

impl ExecutionPlan for SpanTreeExec {
    fn name(&self) -> &str {
        "SpanTreeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let needed = if self.window.in_one_partition {
            Distribution::SinglePartition
        } else {
            Distribution::KeyPartitioned(vec![Arc::clone(&self.window.trace_id)])
        };
        InputDistributionRequirements::new(vec![needed])
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![self.is_grouped]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.window.arguments.iter().chain([&self.window.trace_id]), f)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::over(input, Arc::clone(&self.window))?)),
            _ => internal_err!("SpanTreeExec has one child"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let work = Partition::try_new(
            &self.window,
            self.is_grouped,
            input,
            partition,
            &context,
            &self.metrics,
        )?;
        let batches = Box::pin(try_unfold(work, Partition::next));
        let schema = Arc::clone(&self.window.schema);
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(schema, batches))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.window.schema);
        if let Some(input) = inputs.first() {
            statistics.num_rows = input.num_rows;
            statistics.column_statistics = input.column_statistics.clone();
            statistics.column_statistics.push(ColumnStatistics::new_unknown());
        }
        Ok(Arc::new(statistics))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
