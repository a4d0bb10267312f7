//! Opening a store by what is to keep its tables.

use std::sync::Arc;

use silverbullet_market::Clock;

#[cfg(feature = "cassandra")]
use crate::cassandra::{CassandraBackend, CassandraSettings};
#[cfg(feature = "delta")]
use crate::delta::{Care, DeltaBackend};
use crate::{Place, Result, Store, StoreOptions};

/// What keeps the tables of a store.
#[derive(Debug, Clone)]
pub enum Keeper {
    /// Delta tables in the data directory.
    #[cfg(feature = "delta")]
    Delta,
    /// Cassandra. It need not be there when the store is opened.
    #[cfg(feature = "cassandra")]
    Cassandra(Box<CassandraSettings>),
}

impl Store {
    /// Opens a data directory, which is made where it is missing, with Delta tables in it, and starts the threads.
    ///
    /// # Errors
    /// Where the directory cannot be made, or the system gives no thread.
    #[cfg(feature = "delta")]
    pub fn open(options: StoreOptions, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let place = delta(&options)?;
        Self::with_places(options, clock, vec![place])
    }

    /// The same with tables kept by each of `keepers`.
    ///
    /// # Errors
    /// [`Error::Nowhere`](crate::Error::Nowhere) where there are none; settings of Cassandra that cannot work; where
    /// the directory cannot be made, or the system gives no thread.
    pub fn open_with(
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        keepers: impl IntoIterator<Item = Keeper>,
    ) -> Result<Arc<Self>> {
        let place = |keeper| match keeper {
            #[cfg(feature = "delta")]
            Keeper::Delta => delta(&options),
            #[cfg(feature = "cassandra")]
            Keeper::Cassandra(settings) => cassandra(*settings),
        };
        let places = keepers.into_iter().map(place).collect::<Result<_>>()?;
        Self::with_places(options, clock, places)
    }
}

#[cfg(feature = "delta")]
pub(crate) fn delta(options: &StoreOptions) -> Result<Place> {
    let directory = crate::directory::DataDirectory::new(&options.directory);
    crate::files::make_folder(&directory.tables())?;
    let care = Care { retention: options.retention, grace: options.grace };
    let name = options.directory.display().to_string();
    Ok(Place { name, backend: Arc::new(DeltaBackend::new(directory, care)) })
}

#[cfg(feature = "cassandra")]
pub(crate) fn cassandra(settings: CassandraSettings) -> Result<Place> {
    let backend = Arc::new(CassandraBackend::new(settings)?);
    Ok(Place { name: "Cassandra".to_owned(), backend })
}
