//! How large tables are, as the node that is asked estimates it.

use super::connection::Connection;
use super::fault::Fault;
use super::layout::{Form, Layout};
use crate::schema::Table;

/// How large a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEstimate {
    /// Its name in Cassandra.
    pub name: String,
    /// The table, where it has all rows of it.
    pub table: Option<Table>,
    /// Partitions; `None` where the node has not looked yet, which it does every few minutes.
    pub partitions: Option<i64>,
    /// Bytes on disk, before compression.
    pub bytes: Option<i64>,
}

/// How large all tables are. Of several nodes, each estimates what it is the first to hold of.
///
/// # Errors
/// Where there are no tables of this version, or Cassandra refuses.
pub async fn estimates(connection: &Connection) -> crate::Result<Vec<TableEstimate>> {
    super::schema::check(connection).await?;
    let action = "estimate sizes";
    let query = "SELECT partitions_count, mean_partition_size FROM system.size_estimates \
                 WHERE keyspace_name = ? AND table_name = ?";
    let mut estimates = Vec::new();
    for layout in Layout::all() {
        let name = layout.name();
        let rows = connection.rows(query, (&connection.settings.keyspace, &name), action).await?;
        let (mut partitions, mut bytes) = (None, None);
        let fail = |error: &dyn std::fmt::Display| Fault::Rows {
            table: layout.table.name(),
            reason: error.to_string(),
        };
        for row in rows.rows::<(i64, i64)>().map_err(|error| fail(&error))? {
            let (count, mean) = row.map_err(|error| fail(&error))?;
            partitions = Some(partitions.unwrap_or(0) + count);
            bytes = Some(bytes.unwrap_or(0) + count * mean);
        }
        let table = (layout.form == Form::History).then_some(layout.table);
        estimates.push(TableEstimate { name, table, partitions, bytes });
    }
    Ok(estimates)
}
