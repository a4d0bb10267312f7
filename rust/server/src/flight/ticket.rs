//! Tickets: which share of which answer, or which table to follow.

use std::fmt;

use tonic::Status;

/// One share of one answer. Written `start.number.share`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Which start of the program gave it out.
    pub(crate) start: u64,
    pub(crate) number: u64,
    pub(crate) share: usize,
}

/// What a table is followed with: this, and its name.
const FOLLOW: &str = "follow.";

/// What a ticket is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Share(Ticket),
    Follow(String),
}

impl Wanted {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Status> {
        match std::str::from_utf8(bytes).ok().and_then(|text| text.strip_prefix(FOLLOW)) {
            Some(table) => Ok(Self::Follow(table.to_owned())),
            None => Ticket::read(bytes).map(Self::Share),
        }
    }

    /// The ticket with which a table is followed.
    pub(crate) fn following(table: &str) -> String {
        format!("{FOLLOW}{table}")
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.start, self.number, self.share)
    }
}

impl Ticket {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Status> {
        let read = || {
            let mut parts = std::str::from_utf8(bytes).ok()?.split('.');
            let ticket = Self {
                start: parts.next()?.parse().ok()?,
                number: parts.next()?.parse().ok()?,
                share: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(ticket)
        };
        read().ok_or_else(|| {
            Status::invalid_argument("this is no ticket of this server: take one from GetFlightInfo as it is")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_was_written_and_nothing_else_is() {
        let ticket = Ticket { start: 7, number: 12, share: 63 };
        assert_eq!(Ticket::read(ticket.to_string().as_bytes()).unwrap(), ticket);
        for text in ["", "7.12", "7.12.63.0", "7.12.-1", "a.b.c", "\u{7f}", "99999999999999999999999.1.1"] {
            let status = Ticket::read(text.as_bytes()).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{text}");
        }
    }
}
