//! The store and the limits of queries, as the settings ask for them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use silverbullet_market::{Clock, Nanos, parse_duration};
use silverbullet_query::Limits;
use silverbullet_store::{Store, StoreOptions};

use crate::failure::usage;
use crate::settings::{SqlSettings, StoreSettings};

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

/// Opens the data directory, which is made where it is missing.
pub(crate) fn open(settings: &StoreSettings, seed: u64, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Store>> {
    let options = options(settings, seed)?;
    Store::open(options, clock)
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
    use super::*;

    fn settings() -> StoreSettings {
        StoreSettings {
            enabled: true,
            directory: "data".into(),
            flush_every: "10s".to_owned(),
            flush_rows: 50_000,
            spool_mib: 1_024,
            memory_mib: 64,
            maintain_every: "5m".to_owned(),
            retention: "forever".to_owned(),
        }
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
