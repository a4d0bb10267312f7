//! The journal of a universe's commands: one line of JSON each, with a checksum, in the order of their numbers.
//!
//! A last line that was cut short belongs to a command that nobody was told is taken: it is left out.

use std::fmt::Debug;

use super::Entry;

/// What separates an entry from its checksum.
const SEPARATOR: &str = ",\"checksum\":\"";
/// Hexadecimal digits of a checksum.
const DIGITS: usize = 16;

/// Where commands are kept, so that they are there after whatever ends the process.
pub trait Journal: Send + Debug {
    /// Keeps `line`, which ends with a line feed, behind those kept so far; it must be safe when this returns. Where it
    /// fails nothing of the line may be left.
    ///
    /// # Errors
    /// What keeps it from being kept.
    fn append(&mut self, line: &str) -> std::io::Result<()>;
}

/// The commands of earlier runs, and where those of this one are kept.
#[derive(Debug, Default)]
pub struct CommandLog {
    /// Of earlier runs, in the order of their numbers.
    pub entries: Vec<Entry>,
    /// Where those to come are kept; without it they last as long as the run.
    pub journal: Option<Box<dyn Journal>>,
    /// The last bar whose rows are stored already, where some are: a run that computes them again must not change
    /// them, so commands take effect behind it.
    pub stored: Option<i64>,
}

/// Why a journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the journal of commands is damaged: {problem}")]
pub struct JournalError {
    /// Which line, from one.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl Entry {
    /// The line of the journal, with its line feed.
    #[must_use]
    pub fn to_line(&self) -> String {
        let json = self.to_json();
        let body = json.strip_suffix('}').unwrap_or(&json);
        format!("{body}{SEPARATOR}{}\"}}\n", checksum(body))
    }

    fn from_line(line: &str) -> Result<Self, String> {
        let (body, rest) = line.rsplit_once(SEPARATOR).ok_or("it has no checksum")?;
        if rest.strip_suffix("\"}") != Some(&checksum(body)) {
            return Err("its checksum does not fit".to_owned());
        }
        Self::from_json(&format!("{body}}}")).map_err(|error| error.to_string())
    }
}

/// The entries of a journal, and how many of its bytes hold them: what is behind is a line that was cut short.
///
/// # Errors
/// A line that is whole and damaged.
pub fn lines_of(text: &[u8]) -> Result<(Vec<Entry>, usize), JournalError> {
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let mut entries = Vec::new();
    for (number, line) in text[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
        let line = std::str::from_utf8(line).map_err(|error| error.to_string());
        let entry = line.and_then(|line| Entry::from_line(line.trim_end_matches('\n')));
        entries.push(entry.map_err(|problem| JournalError { line: number + 1, problem })?);
    }
    Ok((entries, whole))
}

fn checksum(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex()[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::Command;
    use super::*;

    fn entries() -> Vec<Entry> {
        let bounds = [("A,\"checksum\":\"".to_owned(), [0.1 + 0.2, 1.0 / 3.0])].into();
        vec![
            Entry { sequence: 1, bar: 7, taken: 5, command: Command::Bounds(bounds) },
            Entry { sequence: 2, bar: -7, taken: 6, command: Command::Pause },
        ]
    }

    #[test]
    fn lines_come_back_to_the_bit_and_one_cut_short_is_left_out() {
        let text: String = entries().iter().map(Entry::to_line).collect();
        assert_eq!(lines_of(text.as_bytes()), Ok((entries(), text.len())));
        let first = entries()[0].to_line().len();
        for end in first..text.len() {
            assert_eq!(lines_of(&text.as_bytes()[..end]), Ok((entries()[..1].to_vec(), first)), "{end}");
        }
        assert_eq!(lines_of(b""), Ok((vec![], 0)));
    }

    #[test]
    fn a_line_that_was_changed_is_named() {
        let text: String = entries().iter().map(Entry::to_line).collect();
        let second = text.find('\n').unwrap() + 1;
        for at in second..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            if bytes[at] != b'\n' {
                assert_eq!(lines_of(&bytes).unwrap_err().line, 2, "{at}");
            }
        }
    }
}
