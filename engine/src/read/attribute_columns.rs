//! Reads `attributes['key']` from the column of that name where a file has one.
//!
//! Which keys are columns differs from file to file (see [`schema::assembled::attribute_column`]),
//! so this is decided when a file is opened: there a `get_field` on a map becomes a column, which
//! prunes by its bounds and filters before other columns are decoded. In a file without it, and for
//! rows in memory, the map is read.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use datafusion::physical_plan::PhysicalExpr;
use schema::assembled::attribute_column;

/// Makes an adapter for each file.
#[derive(Debug)]
pub(super) struct AttributeColumns;

#[derive(Debug)]
struct Adapter {
    file: SchemaRef,
    /// What every scan does: casts, and NULLs for columns that a file does not have.
    usual: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapterFactory for AttributeColumns {
    fn create(
        &self,
        logical_file_schema: SchemaRef,
        physical_file_schema: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let file = Arc::clone(&physical_file_schema);
        let usual =
            DefaultPhysicalExprAdapterFactory.create(logical_file_schema, physical_file_schema)?;
        Ok(Arc::new(Adapter { file, usual }))
    }
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let replaced = expr.transform_down(|expr| {
            let column = wanted_attribute(&expr).and_then(|(map, key)| {
                let name = attribute_column(&map, &key);
                let (index, field) = self.file.column_with_name(&name)?;
                // Only what the map would give.
                (field.data_type() == &DataType::Utf8).then(|| Column::new(&name, index))
            });
            Ok(match column {
                Some(column) => {
                    Transformed::new(Arc::new(column) as _, true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(expr),
            })
        })?;
        self.usual.rewrite(replaced.data)
    }
}

/// The map and the key of `map['key']`.
pub(crate) fn wanted_attribute(expr: &Arc<dyn PhysicalExpr>) -> Option<(String, String)> {
    let call = ScalarFunctionExpr::try_downcast_func::<GetFieldFunc>(expr.as_ref())?;
    let [map, key] = call.args() else { return None };
    let map = map.downcast_ref::<Column>()?;
    let key = key.downcast_ref::<Literal>()?.value().try_as_str()??;
    Some((map.name().to_owned(), key.to_owned()))
}
