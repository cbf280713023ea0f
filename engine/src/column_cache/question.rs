//! What a scan asks for, and what that comes to for a file with certain columns.

use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::datasource::physical_plan::parquet::apply_file_schema_type_coercions;
use datafusion::physical_expr::projection::{ProjectionExprs, Projector};
use datafusion::physical_expr::simplifier::PhysicalExprSimplifier;
use datafusion::physical_expr::utils::reassign_expr_columns;
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use datafusion::physical_plan::PhysicalExpr;
use schema::assembled::attribute_column;
use xxhash_rust::xxh3::xxh3_64;

use super::column::read_as;
use super::filter::Filter;

/// Which rows and columns a scan asks for.
pub(super) struct Question {
    pub(super) adapters: Arc<dyn PhysicalExprAdapterFactory>,
    /// Of the table.
    pub(super) schema: SchemaRef,
    /// Over `schema`.
    pub(super) predicate: Option<Arc<dyn PhysicalExpr>>,
    /// Over `schema`.
    pub(super) projection: ProjectionExprs,
    /// Of the answer.
    pub(super) output: SchemaRef,
    /// Maps and keys of the attributes that are asked for one by one.
    pub(super) attributes: Vec<(String, String)>,
    /// For the last file: the next one mostly has the same columns.
    pub(super) last: Mutex<Option<Arc<FileScan>>>,
}

/// What is asked of files with certain columns.
#[derive(Debug)]
pub(super) struct FileScan {
    /// Of the file as it is.
    pub(super) file: SchemaRef,
    /// With a column for each of `attributes` behind those of the file.
    pub(super) schema: SchemaRef,
    attributes: Vec<Attribute>,
    /// Over `schema`.
    pub(super) predicate: Option<Arc<dyn PhysicalExpr>>,
    pub(super) filter: Filter,
    /// Numbers of the columns of the answer, ascending.
    pub(super) columns: Vec<usize>,
    /// Of these columns.
    pub(super) read: SchemaRef,
    pub(super) projector: Projector,
}

/// An attribute that is asked for, and is no column of the file.
#[derive(Debug)]
pub(super) struct Attribute {
    /// Number of its map among the columns of the file.
    pub(super) map: usize,
    pub(super) key: String,
}

impl FileScan {
    /// The attribute that a column stands for; `None` for columns of the file.
    pub(super) fn attribute(&self, column: usize) -> Option<&Attribute> {
        self.attributes.get(column.checked_sub(self.file.fields().len())?)
    }

    /// The column of the file that has the values.
    pub(super) fn stored(&self, column: usize) -> usize {
        self.attribute(column).map_or(column, |attribute| attribute.map)
    }

    /// What tells a column of this file from all others.
    pub(super) fn id(&self, column: usize) -> u64 {
        const OF_ATTRIBUTES: u64 = 1 << 63;
        match self.attribute(column) {
            None => column as u64,
            Some(_) => xxh3_64(self.schema.field(column).name().as_bytes()) | OF_ATTRIBUTES,
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("predicate", &self.predicate).finish_non_exhaustive()
    }
}

impl Question {
    /// What is asked of a file with this schema; `None` if that needs a column that is not kept.
    pub(super) fn of_file(&self, schema: &SchemaRef) -> Result<Option<Arc<FileScan>>> {
        let file = match apply_file_schema_type_coercions(&self.schema, schema) {
            Some(coerced) => Arc::new(coerced),
            None => Arc::clone(schema),
        };
        let mut last = self.last.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(last) = last.as_ref().filter(|last| last.file == file) {
            return Ok(Some(Arc::clone(last)));
        }
        let (schema, attributes) = self.with_attributes(&file);
        let (predicate, projection) = self.adapted(&schema)?;
        let filter = Filter::new(predicate.as_ref(), &schema)?;
        let mut columns = projection.column_indices();
        columns.sort_unstable();
        columns.dedup();
        let mut needed = filter.columns().iter().chain(&columns);
        if needed.any(|column| read_as(schema.field(*column).data_type()).is_none()) {
            return Ok(None);
        }
        let read = Arc::new(schema.project(&columns)?);
        let projection = projection.try_map_exprs(|expr| reassign_expr_columns(expr, &read))?;
        let projector = projection.make_projector(&read)?;
        let of_file = Arc::new(FileScan {
            file,
            schema,
            attributes,
            predicate,
            filter,
            columns,
            read,
            projector,
        });
        *last = Some(Arc::clone(&of_file));
        Ok(Some(of_file))
    }

    /// The predicate and the projection over the columns of a file.
    pub(super) fn adapted(
        &self,
        file: &SchemaRef,
    ) -> Result<(Option<Arc<dyn PhysicalExpr>>, ProjectionExprs)> {
        let adapter = self.adapters.create(Arc::clone(&self.schema), Arc::clone(file))?;
        let simplifier = PhysicalExprSimplifier::new(file);
        let adapted = |expr| simplifier.simplify(adapter.rewrite(expr)?);
        let predicate = self.predicate.clone().map(adapted).transpose()?;
        Ok((predicate, self.projection.clone().try_map_exprs(adapted)?))
    }

    /// Rows of the answer.
    pub(super) fn projected(
        &self,
        projector: &Projector,
        rows: &RecordBatch,
    ) -> Result<RecordBatch> {
        let batch = projector.project_batch(rows)?;
        if batch.schema_ref() == &self.output {
            return Ok(batch);
        }
        // The same columns; what is said of NULLs may differ.
        let output = Arc::clone(&self.output);
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(output, batch.columns().to_vec(), &options)?)
    }

    /// The columns of a file, and those of wanted attributes that it has in a map only.
    fn with_attributes(&self, file: &SchemaRef) -> (SchemaRef, Vec<Attribute>) {
        let mut fields: Vec<_> = file.fields().iter().cloned().collect();
        let mut attributes = Vec::new();
        for (map, key) in &self.attributes {
            let name = attribute_column(map, key);
            let is_column = fields.iter().any(|field| field.name() == &name);
            let map = file.column_with_name(map);
            let map = map.filter(|(_, field)| read_as(field.data_type()).is_some());
            if let Some((map, _)) = map.filter(|_| !is_column) {
                fields.push(Arc::new(Field::new(name, DataType::Utf8, true)));
                attributes.push(Attribute { map, key: key.clone() });
            }
        }
        if attributes.is_empty() {
            return (Arc::clone(file), attributes);
        }
        (Arc::new(Schema::new(fields)), attributes)
    }
}
