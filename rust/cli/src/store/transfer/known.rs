//! Rows that Delta tables have already, of those tables that do not know it by themselves.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use silverbullet_store::{Scope, Table};

use crate::stored::{Stored, is, quoted};

/// The keys of the rows of one table, and of one universe and variant where there are such.
struct Keys {
    table: Table,
    universe: String,
    variant: String,
    converter: RowConverter,
    rows: HashSet<OwnedRow>,
}

/// What a data directory has.
pub(crate) struct Known {
    stored: Stored,
    keys: Option<Keys>,
}

impl Known {
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        Ok(Self { stored: Stored::open(directory)?, keys: None })
    }

    /// The rows that are new, each once. They are known from now on.
    pub(crate) fn new_of(&mut self, scope: Scope<'_>, rows: &RecordBatch) -> anyhow::Result<RecordBatch> {
        let keys = match self.keys.take().filter(|keys| keys.is_of(scope)) {
            Some(keys) => keys,
            None => Keys::read(&self.stored, scope)?,
        };
        let keys = self.keys.insert(keys);
        let converted = keys.converter.convert_columns(&columns(scope.table, rows)?)?;
        let new: BooleanArray = converted.iter().map(|key| Some(keys.rows.insert(key.owned()))).collect();
        Ok(filter_record_batch(rows, &new)?)
    }
}

impl Keys {
    fn is_of(&self, scope: Scope<'_>) -> bool {
        Scope { table: self.table, universe: &self.universe, variant: &self.variant } == scope
    }

    fn read(stored: &Stored, scope: Scope<'_>) -> anyhow::Result<Self> {
        let Scope { table, universe, variant } = scope;
        let schema = table.schema();
        let fields = table
            .key()
            .iter()
            .map(|name| Ok(SortField::new(schema.field_with_name(name)?.data_type().clone())));
        let converter = RowConverter::new(fields.collect::<anyhow::Result<_>>()?)?;
        let names = quoted(table.key().iter().copied());
        let filter = if table.partitions().is_empty() {
            String::new()
        } else {
            format!(" where {} and {}", is("universe", universe), is("variant", variant))
        };
        let (universe, variant) = (universe.to_owned(), variant.to_owned());
        let mut keys = Self { table, universe, variant, converter, rows: HashSet::new() };
        for batch in stored.stream(&format!("select {names} from history.{}{filter}", table.name()))? {
            let converted = keys.converter.convert_columns(&columns(table, &batch?)?)?;
            keys.rows.extend(converted.iter().map(|key| key.owned()));
        }
        Ok(keys)
    }
}

/// The columns of a table's key.
fn columns(table: Table, rows: &RecordBatch) -> anyhow::Result<Vec<ArrayRef>> {
    let schema = table.schema();
    let column = |name: &&str| {
        let place = rows.schema().index_of(name)?;
        Ok(arrow::compute::cast(rows.column(place), schema.field_with_name(name)?.data_type())?)
    };
    table.key().iter().map(column).collect()
}
