//! What is known of one connection by what was read on it. The live source and a recording both go through this, so that
//! they cannot differ.

use silverbullet_market::Input;

use super::intake::{Intake, Price, Receipt};
use super::told::{Connection, Step};
use super::venue::{Said, Venue};

/// Prices of a replacement that are kept until it takes over: many more than come in a few seconds.
const MOST_HELD: usize = 200_000;

/// Reads one connection.
pub(crate) struct Reader {
    connection: Connection,
    venue: Box<dyn Venue>,
    /// Its first price is news to supervision.
    awaits_price: bool,
    /// What it has said so far, while another one's prices are taken.
    held: Option<Vec<Price>>,
}

/// What a step has come to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    /// What the frame was; `None` of one that was not understood.
    pub(crate) said: Option<Said>,
    /// It has the first prices of the connection, which wait for [`Step::Taken`].
    pub(crate) awaits: bool,
}

impl Reader {
    /// Of a connection whose beginning is not known, so that its prices are taken.
    pub(crate) fn new(connection: Connection, venue: Box<dyn Venue>) -> Self {
        Self { connection, venue, awaits_price: false, held: None }
    }

    /// Which connection it is.
    pub(crate) fn connection(&self) -> Connection {
        self.connection
    }

    /// Takes the next step of the connection.
    pub(crate) fn take(
        &mut self,
        intake: &mut Intake,
        receipt: Receipt,
        step: Step<'_>,
        out: &mut dyn FnMut(Input),
    ) -> Outcome {
        match step {
            Step::Begun { held } => {
                self.venue.begin();
                self.awaits_price = true;
                self.held = held.then(Vec::new);
            }
            Step::Answered(time) => intake.answered(receipt, time),
            Step::Frame(text) => return self.frame(intake, receipt, text, out),
            Step::Binary(length) => intake.binary(length, out),
            Step::Taken => {
                if self.connection.number > 0 {
                    intake.take_over(receipt.monotonic);
                }
                self.admit(intake, out);
            }
            Step::Switched => {
                let held = self.held.take().unwrap_or_default();
                intake.take_over(receipt.monotonic);
                intake.admit_held(&held, out);
            }
            Step::Ended => {}
        }
        Outcome::default()
    }

    fn frame(
        &mut self,
        intake: &mut Intake,
        receipt: Receipt,
        text: &str,
        out: &mut dyn FnMut(Input),
    ) -> Outcome {
        let said = intake.read(&mut *self.venue, receipt, text, out);
        let has_prices = !intake.prices().is_empty();
        let awaits = has_prices && std::mem::take(&mut self.awaits_price);
        if has_prices && !awaits {
            self.admit(intake, out);
        }
        Outcome { said, awaits }
    }

    /// Hands on the prices of the frame read last, or holds them.
    fn admit(&mut self, intake: &mut Intake, out: &mut dyn FnMut(Input)) {
        match &mut self.held {
            None => intake.admit_all(out),
            Some(held) if held.len() < MOST_HELD => held.extend_from_slice(intake.prices()),
            // The numbers tell that something is missing.
            Some(_) => {}
        }
    }
}
