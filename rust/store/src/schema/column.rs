//! A column of a table, with its meaning and its unit.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};

use super::{COMMENT, UNIT, time_type};

/// A column with its meaning: never null and without a unit, unless it is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column(Field);

impl Column {
    /// A column of any type.
    #[must_use]
    pub fn new(name: &str, data_type: DataType, comment: &str) -> Self {
        let metadata = HashMap::from([(COMMENT.to_owned(), comment.to_owned())]);
        Self(Field::new(name, data_type, false).with_metadata(metadata))
    }

    /// A column of text.
    #[must_use]
    pub fn text(name: &str, comment: &str) -> Self {
        Self::new(name, DataType::Utf8, comment)
    }

    /// A column of doubles.
    #[must_use]
    pub fn float(name: &str, comment: &str) -> Self {
        Self::new(name, DataType::Float64, comment)
    }

    /// A column of integers.
    #[must_use]
    pub fn integer(name: &str, comment: &str) -> Self {
        Self::new(name, DataType::Int64, comment)
    }

    /// A column of times, of [`time_type`].
    #[must_use]
    pub fn time(name: &str, comment: &str) -> Self {
        Self::new(name, time_type(), comment).unit("UTC")
    }

    /// The column, which may be null.
    #[must_use]
    pub fn optional(self) -> Self {
        Self(self.0.with_nullable(true))
    }

    /// The column in this unit.
    #[must_use]
    pub fn unit(self, unit: &str) -> Self {
        let mut metadata = self.0.metadata().clone();
        metadata.insert(UNIT.to_owned(), unit.to_owned());
        Self(self.0.with_metadata(metadata))
    }
}

impl From<Column> for FieldRef {
    fn from(column: Column) -> Self {
        Arc::new(column.0)
    }
}
