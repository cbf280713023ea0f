//! Carries ids as bytes through a plan, and writes them as hex where text is needed.
//!
//! SQL shows ids as hex: the views say `trace_id_hex(trace_id) AS trace_id`. What a query
//! does with ids most of the time, it can do with their bytes: join, group, sort, and
//! leave out duplicates. Bytes are half as long as their text and need no offsets, and
//! of the rows that come in few come out. So the rule takes the conversion out of the
//! projection above a scan, and puts it
//!
//! - around the id in expressions that need text,
//! - on top of the plan, and of nodes that it knows nothing about.
//!
//! Lowercase hex of ids of one width is equal, and sorts, as the bytes do; NULL stays NULL.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{
    Transformed, TransformedResult, TreeNode, TreeNodeContainer, TreeNodeRecursion,
};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{
    AggregateFunction, Alias, GroupingSet, ScalarFunction, WindowFunction,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, LogicalPlan, Operator, Projection, ScalarUDF, SortExpr, Union,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::sql::hex_ids::{id_width, is_comparison};
use crate::sql::repeated_keys::is_rows;

/// The optimizer rule.
#[derive(Debug)]
pub(crate) struct LateHex;

impl OptimizerRule for LateHex {
    fn name(&self) -> &str {
        "spanlake_late_hex"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let Some(functions) = Functions::worth_moving(&plan) else {
            return Ok(Transformed::no(plan));
        };
        let wanted = Arc::clone(plan.schema());
        let lowered = functions.lower(plan, Above::Other)?;
        Ok(Transformed::yes(functions.restore(lowered, &wanted)?))
    }
}

/// Ids that a plan has as bytes where it had text: their width.
type Raw = HashMap<Column, i32>;

/// What the node above does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Above {
    /// Takes lists apart.
    Unnests,
    /// Gives the columns another table name.
    Renames,
    Other,
}

impl Above {
    fn of(plan: &LogicalPlan) -> Self {
        match plan {
            LogicalPlan::Unnest(_) => Self::Unnests,
            LogicalPlan::SubqueryAlias(_) | LogicalPlan::Union(_) => Self::Renames,
            _ => Self::Other,
        }
    }
}

/// The functions that make text of ids, as found in the plan.
#[derive(Debug, Default)]
struct Functions {
    by_width: HashMap<i32, Arc<ScalarUDF>>,
}

impl Functions {
    /// The functions, if a projection makes text of ids for a node that does not need it.
    fn worth_moving(plan: &LogicalPlan) -> Option<Self> {
        let mut found = Self::default();
        found.look(plan, false).then_some(found)
    }

    /// Notes the functions; whether one of them is `is_below` such a node.
    fn look(&mut self, plan: &LogicalPlan, is_below: bool) -> bool {
        let mut is_worth = false;
        if let LogicalPlan::Projection(projection) = plan {
            for expr in &projection.expr {
                if let Some((width, function, _)) = hex_of_column(expr, projection.input.schema()) {
                    self.by_width.insert(width, Arc::clone(function));
                    is_worth |= is_below;
                }
            }
        }
        let is_below = is_below
            || match plan {
                LogicalPlan::Join(join) => !join.on.is_empty(),
                LogicalPlan::Aggregate(aggregate) => !aggregate.group_expr.is_empty(),
                LogicalPlan::Window(_) | LogicalPlan::Sort(_) | LogicalPlan::Distinct(_) => true,
                _ => false,
            };
        for input in plan.inputs() {
            is_worth |= self.look(input, is_below);
        }
        is_worth
    }

    /// The plan with ids as bytes wherever it can have them so, under the same names.
    fn lower(&self, plan: LogicalPlan, above: Above) -> Result<LogicalPlan> {
        if !is_known(&plan) || has_subquery(&plan)? {
            let restored = |input: LogicalPlan| {
                let wanted = Arc::clone(input.schema());
                self.restore(self.lower(input, Above::Other)?, &wanted).map(Transformed::yes)
            };
            return plan.map_children(restored).data();
        }
        let mut raw = Raw::new();
        let this = if is_rows(&plan) { above } else { Above::of(&plan) };
        let plan = plan.map_children(|input| {
            let before = Arc::clone(input.schema());
            let after = self.lower(input, this)?;
            raw.extend(raw_columns(&before, after.schema()));
            Ok(Transformed::yes(after))
        });
        self.with_raw_inputs(plan.data()?, &raw, above)
    }

    /// A node whose inputs have become bytes.
    fn with_raw_inputs(&self, plan: LogicalPlan, raw: &Raw, above: Above) -> Result<LogicalPlan> {
        let names = NamePreserver::new(&plan);
        let text = |expr: Expr| {
            let name = names.save(&expr);
            Ok(Transformed::yes(name.restore(self.text(expr, raw)?)))
        };
        let plan = match plan {
            LogicalPlan::Projection(Projection { expr, input, .. }) => {
                let expr = expr.into_iter().map(|expr| {
                    let name = names.save(&expr);
                    let bytes = match expr.clone().unalias() {
                        column @ Expr::Column(_) => column,
                        bare => match hex_of_column(&bare, input.schema()) {
                            // DataFusion's rules stumble over a column that has its own name as an alias.
                            Some((_, _, column))
                                if above == Above::Renames
                                    && expr.schema_name().to_string() == column.name =>
                            {
                                return Ok(Expr::Column(column.clone()));
                            }
                            Some((_, _, column)) => Expr::Column(column.clone()),
                            None if above == Above::Unnests && is_list_of_raw(&bare, raw) => bare,
                            None => self.text(expr, raw)?,
                        },
                    };
                    Ok(name.restore(bytes))
                });
                let expr = expr.collect::<Result<_>>()?;
                return Projection::try_new(expr, input).map(LogicalPlan::Projection);
            }
            LogicalPlan::Join(mut join) => {
                for (left, right) in &mut join.on {
                    *left = self.text(std::mem::take(left), raw)?;
                    *right = self.text(std::mem::take(right), raw)?;
                    let ids = hex_of_column(left, join.left.schema())
                        .zip(hex_of_column(right, join.right.schema()));
                    if let Some(((left_width, _, left_id), (right_width, _, right_id))) = ids
                        && left_width == right_width
                    {
                        let columns = (left_id.clone(), right_id.clone());
                        (*left, *right) = (Expr::Column(columns.0), Expr::Column(columns.1));
                    }
                }
                join.filter = join.filter.map(|filter| self.text(filter, raw)).transpose()?;
                LogicalPlan::Join(join)
            }
            LogicalPlan::Aggregate(mut aggregate) => {
                let key = |expr: Expr| self.key(expr, raw, &names);
                let keys = aggregate.group_expr.into_iter().map(key);
                aggregate.group_expr = keys.collect::<Result<_>>()?;
                aggregate.aggr_expr = aggregate.aggr_expr.map_elements(text)?.data;
                LogicalPlan::Aggregate(aggregate)
            }
            LogicalPlan::Sort(mut sort) => {
                sort.expr = sort
                    .expr
                    .into_iter()
                    .map(|sort| self.sort_key(sort, raw))
                    .collect::<Result<_>>()?;
                LogicalPlan::Sort(sort)
            }
            LogicalPlan::Union(union) => return self.union(union),
            other => other.map_expressions(text)?.data,
        };
        plan.recompute_schema()
    }

    /// An id is bytes if all inputs have it so, of one width.
    fn union(&self, union: Union) -> Result<LogicalPlan> {
        let is_bytes = |at: usize| {
            let mut widths =
                union.inputs.iter().map(|input| width_of(input.schema().field(at).data_type()));
            let first = widths.next().flatten();
            first.is_some() && widths.all(|width| width == first)
        };
        let mixed: Vec<bool> = (0..union.schema.fields().len()).map(|at| !is_bytes(at)).collect();
        let mut inputs = Vec::with_capacity(union.inputs.len());
        for input in union.inputs {
            let is_mixed =
                |at: usize| mixed[at] && width_of(input.schema().field(at).data_type()).is_some();
            let restored = (0..mixed.len()).any(is_mixed);
            inputs.push(if restored {
                let input = Arc::unwrap_or_clone(input);
                Arc::new(self.restore_some(input, |at| mixed[at])?)
            } else {
                input
            });
        }
        // The names are those of before.
        let fields = union.schema.iter().zip(inputs[0].schema().fields()).enumerate();
        let fields = fields.map(|(at, ((table, field), first))| {
            let data_type = if mixed[at] { field.data_type() } else { first.data_type() };
            let field = field.as_ref().clone().with_data_type(data_type.clone());
            (table.cloned(), Arc::new(field))
        });
        let schema =
            DFSchema::new_with_metadata(fields.collect(), union.schema.metadata().clone())?;
        Ok(LogicalPlan::Union(Union { inputs, schema: Arc::new(schema) }))
    }

    /// Text where `wanted` has text, by a projection if anything is bytes.
    fn restore(&self, plan: LogicalPlan, wanted: &DFSchema) -> Result<LogicalPlan> {
        let is_text = |at: usize| is_text(wanted.field(at).data_type());
        self.restore_some(plan, is_text)
    }

    fn restore_some(
        &self,
        plan: LogicalPlan,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Result<LogicalPlan> {
        let mut changed = false;
        let columns = plan.schema().columns().into_iter().enumerate();
        let columns =
            columns.map(|(at, column)| match width_of(plan.schema().field(at).data_type()) {
                Some(width) if is_wanted(at) => {
                    changed = true;
                    let (table, name) = (column.relation.clone(), column.name.clone());
                    self.hex(column, width).alias_qualified(table, name)
                }
                _ => Expr::Column(column),
            });
        let columns: Vec<Expr> = columns.collect();
        if !changed {
            return Ok(plan);
        }
        Projection::try_new(columns, Arc::new(plan)).map(LogicalPlan::Projection)
    }

    /// The expression, which knows ids as text.
    fn text(&self, expr: Expr, raw: &Raw) -> Result<Expr> {
        if raw.is_empty() {
            return Ok(expr);
        }
        let replaced = expr.transform_down(|expr| {
            let done = |expr| Ok(Transformed::new(expr, true, TreeNodeRecursion::Jump));
            match expr {
                Expr::BinaryExpr(BinaryExpr { ref left, op, ref right })
                    if (is_comparison(op) || is_distinction(op)) && are_alike(left, right, raw) =>
                {
                    done(expr)
                }
                Expr::IsNull(ref id) | Expr::IsNotNull(ref id) if is_raw(id, raw) => done(expr),
                Expr::AggregateFunction(ref function) if is_count_of_raw(function, raw) => {
                    done(expr)
                }
                Expr::WindowFunction(function) => done(self.window(*function, raw)?),
                Expr::Column(column) => match raw.get(&column) {
                    Some(width) => done(self.hex(column, *width)),
                    None => Ok(Transformed::no(Expr::Column(column))),
                },
                other => Ok(Transformed::no(other)),
            }
        });
        replaced.data()
    }

    /// Windows are divided and put in order by bytes.
    fn window(&self, mut function: WindowFunction, raw: &Raw) -> Result<Expr> {
        let params = &mut function.params;
        let text = |expr: Expr| self.text(expr, raw);
        params.args =
            std::mem::take(&mut params.args).into_iter().map(text).collect::<Result<_>>()?;
        params.filter = params.filter.take().map(|e| text(*e).map(Box::new)).transpose()?;
        let keys = std::mem::take(&mut params.partition_by).into_iter();
        params.partition_by = keys
            .map(|key| if is_raw(&key, raw) { Ok(key) } else { text(key) })
            .collect::<Result<_>>()?;
        let order = std::mem::take(&mut params.order_by).into_iter();
        params.order_by = order.map(|sort| self.sort_key(sort, raw)).collect::<Result<_>>()?;
        Ok(Expr::WindowFunction(Box::new(function)))
    }

    fn sort_key(&self, mut sort: SortExpr, raw: &Raw) -> Result<SortExpr> {
        if !is_raw(&sort.expr, raw) {
            sort.expr = self.text(sort.expr, raw)?;
        }
        Ok(sort)
    }

    /// What is grouped by: bytes, where it is an id and nothing else.
    fn key(&self, expr: Expr, raw: &Raw, names: &NamePreserver) -> Result<Expr> {
        let keys = |keys: Vec<Expr>| {
            keys.into_iter().map(|key| self.key(key, raw, names)).collect::<Result<Vec<_>>>()
        };
        if is_raw(&expr, raw) {
            return Ok(expr);
        }
        Ok(match expr {
            Expr::GroupingSet(GroupingSet::Rollup(list)) => {
                Expr::GroupingSet(GroupingSet::Rollup(keys(list)?))
            }
            Expr::GroupingSet(GroupingSet::Cube(list)) => {
                Expr::GroupingSet(GroupingSet::Cube(keys(list)?))
            }
            Expr::GroupingSet(GroupingSet::GroupingSets(lists)) => {
                let lists = lists.into_iter().map(keys).collect::<Result<_>>()?;
                Expr::GroupingSet(GroupingSet::GroupingSets(lists))
            }
            other => {
                let name = names.save(&other);
                name.restore(self.text(other, raw)?)
            }
        })
    }

    fn hex(&self, column: Column, width: i32) -> Expr {
        let column = Expr::Column(column);
        match self.by_width.get(&width) {
            Some(function) => Expr::ScalarFunction(ScalarFunction {
                func: Arc::clone(function),
                args: vec![column],
            }),
            // Only what one of the functions made is ever taken for text.
            None => column,
        }
    }
}

/// Nodes that pass ids on, or compare them, and nothing else.
fn is_known(plan: &LogicalPlan) -> bool {
    matches!(
        plan,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Unnest(_)
            | LogicalPlan::Distinct(Distinct::All(_))
    ) || is_rows(plan)
}

/// Whether an expression has a plan of its own, which may read columns of this one.
fn has_subquery(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(|expr| {
        expr.apply(|expr| {
            found |= matches!(
                expr,
                Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::SetComparison(_)
                    | Expr::OuterReferenceColumn(..)
            );
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// The columns that were text and are bytes.
fn raw_columns(before: &DFSchema, after: &DFSchema) -> Vec<(Column, i32)> {
    let fields = before.fields().iter().zip(after.iter());
    let raw = fields.filter_map(|(before, (table, after))| {
        let width = width_of(after.data_type()).filter(|_| is_text(before.data_type()))?;
        Some((Column::new(table.cloned(), after.name()), width))
    });
    raw.collect()
}

/// The width, function and column of `trace_id_hex(column)` and `span_id_hex(column)`, under any alias.
fn hex_of_column<'a>(
    expr: &'a Expr,
    input: &DFSchema,
) -> Option<(i32, &'a Arc<ScalarUDF>, &'a Column)> {
    match expr {
        Expr::Alias(Alias { expr, .. }) => hex_of_column(expr, input),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let width = id_width(func.name())? as i32;
            let [Expr::Column(column)] = args.as_slice() else { return None };
            let field = input.qualified_field_from_column(column).ok()?.1;
            (width_of(field.data_type()) == Some(width)).then_some((width, func, column))
        }
        _ => None,
    }
}

fn width_of(data_type: &DataType) -> Option<i32> {
    match data_type {
        DataType::FixedSizeBinary(width) => Some(*width),
        _ => None,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

fn raw_width(expr: &Expr, raw: &Raw) -> Option<i32> {
    match expr {
        Expr::Column(column) => raw.get(column).copied(),
        _ => None,
    }
}

fn is_raw(expr: &Expr, raw: &Raw) -> bool {
    raw_width(expr, raw).is_some()
}

/// Whether both are ids of one width, as bytes.
fn are_alike(left: &Expr, right: &Expr, raw: &Raw) -> bool {
    raw_width(left, raw).is_some_and(|width| raw_width(right, raw) == Some(width))
}

fn is_count_of_raw(function: &AggregateFunction, raw: &Raw) -> bool {
    let params = &function.params;
    function.func.name() == "count"
        && !params.distinct
        && params.filter.is_none()
        && params.order_by.is_empty()
        && params.args.iter().all(|arg| is_raw(arg, raw))
}

/// `make_array(id)`: which [`LogicalPlan::Unnest`] makes rows of again.
fn is_list_of_raw(expr: &Expr, raw: &Raw) -> bool {
    let Expr::ScalarFunction(function) = expr else { return false };
    function.func.name() == "make_array" && function.args.iter().all(|arg| is_raw(arg, raw))
}

/// Comparisons for which NULL is a value.
fn is_distinction(op: Operator) -> bool {
    matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}
