//! How far each table has come: of each universe and variant the number up to which its rows are there.

use scylla::statement::prepared::PreparedStatement;

use super::connection::Connection;
use super::ddl::PROGRESS_TABLE;
use super::fault::Fault;
use crate::schema::Table;

const READ: &str = "read how far a table has come";
const WRITE: &str = "write how far a table has come";

/// Reads and writes the table, by statements that are prepared once.
#[derive(Debug)]
pub(crate) struct Progress {
    connection: Connection,
    read: PreparedStatement,
    write: PreparedStatement,
}

impl Progress {
    pub(crate) async fn new(connection: Connection) -> Result<Self, Fault> {
        let table = connection.qualified(PROGRESS_TABLE);
        let read = format!(
            "SELECT \"version\" FROM {table} WHERE \"universe\" = ? AND \"variant\" = ? AND \"table\" = ?"
        );
        let write = format!(
            "INSERT INTO {table} (\"universe\", \"variant\", \"table\", \"version\") VALUES (?, ?, ?, ?)"
        );
        let read = connection.prepare(&read, READ).await?;
        let write = connection.prepare(&write, WRITE).await?;
        Ok(Self { connection, read, write })
    }

    /// The number up to which `table` has the rows of `application`.
    pub(crate) async fn of(&self, table: Table, application: &str) -> Result<Option<i64>, Fault> {
        let (universe, variant) = parts(application);
        let values = (universe, variant, table.name());
        let ask = || self.connection.session.execute_unpaged(&self.read, values);
        let (answer, _) = self.connection.repeated(table as u64, READ, ask).await?;
        let rows = answer.into_rows_result().map_err(|error| Fault::other(error, READ))?;
        let row = rows.maybe_first_row::<(Option<i64>,)>().map_err(|error| Fault::other(error, READ))?;
        Ok(row.and_then(|(version,)| version))
    }

    /// Sets that number. Only the one writer of a universe does, so nobody comes between its reading and its writing.
    pub(crate) async fn set(&self, table: Table, application: &str, version: i64) -> Result<(), Fault> {
        let (universe, variant) = parts(application);
        let values = (universe, variant, table.name(), version);
        let write = || self.connection.session.execute_unpaged(&self.write, values);
        self.connection.repeated(table as u64, WRITE, write).await?;
        Ok(())
    }
}

/// Universe and variant of an application: neither has a slash in its name.
fn parts(application: &str) -> (&str, &str) {
    application.split_once('/').unwrap_or((application, ""))
}
