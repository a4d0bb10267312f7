//! Result tables: what an engine proves, kept so that nothing is lost and nothing is there twice.
//!
//! A [`Store`] is the writing side of a data directory, one a process. For each universe it gives a
//! [`StoreWriter`], which takes rows from the engine's durable path. Rows between two cuts, with the checkpoint
//! at the later one, are a [`parcel`]; parcels go to the [`spool`] on disk about every second, and every ten
//! seconds a thread of the store writes all of them to the tables, one commit a table, then the checkpoint, and
//! then deletes them from the spool. With a commit goes the number of its last row, so that a table leaves out
//! what it has: a process may die at any point, go on from [`Store::resume`], and the tables end as if it had
//! never died.
//!
//! Tables may be kept in several [`places`], each with a thread of its own: Delta tables in the data directory,
//! Cassandra, or both. While one place cannot be written the other goes on, and the parcels wait in the spool until
//! both hold them.
//!
//! `Tables` is the reading side of Delta, for any number of processes: its `snapshot` gives a table as it stands,
//! its files and what the log says of them. What is final and not yet in a table is the [`Store::tail`].
//!
//! The columns are those of [`Table::schema`], whoever keeps them. The feature `delta` brings Delta tables, the
//! feature `cassandra` those in Cassandra; without either, tables are kept by what implements
//! [`backend::Backend`].
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
mod flush;
mod gap;
mod inner;
mod journal;
mod load;
mod lock;
#[cfg(any(feature = "delta", feature = "cassandra"))]
mod open;
pub mod options;
pub mod parcel;
mod pending;
pub mod places;
#[cfg(feature = "delta")]
pub mod reader;
pub mod runs;
pub mod schema;
mod settle;
pub mod spool;
pub mod state;
pub mod store;
pub mod tail;
#[cfg(any(feature = "delta", feature = "cassandra"))]
pub mod target;
pub mod writer;

pub use error::{Error, Result};
pub use journal::commands;
#[cfg(any(feature = "delta", feature = "cassandra"))]
pub use open::Keeper;
pub use options::StoreOptions;
pub use places::Place;
#[cfg(feature = "delta")]
pub use reader::{Snapshot, Tables};
pub use runs::RunRow;
pub use schema::Table;
pub use state::{PlaceState, Status, StoreState};
pub use store::Store;
pub use tail::TailBatch;
#[cfg(any(feature = "delta", feature = "cassandra"))]
pub use target::{Scope, Target, numbered_by_bar};
pub use writer::StoreWriter;
