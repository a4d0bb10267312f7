//! Result tables: what an engine proves, kept so that nothing is lost and nothing is there twice.
//!
//! A [`Store`] is the writing side of a data directory, one a process. For each universe it gives a
//! [`StoreWriter`], which takes rows from the engine's durable path. Rows between two cuts, with the checkpoint
//! at the later one, are a [`parcel`]; parcels go to the [`spool`] on disk about every second, and every ten
//! seconds a thread of the store writes all of them to the tables, one commit a table, then the checkpoint, and
//! then deletes them from the spool. A commit carries the number of its last row, so that a table leaves out
//! what it has: a process may die at any point, go on from [`Store::resume`], and the tables end as if it had
//! never died.
//!
//! [`Tables`] is the reading side, for any number of processes: [`Tables::snapshot`] gives a table as it stands,
//! its files and what the log says of them. What is final and not yet in a table is the [`Store::tail`].
//!
//! The columns are those of [`Table::schema`], whoever keeps them. Without the feature `delta` there are only the
//! schema, rows as Arrow batches, parcels and the spool; with the feature `cassandra` also the tables in Cassandra.
//!
//! ```
//! # #[cfg(feature = "delta")] {
//! use silverbullet_market::SystemClock;
//! use silverbullet_store::{Status, Store, StoreOptions, Table};
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(StoreOptions::new(directory.path()), std::sync::Arc::new(SystemClock))?;
//! assert_eq!(store.state().status, Status::Ok);
//! assert!(store.tail(Table::Portfolios)?.is_empty());
//! store.close()?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod backend;
pub mod batches;
#[cfg(feature = "cassandra")]
pub mod cassandra;
#[cfg(feature = "delta")]
pub mod delta;
pub mod directory;
pub mod error;
pub mod failpoints;
mod files;
#[cfg(feature = "delta")]
mod flush;
#[cfg(feature = "delta")]
mod journal;
#[cfg(feature = "delta")]
mod load;
#[cfg(feature = "delta")]
mod lock;
#[cfg(feature = "delta")]
pub mod options;
pub mod parcel;
#[cfg(feature = "delta")]
mod pending;
#[cfg(feature = "delta")]
pub mod reader;
#[cfg(feature = "delta")]
pub mod runs;
pub mod schema;
pub mod spool;
#[cfg(feature = "delta")]
pub mod state;
#[cfg(feature = "delta")]
pub mod store;
#[cfg(feature = "delta")]
pub mod tail;
#[cfg(feature = "delta")]
pub mod writer;

pub use error::{Error, Result};
#[cfg(feature = "delta")]
pub use journal::commands;
#[cfg(feature = "delta")]
pub use options::StoreOptions;
#[cfg(feature = "delta")]
pub use reader::{Snapshot, Tables};
#[cfg(feature = "delta")]
pub use runs::RunRow;
pub use schema::Table;
#[cfg(feature = "delta")]
pub use state::{Status, StoreState};
#[cfg(feature = "delta")]
pub use store::Store;
#[cfg(feature = "delta")]
pub use tail::TailBatch;
#[cfg(feature = "delta")]
pub use writer::StoreWriter;
