//! What an aggregation asks of `spans` or `edges`.

use std::collections::HashMap;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::measures::parts;
use super::rows::Counted;
use super::time::Times;
use crate::rollup::Subject;
use crate::sql::view::View;

/// An aggregation over a table that there are rollups of, in terms of its columns.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) counted: Counted,
    pub(super) filters: Vec<Expr>,
    pub(super) groups: Vec<Expr>,
    pub(super) aggregates: Vec<Expr>,
    pub(super) times: Times,
}

impl Question {
    /// `None` if it is not about such a table, or about more than its dimensions and stretches of time.
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
        let subject = base.counted.subject;
        // A count of all spans is known without any row.
        if subject == Subject::Operations && groups.is_empty() && base.filters.is_empty() {
            return Ok(None);
        }
        let mut times = Times::default();
        let mut are_known = base.filters.iter().all(|filter| times.take(subject, filter, true));
        are_known &= groups.iter().all(|group| times.take(subject, group, false));
        for aggregate in &aggregates {
            let Some((arguments, filter)) = parts(subject, aggregate) else { return Ok(None) };
            are_known &= arguments.iter().all(|argument| times.take(subject, argument, false));
            are_known &= filter.is_none_or(|filter| times.take(subject, filter, false));
        }
        let Base { counted, filters, .. } = base;
        Ok(are_known.then_some(Self { counted, filters, groups, aggregates, times }))
    }
}

/// The rows that are aggregated: those of a table that pass some filters.
struct Base {
    counted: Counted,
    filters: Vec<Expr>,
    /// What each column is, in terms of the columns of the table.
    columns: HashMap<Column, Expr>,
}

impl Base {
    fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
                let provider = source_as_provider(&scan.source)?;
                let counted = provider.downcast_ref::<View>().and_then(Counted::of);
                let Some(counted) = counted else { return Ok(None) };
                let columns = scan.projected_schema.iter().map(|(table, field)| {
                    let base = Expr::Column(Column::from_name(field.name()));
                    (Column::from((table, field)), base)
                });
                let columns = columns.collect();
                Ok(Some(Self { counted, filters: Vec::new(), columns }))
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

    /// An expression in terms of the columns of the table.
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
