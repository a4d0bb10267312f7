//! What a person changes while a universe runs: holdings, bounds, pause and resume.
//!
//! A command is numbered and given a bar by the hot thread, the second after the last final one. Rows from that bar
//! on follow it; live answers do at once. It is written to a journal before anybody is told that it is taken, and
//! what is stored is a function of the settings, the input and the journal: commands change no variant.

mod desk;
mod journal;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use silverbullet_kernel::Bounds;
use silverbullet_market::{Nanos, Universe};

use crate::durable::rows::Weights;
pub(crate) use desk::Message;
pub use desk::{CommandDesk, CommandView, Reply};
pub use journal::{CommandLog, Journal, JournalError, lines_of};

/// A command takes effect this many bars after the last final one: the one that is open may be final before it is
/// decided.
pub(crate) const AHEAD: i64 = 2;
/// How far holdings may miss the sum of one.
const SUM_TOLERANCE: f64 = 1e-6;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Weight bounds of these assets, [lower, upper]; the others keep theirs. None takes back all that were
    /// commanded: those of the settings hold again.
    Bounds(BTreeMap<String, [f64; 2]>),
    /// The weights held now, which turnover is measured against; an asset that is not named is not held. None takes
    /// them back: turnover is measured against the row before again.
    Holdings(BTreeMap<String, f64>),
    /// No portfolios are answered or stored until they are resumed. Bars go on.
    Pause,
    /// Portfolios are answered and stored again.
    Resume,
}

/// A command as it is written in JSON: `{"command": "bounds", "bounds": {"BTC": [0.0, 0.3]}}`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
enum Written {
    Bounds { bounds: BTreeMap<String, [f64; 2]> },
    Holdings { holdings: BTreeMap<String, f64> },
    Pause {},
    Resume {},
}

impl From<Command> for Written {
    fn from(command: Command) -> Self {
        match command {
            Command::Bounds(bounds) => Self::Bounds { bounds },
            Command::Holdings(holdings) => Self::Holdings { holdings },
            Command::Pause => Self::Pause {},
            Command::Resume => Self::Resume {},
        }
    }
}

impl From<Written> for Command {
    fn from(written: Written) -> Self {
        match written {
            Written::Bounds { bounds } => Self::Bounds(bounds),
            Written::Holdings { holdings } => Self::Holdings(holdings),
            Written::Pause {} => Self::Pause,
            Written::Resume {} => Self::Resume,
        }
    }
}

impl Command {
    /// Reads a command from JSON.
    ///
    /// # Errors
    /// [`CommandError::Malformed`].
    pub fn from_json(json: &[u8]) -> Result<Self, CommandError> {
        serde_json::from_slice::<Written>(json)
            .map(Self::from)
            .map_err(|error| CommandError::Malformed(error.to_string()))
    }
}

/// Why a command is not taken. Each message says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It is not one of the commands in JSON.
    #[error(
        "this is not a command ({0}); there are {{\"command\":\"bounds\",\"bounds\":{{\"BTC\":[0.0,0.3]}}}}, \
         {{\"command\":\"holdings\",\"holdings\":{{\"BTC\":1.0}}}}, {{\"command\":\"pause\"}} and \
         {{\"command\":\"resume\"}}"
    )]
    Malformed(String),
    /// It cannot be met in this universe.
    #[error("{0}")]
    Refused(String),
    /// There is no bar yet to count from.
    #[error("universe {0} has no final bar yet; send the command again after the first")]
    NoBarYet(String),
    /// Too many are waiting.
    #[error("too many commands are waiting; send this one again in a moment")]
    Busy,
    /// The engine takes no more of them.
    #[error("the run has ended; commands are taken while it goes on")]
    Ended,
    /// It was not kept and is not in force.
    #[error("the command cannot be kept ({0}), so it is not in force; make room and send it again")]
    NotKept(String),
}

/// A command with its place: what is journalled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts the commands of a universe and variant from 1.
    pub sequence: u64,
    /// The first bar whose rows follow it.
    pub bar: i64,
    /// Time of day at which it was taken, nanoseconds UTC; nothing depends on it.
    pub taken: Nanos,
    /// The command.
    pub command: Command,
}

/// An entry as it is written in JSON.
#[derive(Serialize, Deserialize)]
struct WrittenEntry {
    sequence: u64,
    bar: i64,
    taken: Nanos,
    command: Written,
}

impl Entry {
    /// The entry as JSON: `{"sequence": 1, "bar": 71, "taken": …, "command": {…}}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { sequence, bar, taken, ref command } = *self;
        let written = WrittenEntry { sequence, bar, taken, command: command.clone().into() };
        // Numbers of a checked command are finite, and nothing else can fail.
        serde_json::to_string(&written).unwrap_or_default()
    }

    fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        let WrittenEntry { sequence, bar, taken, command } = serde_json::from_str(json)?;
        Ok(Self { sequence, bar, taken, command: command.into() })
    }
}

/// What commands have led to at one bar, and those that are to come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CommandState {
    /// Bounds that were commanded, by asset.
    pub bounds: BTreeMap<String, [f64; 2]>,
    /// The weights held, by asset; empty where none were told.
    pub holdings: BTreeMap<String, f64>,
    /// Whether portfolios are paused.
    pub paused: bool,
    /// Number of the newest command known.
    pub sequence: u64,
    /// Those of later bars, in the order of bar and number.
    pending: Vec<Entry>,
}

impl CommandState {
    /// Takes note of a command.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.sequence = self.sequence.max(entry.sequence);
        let key = |entry: &Entry| (entry.bar, entry.sequence);
        let place = self.pending.partition_point(|other| key(other) <= key(&entry));
        self.pending.insert(place, entry);
    }

    /// The last bar that a command waits for; the least number where none does.
    pub(crate) fn last_bar(&self) -> i64 {
        self.pending.last().map_or(i64::MIN, |entry| entry.bar)
    }

    /// Whether a command waits for `bar` or one before.
    #[inline]
    pub(crate) fn is_due(&self, bar: i64) -> bool {
        self.pending.first().is_some_and(|entry| entry.bar <= bar)
    }

    /// Applies the commands of the bars up to `bar`, and gives them back in their order.
    pub(crate) fn advance(&mut self, bar: i64) -> Vec<Entry> {
        let due = self.pending.partition_point(|entry| entry.bar <= bar);
        let entries: Vec<Entry> = self.pending.drain(..due).collect();
        entries.iter().for_each(|entry| self.apply(&entry.command));
        entries
    }

    fn apply(&mut self, command: &Command) {
        match command {
            Command::Bounds(bounds) if bounds.is_empty() => self.bounds.clear(),
            Command::Bounds(bounds) => {
                self.bounds.extend(bounds.iter().map(|(asset, pair)| (asset.clone(), *pair)));
            }
            Command::Holdings(holdings) => self.holdings.clone_from(holdings),
            Command::Pause => self.paused = true,
            Command::Resume => self.paused = false,
        }
    }

    /// Makes sure that `universe` can follow `command` after all that were taken before.
    ///
    /// # Errors
    /// [`CommandError::Refused`], with what is wrong and what would be right.
    pub(crate) fn check(&self, universe: &Universe, command: &Command) -> Result<(), CommandError> {
        let refuse = |problem: String| Err(CommandError::Refused(problem));
        let names: Vec<&String> = match command {
            Command::Bounds(bounds) => bounds.keys().collect(),
            Command::Holdings(holdings) => holdings.keys().collect(),
            Command::Pause | Command::Resume => Vec::new(),
        };
        if let Some(unknown) = names.into_iter().find(|name| !universe.assets.contains(name)) {
            let (universe, known) = (&universe.name, universe.assets.join(", "));
            return refuse(format!("universe {universe} has no asset {unknown:?}; there are {known}"));
        }
        match command {
            Command::Bounds(bounds) => {
                if let Some((asset, [lower, upper])) =
                    bounds.iter().find(|(_, [lower, upper])| !(lower.is_finite() && upper.is_finite()))
                {
                    return refuse(format!("bounds of {asset}: {lower} and {upper} must be finite numbers"));
                }
                if let Some((asset, [lower, upper])) = bounds.iter().find(|(_, [lower, upper])| lower > upper)
                {
                    return refuse(format!("bounds of {asset}: lower {lower} is above upper {upper}"));
                }
                let mut after = self.clone();
                after.advance(i64::MAX);
                after.apply(command);
                let Terms { lower, upper, .. } = after.terms(universe);
                Bounds::new(lower, upper).map_err(|error| {
                    CommandError::Refused(format!(
                        "{error}, counting the bounds in force of all other assets"
                    ))
                })?;
                Ok(())
            }
            Command::Holdings(holdings) if !holdings.is_empty() => {
                if let Some((asset, weight)) = holdings.iter().find(|(_, weight)| !weight.is_finite()) {
                    return refuse(format!("holdings of {asset}: {weight} must be a finite number"));
                }
                let sum: f64 = holdings.values().sum();
                if (sum - 1.0).abs() > SUM_TOLERANCE {
                    return refuse(format!("the holdings sum to {sum}; they are weights and must sum to 1"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What `universe` follows under these commands.
    pub(crate) fn terms(&self, universe: &Universe) -> Terms {
        let pair = |(position, asset): (usize, &String)| {
            let own = [universe.lower[position], universe.upper[position]];
            self.bounds.get(asset).copied().unwrap_or(own)
        };
        let pairs: Vec<[f64; 2]> = universe.assets.iter().enumerate().map(pair).collect();
        let weight = |asset: &String| (asset.clone(), self.holdings.get(asset).copied().unwrap_or(0.0));
        let holdings = Weights(universe.assets.iter().map(weight).collect());
        Terms {
            lower: pairs.iter().map(|pair| pair[0]).collect(),
            upper: pairs.iter().map(|pair| pair[1]).collect(),
            holdings: (!self.holdings.is_empty()).then_some(holdings),
            paused: self.paused,
        }
    }
}

/// What the rows of a bar follow beside the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Least weight of each asset of the universe.
    pub lower: Vec<f64>,
    /// Most weight of each.
    pub upper: Vec<f64>,
    /// The weights held, in universe order.
    pub holdings: Option<Weights>,
    /// Whether portfolios are paused.
    pub paused: bool,
}

impl Terms {
    /// Bounds over some of the assets, by position.
    pub(crate) fn bounds_for(&self, eligible: &[usize]) -> silverbullet_kernel::Result<Bounds> {
        let pick = |of: &[f64]| eligible.iter().map(|&asset| of[asset]).collect();
        Bounds::new(pick(&self.lower), pick(&self.upper))
    }
}

#[cfg(test)]
mod tests;
