//! What is kept of each symbol, for no more of them than a venue can sensibly have.
//!
//! Names come from the venue. One that makes up names must not be able to fill the memory, and a name may be as long as a
//! frame.

use std::collections::HashMap;

use super::venue::Fault;

/// So many are kept: more than any venue has markets of one kind, and than may be asked for on one connection.
const MOST: usize = 4_096;

/// The longest name that is kept, in bytes, with what a venue puts before it: twice that of an option.
const LONGEST: usize = 64;

/// A name for which there is no room any more.
pub(crate) const TOO_MANY: &str = "too many symbols";

/// A name that is not kept.
pub(crate) const TOO_LONG: &str = "symbol too long";

/// Values by names: less than a megabyte of them.
#[derive(Debug, Default)]
pub(crate) struct Kept<T>(HashMap<String, T>);

impl<T> Kept<T> {
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.0.get_mut(name)
    }

    /// Keeps `value`. Who came first stays: a flood of names takes no known one away.
    ///
    /// # Errors
    /// A name that is too long, or of which there are too many.
    pub(crate) fn keep(&mut self, name: &str, value: T) -> Result<(), Fault> {
        if let Some(known) = self.0.get_mut(name) {
            *known = value;
            return Ok(());
        }
        if name.len() > LONGEST {
            return Err(Fault::new(TOO_LONG, "symbol", name.as_bytes()));
        }
        if self.0.len() >= MOST {
            return Err(Fault::new(TOO_MANY, "symbol", name.as_bytes()));
        }
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_names_and_the_known_ones_stay() {
        let mut kept = Kept::default();
        for number in 0..MOST {
            assert_eq!(kept.keep(&format!("A{number}"), number), Ok(()));
        }
        assert_eq!(kept.keep("B", 1).unwrap_err().reason, TOO_MANY);
        assert_eq!(kept.keep("A7", 70), Ok(()));
        assert_eq!([kept.get("A6"), kept.get("A7"), kept.get("B")], [Some(&6), Some(&70), None]);
        kept.clear();
        assert_eq!((kept.keep("B", 1), kept.get("A7")), (Ok(()), None));
    }

    #[test]
    fn a_name_that_is_too_long_is_not_kept() {
        let mut kept = Kept::default();
        assert_eq!(kept.keep(&"A".repeat(LONGEST), 1), Ok(()));
        let long = "A".repeat(LONGEST + 1);
        assert_eq!(kept.keep(&long, 1).unwrap_err().reason, TOO_LONG);
        assert_eq!(kept.get(&long), None);
    }
}
