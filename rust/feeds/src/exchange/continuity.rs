//! Whether the numbers that a venue gives its messages are what they should be.

use super::kept::Kept;
use super::venue::{Number, Print, Stream};

/// A number that is not the one expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// It has come before.
    Repeated {
        /// The number.
        number: u64,
    },
    /// It is less than the one before, and was not seen.
    Backwards {
        /// The one before.
        from: u64,
        /// This one.
        to: u64,
    },
    /// It is less than the one before, and so were some before it that rose to it: numbers begin anew.
    Anew {
        /// The one before they did.
        from: u64,
        /// This one.
        to: u64,
    },
    /// Some are missing in between.
    Missing {
        /// The one before.
        from: u64,
        /// This one.
        to: u64,
    },
}

/// What is wrong with `number` after `last`.
pub(crate) fn step(last: u64, number: Number) -> Option<Break> {
    match number {
        Number::Next(to) | Number::Rising(to) if to == last => Some(Break::Repeated { number: to }),
        Number::Next(to) | Number::Rising(to) if to < last => Some(Break::Backwards { from: last, to }),
        Number::Next(to) if to - last > 1 => Some(Break::Missing { from: last, to }),
        _ => None,
    }
}

/// So many numbers in a row that are less than the one before, and rise among themselves, are a new beginning.
const ANEW: u32 = 3;

/// The newest number of one symbol and stream.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Series {
    last: Option<u64>,
    /// The newest that was less, and how many have risen up to it.
    behind: Option<(u64, u32)>,
}

impl Series {
    /// Takes note of a number; tells where it is not the one expected.
    pub(crate) fn look(&mut self, number: Number) -> Option<Break> {
        let value = number.value()?;
        let Some(last) = self.last else {
            self.last = Some(value);
            return None;
        };
        let found = step(last, number);
        match found {
            Some(Break::Repeated { .. }) => {}
            Some(Break::Backwards { .. }) => return self.look_behind(last, value),
            _ => (self.last, self.behind) = (Some(value), None),
        }
        found
    }

    /// Whether this number, or a later one, has come.
    pub(crate) fn has_passed(&self, number: u64) -> bool {
        self.last.is_some_and(|last| number <= last)
    }

    fn look_behind(&mut self, last: u64, value: u64) -> Option<Break> {
        let risen = match self.behind {
            Some((before, risen)) if before < value => risen + 1,
            Some((before, risen)) if before == value => risen,
            _ => 1,
        };
        self.behind = Some((value, risen));
        if risen < ANEW {
            return Some(Break::Backwards { from: last, to: value });
        }
        (self.last, self.behind) = (Some(value), None);
        Some(Break::Anew { from: last, to: value })
    }
}

/// The newest number of each symbol and stream, of the first 4,096 symbols whose names have no more than 64 bytes: those of
/// others are not judged.
#[derive(Debug, Default)]
pub struct Continuity(Kept<[Series; 2]>);

impl Continuity {
    /// Takes note of a price; tells where its number is not the one expected. A repeated one must not be taken again.
    pub fn look(&mut self, print: &Print<'_>) -> Option<Break> {
        print.number.value()?;
        let place = usize::from(print.stream == Stream::Quote);
        let Some(known) = self.0.get_mut(print.symbol) else {
            let mut first = [Series::default(); 2];
            first[place].look(print.number);
            // Of a symbol that is not kept every number is the first.
            let _ = self.0.keep(print.symbol, first);
            return None;
        };
        known[place].look(print.number)
    }

    /// Forgets everything: numbers of another connection may begin anew.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(symbol: &str, stream: Stream, number: Number) -> Print<'_> {
        Print { symbol, stream, price: 1.0, bid: None, ask: None, size: None, time: None, number }
    }

    #[test]
    fn each_symbol_and_stream_is_counted_for_itself() {
        let mut continuity = Continuity::default();
        let trade = |number| print("A", Stream::Trade, Number::Next(number));
        let steps = [
            (trade(7), None),
            (trade(8), None),
            (trade(8), Some(Break::Repeated { number: 8 })),
            (print("B", Stream::Trade, Number::Next(1)), None),
            (print("A", Stream::Quote, Number::Rising(5)), None),
            (print("A", Stream::Quote, Number::Rising(50)), None),
            (trade(11), Some(Break::Missing { from: 8, to: 11 })),
            (trade(10), Some(Break::Backwards { from: 11, to: 10 })),
            (trade(12), None),
            (print("A", Stream::Quote, Number::Rising(49)), Some(Break::Backwards { from: 50, to: 49 })),
            (print("A", Stream::Trade, Number::None), None),
        ];
        for (print, expected) in steps {
            assert_eq!(continuity.look(&print), expected, "{print:?}");
        }
        continuity.clear();
        assert_eq!(continuity.look(&trade(1)), None);
    }

    #[test]
    fn numbers_that_begin_anew_are_taken_from_the_third_on() {
        let mut series = Series::default();
        let back = |to| Some(Break::Backwards { from: 1_000, to });
        let steps = [
            (1_000, None),
            (5, back(5)),
            // A message that is sent again does not count.
            (5, back(5)),
            (4, back(4)),
            (7, back(7)),
            (8, Some(Break::Anew { from: 1_000, to: 8 })),
            (9, None),
            (8, Some(Break::Backwards { from: 9, to: 8 })),
            (10, None),
            (8, Some(Break::Backwards { from: 10, to: 8 })),
            (9, Some(Break::Backwards { from: 10, to: 9 })),
            (11, None),
        ];
        for (number, expected) in steps {
            assert_eq!(series.look(Number::Next(number)), expected, "{number}");
        }
    }
}
