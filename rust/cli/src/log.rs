//! Diagnostics on standard error. While the live view owns the terminal they wait, and come out after it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::failure::usage;

/// More than this is not kept while the live view is up.
const MOST_KEPT: usize = 64 * 1024;

/// The driver of Cassandra, which is heard only where it is asked for by name, as in `warn,scylla=debug`.
const DRIVER: &str = "scylla";
/// The levels there are, from few lines to many.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// `level` or `target=level`. The filter itself takes any other word for the name of a target.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.rsplit_once('=').map_or((None, text), |(target, level)| (Some(target), level));
    let named = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':'))
    };
    target.is_none_or(named) && LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
}

/// Where log lines go; clones share one state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Option<Vec<u8>>>>);

impl Log {
    /// Starts to log what `filter` lets through, e.g. `warn` or `silverbullet_engine=debug`.
    pub(crate) fn start(&self, filter: &str) -> anyhow::Result<()> {
        let wrong = || usage(format!("log: {filter:?} is not a level; use {}", LEVELS.join(", ")));
        if !filter.split(',').all(is_directive) {
            return Err(wrong());
        }
        // What Cassandra's driver complains of comes as an error of ours, with the remedy: once, not three times.
        let driver = if filter.contains(DRIVER) { String::new() } else { format!("{DRIVER}=off,") };
        let filter = EnvFilter::try_new(driver + filter).map_err(|_| wrong())?;
        let subscriber =
            tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(self.clone());
        // Only a second start in one process can fail, and the first one then stands.
        let _ = subscriber.try_init();
        // A library's panic that is caught must not be drawn over the live view.
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
        Ok(())
    }

    /// Keeps lines back until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.state().get_or_insert_default();
    }

    /// Writes what was kept, and from now on at once.
    pub(crate) fn release(&self) {
        if let Some(kept) = self.state().take() {
            let _ = io::stderr().lock().write_all(&kept);
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.state().as_mut() {
            None => io::stderr().lock().write_all(bytes)?,
            Some(kept) if kept.len() + bytes.len() <= MOST_KEPT => kept.extend_from_slice(bytes),
            Some(_) => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Log;

    fn make_writer(&'a self) -> &'a Log {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_behind_the_view_is_kept_up_to_a_bound() {
        let log = Log::default();
        log.hold();
        (&log).write_all(b"one line\n").unwrap();
        assert_eq!(log.state().as_deref(), Some(b"one line\n".as_slice()));
        (&log).write_all(&vec![b'x'; MOST_KEPT]).unwrap();
        assert_eq!(log.state().as_ref().map(Vec::len), Some(9));
        assert!(log.start("no such=level=").is_err());
    }

    #[test]
    fn a_filter_is_made_of_levels() {
        for good in ["warn", "silverbullet_engine=debug", "WARN", "info,silverbullet_market::bar=trace"] {
            assert!(good.split(',').all(is_directive), "{good}");
        }
        for bad in ["loud", "", "a=b=c", "=warn", "engine=", "warn,loud"] {
            assert!(!bad.split(',').all(is_directive), "{bad}");
        }
    }
}
