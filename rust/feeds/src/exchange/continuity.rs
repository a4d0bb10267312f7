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

/// The newest number of each symbol and stream, of the first 4,096 symbols whose names have no more than 64 bytes: those of
/// others are not judged.
#[derive(Debug, Default)]
pub struct Continuity(Kept<[Option<u64>; 2]>);

impl Continuity {
    /// Takes note of a price; tells where its number is not the one expected. A repeated one must not be taken again.
    pub fn look(&mut self, print: &Print<'_>) -> Option<Break> {
        let number = print.number.value()?;
        let place = usize::from(print.stream == Stream::Quote);
        let Some(known) = self.0.get_mut(print.symbol) else {
            let mut first = [None; 2];
            first[place] = Some(number);
            // Of a symbol that is not kept every number is the first.
            let _ = self.0.keep(print.symbol, first);
            return None;
        };
        let Some(last) = known[place] else {
            known[place] = Some(number);
            return None;
        };
        let found = step(last, print.number);
        if !matches!(found, Some(Break::Repeated { .. } | Break::Backwards { .. })) {
            known[place] = Some(number);
        }
        found
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
}
