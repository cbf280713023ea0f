//! From the kernel's columns to Arrow arrays.

use std::mem::take;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, StringArray, StructArray,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::common::{Result, exec_datafusion_err, internal_err};
use schema::tree::{CRITICAL_PATH_NS, SELF_TIME_NS, tree_fields};

use super::texts::Texts;
use crate::tree::{NO_PARENT, Tree};

/// Writes the struct of all tree columns. Takes the columns out of `tree`.
///
/// `roots` is the row of the primary root, for each row.
pub(super) fn write(
    tree: &mut Tree,
    roots: &[u32],
    services: &Texts<'_>,
    names: &Texts<'_>,
) -> Result<StructArray> {
    let columns: Vec<ArrayRef> = vec![
        small(&mut tree.depth),
        small(&mut tree.child_count),
        small(&mut tree.subtree_size),
        small(&mut tree.nested_left),
        small(&mut tree.nested_right),
        big(&mut tree.self_time_ns),
        big(&mut tree.critical_path_ns),
        gather(services, &tree.parent)?,
        gather(names, &tree.parent)?,
        gather(services, roots)?,
        gather(names, roots)?,
        flag(&tree.is_root),
        flag(&tree.is_entry),
        flag(&tree.error_origin),
        flag(&tree.is_primary_root),
        flag(&tree.is_orphan),
        flag(&tree.is_duplicate),
        big(&mut tree.shape),
        flag(&tree.is_paired),
        flag(&tree.is_parent_failed),
        flag(&tree.is_first_error),
        flag(&tree.is_decisive_error),
    ];
    Ok(StructArray::try_new(tree_fields(), columns, None)?)
}

/// The values of one tree column, as the kernel has them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Values<'a> {
    Small(&'a [i32]),
    Big(&'a [i64]),
    Flag(&'a [bool]),
    ParentService,
    ParentName,
    RootService,
    RootName,
}

/// The values of a column of [`schema::tree::TREE_COLUMNS`].
pub(super) fn values<'a>(tree: &'a Tree, column: &str) -> Result<Values<'a>> {
    Ok(match column {
        "depth" => Values::Small(&tree.depth),
        "child_count" => Values::Small(&tree.child_count),
        "subtree_size" => Values::Small(&tree.subtree_size),
        "nested_left" => Values::Small(&tree.nested_left),
        "nested_right" => Values::Small(&tree.nested_right),
        SELF_TIME_NS => Values::Big(&tree.self_time_ns),
        CRITICAL_PATH_NS => Values::Big(&tree.critical_path_ns),
        "parent_service_name" => Values::ParentService,
        "parent_span_name" => Values::ParentName,
        "root_service_name" => Values::RootService,
        "root_span_name" => Values::RootName,
        "is_root" => Values::Flag(&tree.is_root),
        "is_entry" => Values::Flag(&tree.is_entry),
        "error_origin" => Values::Flag(&tree.error_origin),
        "is_primary_root" => Values::Flag(&tree.is_primary_root),
        "is_orphan" => Values::Flag(&tree.is_orphan),
        "is_duplicate" => Values::Flag(&tree.is_duplicate),
        "shape" => Values::Big(&tree.shape),
        "is_paired" => Values::Flag(&tree.is_paired),
        "is_parent_failed" => Values::Flag(&tree.is_parent_failed),
        "is_first_error" => Values::Flag(&tree.is_first_error),
        "is_decisive_error" => Values::Flag(&tree.is_decisive_error),
        other => return internal_err!("`{other}` is no tree column"),
    })
}

fn small(column: &mut Vec<i32>) -> ArrayRef {
    Arc::new(Int32Array::from(take(column)))
}

fn big(column: &mut Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(take(column)))
}

fn flag(column: &[bool]) -> ArrayRef {
    Arc::new(BooleanArray::from(column.to_vec()))
}

/// The texts of the given rows; NULL for [`NO_PARENT`].
fn gather(texts: &Texts<'_>, rows: &[u32]) -> Result<ArrayRef> {
    let mut bytes = Vec::new();
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    let mut valid = Vec::with_capacity(rows.len());
    offsets.push(0);
    for row in rows {
        let text = if *row == NO_PARENT { None } else { texts.get(*row as usize) };
        bytes.extend_from_slice(text.unwrap_or_default());
        valid.push(text.is_some());
        offsets.push(i32::try_from(bytes.len()).map_err(|_| {
            exec_datafusion_err!("names of parents and roots exceed 2 GiB in one batch")
        })?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
    // One check of the whole buffer; only bytes columns can fail it.
    let whole = StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls);
    Ok(Arc::new(whole.unwrap_or_else(|_| gather_lossy(texts, rows))))
}

/// As [`gather`], for bytes that are not all UTF-8.
fn gather_lossy(texts: &Texts<'_>, rows: &[u32]) -> StringArray {
    let text = |row: &u32| if *row == NO_PARENT { None } else { texts.get(*row as usize) };
    rows.iter().map(|row| text(row).map(String::from_utf8_lossy)).collect()
}
