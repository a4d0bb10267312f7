//! How far copying has come, so that it goes on there after it was broken off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::slices::Slice;

/// What is copied, and of each table, universe and variant the last bar that is done.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    what: String,
    done: BTreeMap<String, i64>,
}

/// The state in its file, which is gone once everything is done.
pub(crate) struct Resume {
    path: PathBuf,
    state: State,
}

impl Resume {
    /// What is known of copying `what`. A file about something else is begun anew: nothing is copied twice for it, only read.
    pub(crate) fn open(directory: &Path, what: &str) -> anyhow::Result<Self> {
        let path = directory.join("copy.json");
        let known = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let state =
            if known.what == what { known } else { State { what: what.to_owned(), ..State::default() } };
        Ok(Self { path, state })
    }

    pub(crate) fn is_done(&self, slice: &Slice) -> bool {
        self.state.done.get(&key(slice)).is_some_and(|done| last(slice) <= *done)
    }

    pub(crate) fn done(&mut self, slice: &Slice) -> anyhow::Result<()> {
        self.state.done.insert(key(slice), last(slice));
        let failed = || format!("cannot write {}", self.path.display());
        let partial = self.path.with_extension("json.partial");
        std::fs::write(&partial, serde_json::to_vec(&self.state)?).with_context(failed)?;
        std::fs::rename(&partial, &self.path).with_context(failed)
    }

    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

fn key(slice: &Slice) -> String {
    format!("{}/{}/{}", slice.table.name(), slice.universe, slice.variant)
}

fn last(slice: &Slice) -> i64 {
    slice.bars.map_or(i64::MAX, |(_, last)| last)
}

#[cfg(test)]
mod tests {
    use silverbullet_store::Table;

    use super::*;

    #[test]
    fn what_was_done_is_remembered_for_the_same_copy_only() {
        let folder = tempfile::tempdir().unwrap();
        let slice =
            |bars| Slice { table: Table::Bars, universe: "u".into(), variant: "v".into(), bars: Some(bars) };
        let mut resume = Resume::open(folder.path(), "this").unwrap();
        resume.done(&slice((0, 9))).unwrap();
        let again = Resume::open(folder.path(), "this").unwrap();
        assert!(
            again.is_done(&slice((0, 9))) && again.is_done(&slice((3, 7))) && !again.is_done(&slice((0, 10)))
        );
        assert!(!Resume::open(folder.path(), "that").unwrap().is_done(&slice((0, 9))));
        again.finish().unwrap();
        assert!(!Resume::open(folder.path(), "this").unwrap().is_done(&slice((0, 9))));
    }
}
