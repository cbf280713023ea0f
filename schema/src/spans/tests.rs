//! The stored schema as a whole, with what assembled files add.

use std::collections::HashSet;

use arrow::datatypes::{DataType, TimeUnit};

use crate::assembled::assembled_schema;

#[test]
fn column_names_are_unique_snake_case() {
    let mut seen = HashSet::new();
    for field in assembled_schema().fields() {
        let name = field.name();
        assert!(seen.insert(name.clone()), "{name} stands twice");
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{name}"
        );
    }
}

/// Scenario: somebody adds a column.
/// Guarantees: every Delta reader can read its type.
#[test]
fn types_are_open() {
    for field in assembled_schema().fields() {
        let refused = matches!(
            field.data_type(),
            DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::UInt64
                | DataType::Timestamp(TimeUnit::Nanosecond, _)
        );
        assert!(!refused, "{} is {}", field.name(), field.data_type());
    }
}
