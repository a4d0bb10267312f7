//! Tables in Cassandra: made, written and read, without Delta Lake and without DataFusion.
//!
//! A [`Connection`] is one session. [`init`] makes keyspace and tables; [`CassandraWriter`] writes record batches as
//! batches of rows, each within one partition; [`CassandraReader`] reads rows by their key, everything in parallel, or
//! the newest rows of a universe; [`CassandraBackend`] is Cassandra as a keeper of a store's tables. Columns in and out are those of [`Table::schema`](crate::Table::schema), and what is
//! read is what was written, bit for bit.
//!
//! ```no_run
//! # async fn example(batch: arrow::array::RecordBatch) -> silverbullet_store::Result<()> {
//! use silverbullet_store::Table;
//! use silverbullet_store::cassandra::{CassandraReader, CassandraSettings, CassandraWriter, Connection, init};
//!
//! let settings = CassandraSettings { nodes: vec!["127.0.0.1:9042".into()], ..Default::default() };
//! let connection = Connection::open(settings).await?;
//! init(&connection).await?;
//! let writer = CassandraWriter::open(connection.clone()).await?;
//! let report = writer.write(Table::Portfolios, &batch).await?;
//! let newest = CassandraReader::open(connection).await?.newest(Table::Portfolios, "default", None).await?;
//! # Ok(())
//! # }
//! ```

mod backend;
pub mod bucket;
mod buckets;
mod cells;
mod chunks;
mod connection;
mod ddl;
mod estimates;
pub mod fault;
mod layout;
mod metrics;
mod order;
mod paged;
mod progress;
mod reader;
mod retry;
mod rows;
mod scan;
mod schema;
pub mod settings;
mod types;
mod writer;

pub use backend::CassandraBackend;
pub use connection::Connection;
pub use estimates::{TableEstimate, estimates};
pub use fault::Fault;
pub use layout::partition;
pub use metrics::DriverMetrics;
pub use reader::{CassandraReader, KeyRead};
pub use scan::{TokenRange, splits};
pub use schema::{SCHEMA_VERSION, check, init};
pub use settings::{CassandraSettings, Consistency, Password, TlsSettings};
pub use writer::{CassandraWriter, WriteReport};
