//! Tells the lines of one start to an intake.

use std::collections::BTreeMap;

use silverbullet_market::{EventKind, Input, Nanos};

use super::heading::Heading;
use super::line::Line;
use crate::error::{FeedError, Result};
use crate::exchange::intake::{Intake, Receipt};
use crate::exchange::reader::Reader;
use crate::exchange::symbols::Symbols;
use crate::exchange::{Connection, Step, Venue, maker};

/// Reasons of events that are told apart.
const MOST_REASONS: usize = 256;
/// What those beyond are counted under.
const OTHER: &str = "another reason";

/// Turns lines into inputs as the live source did.
pub(crate) struct Teller {
    make: fn() -> Box<dyn Venue>,
    intake: Intake,
    readers: Vec<Reader>,
    base: Nanos,
}

/// Reasons of events, which live as long as the program: there are few, and each is kept once.
#[derive(Debug, Default)]
pub(crate) struct Reasons(Vec<&'static str>);

impl Reasons {
    fn of(&mut self, text: String) -> &'static str {
        if let Some(known) = self.0.iter().find(|known| **known == text) {
            return known;
        }
        if self.0.len() >= MOST_REASONS {
            return OTHER;
        }
        let reason: &'static str = text.leak();
        self.0.push(reason);
        reason
    }
}

impl Teller {
    /// For the lines under this heading.
    pub(crate) fn new(heading: &Heading) -> Result<Self> {
        let make = maker(&heading.venue).ok_or_else(|| FeedError::Setting {
            name: "recording",
            problem: format!(
                "it is of {:?}, which this program does not know; take a newer one",
                heading.venue
            ),
        })?;
        let venue = make();
        let others: BTreeMap<String, String> =
            heading.assets.iter().cloned().zip(heading.symbols.iter().cloned()).collect();
        let here: Vec<bool> = heading.symbols.iter().map(|symbol| !symbol.is_empty()).collect();
        let symbols = Symbols::new(&*venue, &heading.assets, &here, &heading.quote, &others)?;
        let intake = Intake::new(venue.name(), symbols, heading.start);
        Ok(Self { make, intake, readers: Vec::new(), base: heading.base })
    }

    /// Tells a line; whether it was a frame has been seen to.
    pub(crate) fn tell(
        &mut self,
        utc: Nanos,
        line: Line<'_>,
        reasons: &mut Reasons,
        out: &mut dyn FnMut(Input),
    ) {
        match line {
            Line::Step(connection, step) => self.step(utc, connection, step, out),
            Line::Quoted(connection, text) => self.step(utc, connection, Step::Frame(&text), out),
            Line::Note(kind, reason, detail) => out(self.intake.note(kind, reasons.of(reason), &detail)),
            Line::Gap(from, to, why) => out(self.intake.gap(from, to, &why)),
            Line::LeftOut(count) => {
                let detail =
                    format!("{count} lines were left out while it was recorded: the disk was too slow");
                out(self.intake.note(EventKind::Gap, "recording incomplete", &detail));
            }
        }
    }

    /// Something about the recording itself.
    pub(crate) fn note(&self, kind: EventKind, reason: &'static str, detail: &str) -> Input {
        self.intake.note(kind, reason, detail)
    }

    /// Prices that are missing because nothing was recorded.
    pub(crate) fn gap(&self, from: Nanos, to: Nanos, why: &str) -> Input {
        self.intake.gap(from, to, why)
    }

    fn step(&mut self, utc: Nanos, connection: Connection, step: Step<'_>, out: &mut dyn FnMut(Input)) {
        let receipt = Receipt { monotonic: utc.saturating_sub(self.base), utc };
        let place = match self.readers.iter().position(|reader| reader.connection() == connection) {
            Some(place) => place,
            None => {
                self.readers.push(Reader::new(connection, (self.make)()));
                self.readers.len() - 1
            }
        };
        self.readers[place].take(&mut self.intake, receipt, step, out);
        if step == Step::Ended {
            self.readers.swap_remove(place);
        }
    }
}
