//! One word on how a source fares whose prices may come over several connections.

use silverbullet_market::{SourceStatus, SourceWatch};

/// What is shown of one connection.
#[derive(Debug, Clone, Default)]
struct Shown {
    status: SourceStatus,
    reason: Option<String>,
    losses: u64,
}

/// What is shown of all of them: the worst.
#[derive(Debug)]
pub(crate) struct Board {
    watch: SourceWatch,
    /// Which of several venues it is of.
    venue: Option<u16>,
    lines: Vec<Shown>,
    /// Prices are taken too slowly.
    behind: bool,
}

impl Board {
    /// For a connection that there is going to be, of the venue with this number where there are several.
    pub(crate) fn new(watch: SourceWatch, venue: Option<u16>) -> Self {
        let mut board = Self { watch, venue, lines: Vec::new(), behind: false };
        board.lines(1);
        board
    }

    /// There are so many connections; where there is none, the place for one shows why.
    pub(crate) fn lines(&mut self, count: usize) {
        let connecting = Shown { status: SourceStatus::Connecting, ..Shown::default() };
        self.lines = vec![connecting; count.max(1)];
        self.show();
    }

    /// No connection brings prices.
    pub(crate) fn is_lost(&self) -> bool {
        self.lines.iter().all(|line| line.status == SourceStatus::Failing)
    }

    /// A connection has come to another state.
    pub(crate) fn line(&mut self, line: usize, status: SourceStatus, reason: Option<String>, losses: u64) {
        self.lines[line] = Shown { status, reason, losses };
        self.show();
    }

    /// Whether prices are taken too slowly.
    pub(crate) fn behind(&mut self, behind: bool) {
        if std::mem::replace(&mut self.behind, behind) != behind {
            self.show();
        }
    }

    /// Inputs that wait to be taken.
    pub(crate) fn waiting(&self, count: usize) {
        let lag = Some(count as u64);
        self.watch.update(|state| match self.venue {
            None => state.lag = lag,
            Some(venue) => state.venue(venue.into(), |venue| venue.lag = lag),
        });
    }

    fn show(&self) {
        let worst = self.lines.iter().max_by_key(|line| line.status.rank()).cloned().unwrap_or_default();
        let (mut status, mut reason) = (worst.status, worst.reason);
        if self.behind && status != SourceStatus::Failing {
            status = SourceStatus::Failing;
            let remedy = "take fewer assets, or a faster machine";
            reason = Some(format!("prices come faster than they are taken, and some are left out; {remedy}"));
        }
        let losses = self.lines.iter().map(|line| line.losses).sum();
        self.watch.update(|state| match self.venue {
            None => (state.status, state.reason, state.losses) = (status, reason, losses),
            Some(venue) => state.venue(venue.into(), |venue| {
                (venue.status, venue.reason, venue.losses) = (status, reason, losses);
            }),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_connection_is_shown_and_losses_are_summed() {
        let watch = SourceWatch::default();
        let mut board = Board::new(watch.clone(), None);
        board.lines(2);
        assert_eq!(watch.state().status, SourceStatus::Connecting);
        board.line(0, SourceStatus::Ok, None, 1);
        assert_eq!(watch.state().status, SourceStatus::Connecting);
        board.line(1, SourceStatus::Failing, Some("silent".into()), 2);
        board.behind(true);
        let state = watch.state();
        assert_eq!(
            (state.status, state.reason.as_deref(), state.losses),
            (SourceStatus::Failing, Some("silent"), 3)
        );
        board.line(1, SourceStatus::Ok, None, 2);
        assert!(watch.state().reason.is_some_and(|reason| reason.contains("faster machine")));
        board.behind(false);
        board.waiting(7);
        let state = watch.state();
        assert_eq!(
            (state.status, state.reason, state.losses, state.lag),
            (SourceStatus::Ok, None, 3, Some(7))
        );
    }
}
