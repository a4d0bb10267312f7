//! Where the hot thread meets the refresh thread.

use super::{HotLoop, count};
use crate::hot::book::Book;

impl HotLoop {
    /// Swaps in a population that the refresh thread has ready.
    pub(super) fn take_refresh(&mut self) {
        if !self.desk.has_ready() {
            return;
        }
        let Self { desk, book, population, bar, condition_number, live, answerer, .. } = self;
        desk.take(|ready| {
            if ready.generation != book.generation {
                return;
            }
            let Some(fresh) = &mut ready.population else { return };
            // Only where bars close faster than populations are drawn, as in a file at full speed: O(K·N²).
            if ready.bar != *bar {
                fresh.rebase(&book.closed);
            }
            fresh.start_open_bar(&book.open_returns);
            *condition_number = ready.condition_number;
            // The old population goes back, to be dropped on the other thread.
            std::mem::swap(population, &mut ready.population);
            answerer.forget_leaders();
            count(&live.counters.refreshes);
        });
    }

    pub(super) fn request_refresh(&mut self) {
        let Some(bounds) = self.answerer.bounds().filter(|bounds| bounds.assets() > 1) else {
            self.unposted = false;
            return;
        };
        let Book { generation, eligible, closes, closed, .. } = &self.book;
        let (bar, stand_in) = (self.bar, self.answerer.stand_in());
        self.unposted = !self.desk.post(|close| {
            // What stays as long as the same assets are eligible was written with an earlier close.
            if close.generation != *generation {
                close.generation = *generation;
                close.eligible.clone_from(eligible);
                close.bounds = bounds.clone();
            }
            close.bar = bar;
            close.closes.clear();
            close.closes.extend(eligible.iter().map(|&position| closes[position]));
            close.closed.copy_from(closed);
            close.stand_in = stand_in.cloned();
        });
    }
}
