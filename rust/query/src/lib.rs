//! SQL over live and stored tables.
//!
//! [`Sql`] answers read-only queries within [`Limits`]. An [`Answer`] is a stream of record batches; dropping
//! it ends the query. [`format`](mod@format) writes batches as JSON, CSV or a table; [`catalog`] says what
//! there is to ask for.
//!
//! A query sees one moment: every table is taken when it is first named and then stays as it is, first what is
//! not stored yet and then what is, so that a row on its way to disk is seen once. Plain tables unite the two,
//! for the newest variant of each universe unless the query filters on `variant`; the schemas `live` and
//! `history` have each by itself.
//!
//! Stored tables are planned from what the table's log says of each file: partitions, row counts, bounds.
//! Filters leave out files, row groups and pages; the newest rows are found by reading the newest file first;
//! counts and the greatest bar are known without reading any.
//!
//! ```
//! use silverbullet_query::{Limits, Sql, format};
//! use silverbullet_store::Tables;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let sql = Sql::new(Tables::open(directory.path()), None, Vec::new(), Limits::default())?;
//! let query = "select count(*) as rows, annualised(0.001, '1d') as mean from portfolios";
//! let answer = tokio::runtime::Runtime::new()?.block_on(sql.collect(query))?;
//! assert_eq!(format::json(&answer)?, "[\n{\"rows\":0,\"mean\":0.365}\n]");
//! # Ok(())
//! # }
//! ```

mod answer;
mod by_text;
mod cassandra;
pub mod catalog;
mod equality;
mod error;
pub mod format;
mod functions;
mod guard;
mod limits;
mod live;
mod moment;
mod newest_rows;
mod plans;
mod question;
mod sql;
mod state;
mod stored;
mod tail;
mod translate;
mod united;
mod variants;
mod views;
mod yielding;

pub use answer::Answer;
pub use cassandra::CassandraCatalog;
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use question::{Described, Question};
pub use sql::{Sql, step_back};

#[cfg(test)]
mod tests;
