//! `--name value` pairs.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::Outcome;

/// What stands behind the sub-command.
pub(crate) struct Arguments(BTreeMap<String, String>);

impl Arguments {
    /// Reads pairs to the end.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut pairs = BTreeMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("{word:?} is not a --name"))?;
            let value = words.next().ok_or_else(|| format!("{word} has no value"))?;
            pairs.insert(name.to_owned(), value);
        }
        Ok(Self(pairs))
    }

    /// The text of an argument that must be there.
    pub(crate) fn text(&self, name: &str) -> Outcome<&str> {
        self.get(name).ok_or_else(|| format!("--{name} is missing").into())
    }

    /// The text of an argument, where it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number that must be there.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Outcome<T> {
        let text = self.text(name)?;
        text.parse().map_err(|_| format!("--{name} {text}: not a number").into())
    }

    /// A number, or what stands in for it.
    pub(crate) fn number_or<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        if self.get(name).is_some() { self.number(name) } else { Ok(default) }
    }
}
