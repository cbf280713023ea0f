//! What an aggregation asks of `spans`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::measures::parts;
use super::time::Times;
use crate::read::Divided;
use crate::sql::view::View;

/// An aggregation over `spans`, in terms of the columns of `spans`.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) divided: Arc<Divided>,
    pub(super) filters: Vec<Expr>,
    pub(super) groups: Vec<Expr>,
    pub(super) aggregates: Vec<Expr>,
    pub(super) times: Times,
}

impl Question {
    /// `None` if it is not about `spans`, or about more than operations and stretches of time.
    pub(super) fn read(
        input: &LogicalPlan,
        groups: &[Expr],
        aggregates: &[Expr],
    ) -> Result<Option<Self>> {
        let Some(base) = Base::of(input)? else { return Ok(None) };
        let resolved = |exprs: &[Expr]| {
            exprs.iter().map(|expr| base.resolve(expr.clone())).collect::<Result<Vec<_>>>()
        };
        let (groups, aggregates) = (resolved(groups)?, resolved(aggregates)?);
        // A count of everything is known without any row.
        if groups.is_empty() && base.filters.is_empty() {
            return Ok(None);
        }
        let mut times = Times::default();
        let mut are_known = base.filters.iter().all(|filter| times.take(filter, true));
        are_known &= groups.iter().all(|group| times.take(group, false));
        for aggregate in &aggregates {
            let Some((arguments, filter)) = parts(aggregate) else { return Ok(None) };
            are_known &= arguments.iter().all(|argument| times.take(argument, false));
            are_known &= filter.is_none_or(|filter| times.take(filter, false));
        }
        let Base { divided, filters, .. } = base;
        Ok(are_known.then_some(Self { divided, filters, groups, aggregates, times }))
    }
}

/// The rows that are aggregated: those of `spans` that pass some filters.
struct Base {
    divided: Arc<Divided>,
    filters: Vec<Expr>,
    /// What each column is, in terms of the columns of `spans`.
    columns: HashMap<Column, Expr>,
}

impl Base {
    fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
                let provider = source_as_provider(&scan.source)?;
                let view = provider.downcast_ref::<View>().filter(|view| view.name() == "spans");
                let Some(divided) = view.and_then(View::divided) else { return Ok(None) };
                let columns = scan.projected_schema.iter().map(|(table, field)| {
                    let base = Expr::Column(Column::from_name(field.name()));
                    (Column::from((table, field)), base)
                });
                let columns = columns.collect();
                Ok(Some(Self { divided: Arc::clone(divided), filters: Vec::new(), columns }))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let below = alias.input.schema().iter();
                let names: Vec<(Column, Expr)> = (alias.schema.iter().zip(below))
                    .map(|(above, below)| (Column::from(above), Expr::Column(Column::from(below))))
                    .collect();
                Self::of(&alias.input)?.map(|base| base.renamed(names)).transpose()
            }
            LogicalPlan::Projection(projection) => {
                let names: Vec<(Column, Expr)> = (projection.schema.iter().zip(&projection.expr))
                    .map(|(above, expr)| (Column::from(above), expr.clone().unalias()))
                    .collect();
                Self::of(&projection.input)?.map(|base| base.renamed(names)).transpose()
            }
            LogicalPlan::Filter(filter) => {
                let Some(mut base) = Self::of(&filter.input)? else { return Ok(None) };
                let predicate = base.resolve(filter.predicate.clone())?;
                base.filters.extend(split_conjunction_owned(predicate));
                Ok(Some(base))
            }
            _ => Ok(None),
        }
    }

    /// With other columns, which are given in terms of the present ones.
    fn renamed(self, names: Vec<(Column, Expr)>) -> Result<Self> {
        let columns = names.into_iter().map(|(name, expr)| Ok((name, self.resolve(expr)?)));
        let columns = columns.collect::<Result<_>>()?;
        Ok(Self { columns, ..self })
    }

    /// An expression in terms of the columns of `spans`.
    fn resolve(&self, expr: Expr) -> Result<Expr> {
        expr.transform_up(|expr| {
            Ok(match &expr {
                Expr::Column(column) => match self.columns.get(column) {
                    Some(base) => Transformed::yes(base.clone()),
                    None => Transformed::no(expr),
                },
                _ => Transformed::no(expr),
            })
        })
        .data()
    }
}
