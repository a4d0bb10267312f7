//! Where the durable results of a universe stood at one point of its input, to go on from there.
//!
//! A checkpoint belongs to a consistent cut: everything that the first [`inputs`](Checkpoint::inputs) inputs of
//! the source led to has been written, and nothing of the others. It holds what the rows after it depend on
//! besides those inputs, so that a run resumed from it writes the same bits as one that was never stopped:
//! admission and open bars, the return window, the weights stored last, and what was commanded. What serves live answers only
//! (population, warm solvers) is made anew.
//!
//! As bytes: eight that say what this is, the format's version, a BLAKE3 checksum, and the fields by `postcard`,
//! which keeps every bit of a float.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use silverbullet_market::{Assembly, ReturnWindow, Universe};

use crate::commands::CommandState;
use crate::error::Result;

/// What every checkpoint begins with.
const MARK: [u8; 8] = *b"SBcheckp";
/// Raised whenever a field of the checkpoint, or of what it holds, changes.
const VERSION: u32 = 3;
/// Mark and version.
const HEAD: usize = MARK.len() + size_of::<u32>();

/// A point to resume from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Name of the universe.
    pub universe: String,
    /// Its variant: settings, seed and source. No other one may go on from here.
    pub variant: String,
    /// Inputs of the source consumed, from its start.
    pub inputs: u64,
    /// Number of the last final bar; `None` before the first.
    pub bar: Option<i64>,
    /// Rows of `events` written so far: the ordinal of the last of them, counted from one.
    pub events: u64,
    /// True when the input came to its own end, so that there is nothing to go on with.
    pub complete: bool,
    /// Of each partition seen: the last offset (or line) consumed.
    pub offsets: BTreeMap<u32, u64>,
    pub(crate) assembly: Assembly,
    pub(crate) window: ReturnWindow,
    pub(crate) weights: Vec<StoredWeights>,
    /// What commands have led to, and those taken whose bar is still to come.
    pub commands: CommandState,
}

/// The weights in the last row of one objective and method, which the next row's turnover is measured from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredWeights {
    pub(crate) objective: String,
    pub(crate) method: String,
    pub(crate) weights: Vec<(String, f64)>,
}

/// Why there is no going on from a checkpoint. Each message names what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes begin with something else.
    #[error("this is not a checkpoint")]
    NotACheckpoint,
    /// Written by another version of the program.
    #[error("the checkpoint has format {found}, this program reads format {VERSION}")]
    OtherVersion {
        /// The version found.
        found: u32,
    },
    /// Cut short or changed since it was written.
    #[error("the checkpoint is damaged: {0}")]
    Damaged(String),
    /// It could not be written as bytes.
    #[error("the checkpoint cannot be written: {0}")]
    Encoding(String),
    /// Of another universe.
    #[error("the checkpoint is of universe {found}, not of {expected}")]
    OtherUniverse {
        /// Name of the universe it is of.
        found: String,
        /// Name of the universe to be run.
        expected: String,
    },
    /// Of other settings, another seed or another input.
    #[error(
        "universe {universe}: the checkpoint is of variant {found}; settings, seed and input of this run make \
         variant {expected}, which starts from the beginning"
    )]
    OtherVariant {
        /// Name of the universe.
        universe: String,
        /// Variant it is of.
        found: String,
        /// Variant to be run.
        expected: String,
    },
    /// The source brought less than it did before.
    #[error(
        "universe {universe}: the input ended {missing} inputs before the point of the checkpoint; it is not the \
         input that the checkpoint was made from"
    )]
    InputTooShort {
        /// Name of the universe.
        universe: String,
        /// Inputs that were still to be passed over.
        missing: u64,
    },
}

impl Checkpoint {
    /// Before the first input of `universe`: resuming from it is to start.
    #[must_use]
    pub fn new(universe: &Universe) -> Self {
        Self {
            universe: universe.name.clone(),
            variant: universe.variant.clone(),
            inputs: 0,
            bar: None,
            events: 0,
            complete: false,
            offsets: BTreeMap::new(),
            assembly: Assembly::new(universe),
            window: ReturnWindow::new(universe.assets.len(), universe.window, universe.stale_after),
            weights: Vec::new(),
            commands: CommandState::default(),
        }
    }

    /// How many decisions about partitions it is behind.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.assembly.decisions()
    }

    /// Makes sure that a run of `universe` may go on from here.
    ///
    /// # Errors
    /// [`CheckpointError::OtherUniverse`] or [`CheckpointError::OtherVariant`].
    pub fn check(&self, universe: &Universe) -> Result<()> {
        if self.universe != universe.name {
            let (found, expected) = (self.universe.clone(), universe.name.clone());
            return Err(CheckpointError::OtherUniverse { found, expected }.into());
        }
        let window = self.window.is_for(universe.assets.len(), universe.window, universe.stale_after);
        if self.variant != universe.variant || !window || !self.assembly.is_for(universe) {
            return Err(CheckpointError::OtherVariant {
                universe: universe.name.clone(),
                found: self.variant.clone(),
                expected: universe.variant.clone(),
            }
            .into());
        }
        Ok(())
    }

    /// The checkpoint as bytes; the same checkpoint gives the same bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Encoding`], which no checkpoint of an engine brings about.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let payload =
            postcard::to_stdvec(self).map_err(|error| CheckpointError::Encoding(error.to_string()))?;
        let mut bytes = Vec::with_capacity(HEAD + blake3::OUT_LEN + payload.len());
        bytes.extend_from_slice(&MARK);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let checksum = checksum(&bytes, &payload);
        bytes.extend_from_slice(checksum.as_bytes());
        bytes.extend_from_slice(&payload);
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`CheckpointError::NotACheckpoint`], [`CheckpointError::OtherVersion`] or [`CheckpointError::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| CheckpointError::Damaged(what.to_owned());
        let rest = bytes.strip_prefix(&MARK).ok_or(CheckpointError::NotACheckpoint)?;
        let (version, rest) = rest.split_first_chunk().ok_or_else(|| damaged("it ends in its head"))?;
        let found = u32::from_le_bytes(*version);
        if found != VERSION {
            return Err(CheckpointError::OtherVersion { found }.into());
        }
        let (expected, payload) =
            rest.split_first_chunk::<{ blake3::OUT_LEN }>().ok_or_else(|| damaged("it ends in its head"))?;
        if checksum(&bytes[..HEAD], payload) != blake3::Hash::from_bytes(*expected) {
            return Err(damaged("its checksum does not fit").into());
        }
        Ok(postcard::from_bytes(payload).map_err(|error| damaged(&error.to_string()))?)
    }
}

fn checksum(head: &[u8], payload: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(head).update(payload).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::fixtures::{settings, universe};

    fn refusal<T>(outcome: Result<T>) -> CheckpointError {
        match outcome {
            Err(Error::Checkpoint(error)) => error,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("nothing was refused"),
        }
    }

    #[test]
    fn bytes_come_back_as_they_were_written() {
        let mut checkpoint = Checkpoint::new(&universe(3, &settings()));
        checkpoint.inputs = 71;
        checkpoint.bar = Some(-4);
        checkpoint.offsets.insert(2, 9);
        let bytes = checkpoint.to_bytes().unwrap();
        let read = Checkpoint::from_bytes(&bytes).unwrap();
        assert_eq!((read.inputs, read.bar, read.offsets[&2]), (71, Some(-4), 9));
        assert_eq!(read.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn what_is_wrong_with_the_bytes_is_said() {
        let bytes = Checkpoint::new(&universe(3, &settings())).to_bytes().unwrap();
        assert_eq!(refusal(Checkpoint::from_bytes(b"PK\x03\x04")), CheckpointError::NotACheckpoint);
        assert_eq!(refusal(Checkpoint::from_bytes(&[])), CheckpointError::NotACheckpoint);
        let mut newer = bytes.clone();
        newer[MARK.len()] = 9;
        assert_eq!(refusal(Checkpoint::from_bytes(&newer)), CheckpointError::OtherVersion { found: 9 });
        for end in MARK.len()..bytes.len() {
            assert!(matches!(refusal(Checkpoint::from_bytes(&bytes[..end])), CheckpointError::Damaged(_)));
        }
        for at in HEAD..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert!(matches!(refusal(Checkpoint::from_bytes(&changed)), CheckpointError::Damaged(_)), "{at}");
        }
    }

    #[test]
    fn only_its_own_universe_and_variant_go_on_from_it() {
        let mine = universe(3, &settings());
        let checkpoint = Checkpoint::new(&mine);
        assert!(checkpoint.check(&mine).is_ok());
        let named = Universe { name: "other".into(), ..mine.clone() };
        assert!(matches!(refusal(checkpoint.check(&named)), CheckpointError::OtherUniverse { .. }));
        let other = universe(3, &silverbullet_market::UniverseSettings { risk_free: 1e-9, ..settings() });
        let refused = refusal(checkpoint.check(&other));
        assert!(refused.to_string().contains(&other.variant), "{refused}");
    }
}
