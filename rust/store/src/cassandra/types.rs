//! Whether columns in Cassandra have the types that their bytes are written and read as.

use scylla::cluster::metadata::{CollectionType, ColumnType, NativeType};
use scylla::response::query_result::ColumnSpecs;

use super::fault::Fault;

/// Makes sure that `found` are columns of `table` with the types `expected`, in that order.
pub(crate) fn check<'a>(
    table: &str,
    found: &ColumnSpecs<'_, '_>,
    expected: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Fault> {
    let mut found = found.iter();
    for (column, expected) in expected {
        let found = found.next().map_or_else(|| "none".to_owned(), |spec| name(spec.typ()));
        if found != expected {
            return Err(Fault::Type {
                table: table.to_owned(),
                column: column.to_owned(),
                expected: expected.to_owned(),
                found,
            });
        }
    }
    Ok(())
}

/// The type as CQL has it, of those that tables have.
fn name(found: &ColumnType<'_>) -> String {
    match found {
        ColumnType::Native(NativeType::Text) => "text".to_owned(),
        ColumnType::Native(NativeType::BigInt) => "bigint".to_owned(),
        ColumnType::Native(NativeType::Double) => "double".to_owned(),
        ColumnType::Native(NativeType::Boolean) => "boolean".to_owned(),
        ColumnType::Native(NativeType::Blob) => "blob".to_owned(),
        ColumnType::Native(NativeType::Timestamp) => "timestamp".to_owned(),
        // Whether it is frozen stands in the definition of the table and not in that of a statement.
        ColumnType::Collection { typ: CollectionType::Map(key, value), .. } => {
            format!("frozen<map<{}, {}>>", name(key), name(value))
        }
        other => format!("{other:?}"),
    }
}
