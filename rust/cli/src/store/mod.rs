//! The store and the limits of queries, as the settings ask for them; and the command `store`.

pub(crate) mod arguments;
mod command;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use silverbullet_engine::live::LiveState;
use silverbullet_market::{Clock, Nanos, parse_duration};
use silverbullet_query::{CassandraCatalog, Limits, Sql};
use silverbullet_store::cassandra::CassandraSettings;
use silverbullet_store::{Keeper, Store, StoreOptions, Tables};

use crate::failure::usage;
use crate::settings::{Settings, SqlSettings, StoreSettings};

pub(crate) use command::run;

/// What a query may take.
pub(crate) fn limits(settings: &SqlSettings) -> anyhow::Result<Limits> {
    if settings.rows == 0 || settings.memory_mib == 0 {
        return Err(usage("sql.rows and sql.memory_mib: a query needs at least 1"));
    }
    let time = duration("sql.time", &settings.time)?;
    Ok(Limits {
        time: Duration::from_nanos(time.unsigned_abs()),
        memory: settings.memory_mib << 20,
        rows: settings.rows,
    })
}

/// How Cassandra is reached; `None` where the settings name no nodes.
pub(crate) fn cassandra(settings: &StoreSettings, seed: u64) -> anyhow::Result<Option<CassandraSettings>> {
    // What is empty is as if it had been left out.
    fn is_given(value: &mut serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => !text.trim().is_empty(),
            serde_json::Value::Array(values) => !values.is_empty(),
            serde_json::Value::Object(values) => {
                values.retain(|_, value| is_given(value));
                !values.is_empty()
            }
            _ => true,
        }
    }
    let mut given = settings.cassandra.clone();
    given.retain(|_, value| is_given(value));
    if !given.contains_key("nodes") {
        return Ok(None);
    }
    given.insert("seed".to_owned(), seed.into());
    let read = serde_json::from_value::<CassandraSettings>(given.into_iter().collect());
    let read = read.map_err(|error| usage(format!("store.cassandra: {error}")))?;
    read.check().map_err(|error| usage(error.to_string()))?;
    Ok(Some(read))
}

/// The same for commands that are about Cassandra.
fn cassandra_or_usage(settings: &Settings) -> anyhow::Result<CassandraSettings> {
    cassandra(&settings.store, settings.seed)?.ok_or_else(|| {
        usage("this is about tables in Cassandra: name its nodes by --nodes HOST:PORT or in store.cassandra.nodes")
    })
}

/// What answers SQL over these tables, what `store` has not written to them yet, and what the settings say of Cassandra.
pub(crate) fn sql(
    settings: &Settings,
    tables: Tables,
    store: Option<Arc<Store>>,
    live: Vec<Arc<LiveState>>,
) -> anyhow::Result<Sql> {
    sql_within(limits(&settings.sql)?, settings, tables, store, live)
}

/// The same within other limits.
pub(crate) fn sql_within(
    limits: Limits,
    settings: &Settings,
    tables: Tables,
    store: Option<Arc<Store>>,
    live: Vec<Arc<LiveState>>,
) -> anyhow::Result<Sql> {
    Ok(match cassandra(&settings.store, settings.seed)? {
        None => Sql::new(tables, store, live, limits)?,
        Some(cassandra) => {
            let catalog = CassandraCatalog { settings: cassandra, full_scans: settings.sql.full_scans };
            Sql::with_cassandra(tables, store, live, catalog, limits)?
        }
    })
}

/// Opens the data directory, which is made where it is missing.
pub(crate) fn open(settings: &StoreSettings, seed: u64, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Store>> {
    let options = options(settings, seed)?;
    let cassandra = cassandra(settings, seed)?.map(|cassandra| Keeper::Cassandra(Box::new(cassandra)));
    if !settings.delta && cassandra.is_none() {
        return Err(usage(
            "store.delta is false and store.cassandra.nodes is empty: results have to be kept somewhere, or leave both out by --no-store",
        ));
    }
    let keepers = settings.delta.then_some(Keeper::Delta).into_iter().chain(cassandra);
    Store::open_with(options, clock, keepers)
        .with_context(|| format!("results cannot be kept in {}", settings.directory.display()))
}

fn options(settings: &StoreSettings, seed: u64) -> anyhow::Result<StoreOptions> {
    let retention = match settings.retention.trim() {
        "forever" => None,
        time => Some(duration("store.retention", time)?),
    };
    if settings.flush_rows == 0 || settings.spool_mib == 0 || settings.memory_mib == 0 {
        return Err(usage("store.flush_rows, store.spool_mib and store.memory_mib must be at least 1"));
    }
    let flush_every = duration("store.flush_every", &settings.flush_every)?;
    let usual = StoreOptions::new(&settings.directory);
    Ok(StoreOptions {
        spool_every: usual.spool_every.min(flush_every),
        flush_every,
        flush_rows: settings.flush_rows,
        spool_bytes: settings.spool_mib << 20,
        memory_bytes: settings.memory_mib << 20,
        retention,
        maintain_every: Some(duration("store.maintain_every", &settings.maintain_every)?),
        seed,
        ..usual
    })
}

/// A setting that is a duration and not zero.
pub(crate) fn duration(setting: &str, text: &str) -> anyhow::Result<Nanos> {
    match parse_duration(text) {
        Ok(0) => Err(usage(format!("{setting}: it must be longer than nothing"))),
        Ok(nanos) => Ok(nanos),
        Err(error) => Err(usage(format!("{setting}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn settings() -> StoreSettings {
        StoreSettings {
            enabled: true,
            delta: true,
            directory: "data".into(),
            flush_every: "10s".to_owned(),
            flush_rows: 50_000,
            spool_mib: 1_024,
            memory_mib: 64,
            maintain_every: "5m".to_owned(),
            retention: "forever".to_owned(),
            cassandra: BTreeMap::new(),
        }
    }

    #[test]
    fn cassandra_is_off_without_nodes_and_what_is_empty_is_as_the_store_has_it() {
        let with = |text: &str| {
            let cassandra = toml::from_str(text).unwrap();
            cassandra_of(&StoreSettings { cassandra, ..settings() })
        };
        fn cassandra_of(settings: &StoreSettings) -> anyhow::Result<Option<CassandraSettings>> {
            cassandra(settings, 7)
        }
        assert_eq!(with("nodes = \"\"\nkeyspace = \"k\"").unwrap(), None);
        let read =
            with("nodes = \"a:1,b\"\nreplication = {}\ntls = { ca = \"\" }\nttl = \"30d\"").unwrap().unwrap();
        let usual = CassandraSettings::default();
        assert_eq!((read.nodes.as_slice(), read.seed), (["a:1".to_owned(), "b".to_owned()].as_slice(), 7));
        assert_eq!((&read.replication, &read.tls), (&usual.replication, &usual.tls));
        assert_eq!(read.ttl, Some(Duration::from_secs(30 * 86_400)));
        let refused = |text: &str| with(text).unwrap_err().to_string();
        assert!(refused("nodes = \"a\"\nkeyspace = \"a-b\"").contains("store.cassandra.keyspace"));
        assert!(refused("nodes = \"a\"\nconsistency = \"MOST\"").contains("store.cassandra: "));
    }

    #[test]
    fn retention_is_forever_or_a_duration() {
        assert_eq!(options(&settings(), 0).unwrap().retention, None);
        let week = StoreSettings { retention: "7d".to_owned(), ..settings() };
        assert_eq!(options(&week, 0).unwrap().retention, Some(7 * 86_400 * silverbullet_market::SECOND));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let refused = |settings: StoreSettings| options(&settings, 0).unwrap_err().to_string();
        assert!(
            refused(StoreSettings { flush_every: "0s".to_owned(), ..settings() })
                .contains("store.flush_every")
        );
        assert!(
            refused(StoreSettings { retention: "long".to_owned(), ..settings() }).contains("store.retention")
        );
        assert!(refused(StoreSettings { memory_mib: 0, ..settings() }).contains("store.memory_mib"));
    }
}
