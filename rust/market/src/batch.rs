//! A whole stretch of ticks as one window: what `optimize` works on.

use crate::assembly::{Assembly, Step};
use crate::bar::FinalBar;
use crate::moments::ReturnMatrix;
use crate::tick::{Event, Tick};
use crate::universe::Universe;
use crate::window::ReturnWindow;

/// The returns of a whole stretch, with what was left out of it.
#[derive(Debug, Clone)]
pub struct BatchReturns {
    /// Positions, in the universe, of the assets that take part: the columns of `returns`.
    pub assets: Vec<usize>,
    /// Positions of those that do not, with the reason.
    pub excluded: Vec<(usize, String)>,
    /// One row a bar, oldest first.
    pub returns: ReturnMatrix,
    /// Inputs that did not count.
    pub events: Vec<Event>,
    /// Bars the ticks made, the first of which has no return.
    pub bars: usize,
}

/// Forms the bars of `ticks` and takes the newest `last` returns (all of them if `None`) as one window.
#[must_use]
pub fn returns_of(
    universe: &Universe,
    ticks: impl Iterator<Item = Tick>,
    last: Option<usize>,
) -> BatchReturns {
    let mut assembly = Assembly::new(universe);
    let mut bars: Vec<FinalBar> = Vec::new();
    let mut events = Vec::new();
    let mut take = |step: Step| match step {
        Step::Bar(bar) => bars.push(*bar),
        Step::Gap(event) => {
            // Returns on both sides of a gap do not belong together: the newer side is the window.
            bars.clear();
            events.push(event);
        }
        Step::Event(event) => events.push(event),
        Step::Tick(..) => {}
    };
    for tick in ticks {
        assembly.tick(tick, &mut take);
    }
    assembly.end(&mut take);
    let length = bars.len().saturating_sub(1).min(last.unwrap_or(usize::MAX));
    let count = universe.assets.len();
    if length == 0 {
        let excluded = (0..count).map(|asset| (asset, "fewer than two bars".to_owned())).collect();
        return BatchReturns {
            assets: vec![],
            excluded,
            returns: ReturnMatrix::new(0),
            events,
            bars: bars.len(),
        };
    }
    let mut window = ReturnWindow::new(count, length, crate::Nanos::MAX);
    for bar in &bars[bars.len() - length..] {
        window.push(bar);
    }
    let (assets, left_out): (Vec<usize>, Vec<usize>) =
        (0..count).partition(|&asset| window.is_eligible(asset));
    let excluded = left_out.into_iter().map(|asset| (asset, window.why_not(asset))).collect();
    BatchReturns { returns: window.returns_of(&assets), assets, excluded, events, bars: bars.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::universe::UniverseSettings;
    use crate::{Nanos, SECOND, fixtures};

    fn universe() -> Universe {
        let settings = UniverseSettings {
            bar: "1s".into(),
            window: 5,
            estimator: "sample".into(),
            lateness: "0s".into(),
            ..fixtures::settings()
        };
        Universe::resolve("test", &settings, &fixtures::source(&["A", "B", "C"]), 0).unwrap()
    }

    fn tick(asset: u32, second: Nanos, price: f64) -> Tick {
        fixtures::tick(asset, second * SECOND, price, second.unsigned_abs())
    }

    /// A in each of ten bars, B from the fourth on, C in three of them only.
    fn ticks() -> Vec<Tick> {
        let mut ticks = vec![];
        for second in 1..=10 {
            ticks.push(tick(0, second, 100.0 + second as f64));
            if second >= 4 {
                ticks.push(tick(1, second, 50.0));
            }
            if second % 4 == 1 {
                ticks.push(tick(2, second, 7.0));
            }
        }
        ticks
    }

    #[test]
    fn the_whole_stretch_is_one_window_of_the_assets_that_fill_it() {
        let batch = returns_of(&universe(), ticks().into_iter(), None);
        assert_eq!((batch.bars, batch.returns.rows()), (10, 9));
        assert_eq!(batch.assets, [0]);
        assert_eq!(batch.excluded[0], (1, "6 of 9 bars have a return".to_owned()));
        assert_eq!(batch.excluded[1], (2, "2 of 9 bars have a tick".to_owned()));
        assert_eq!(batch.returns.row(0), [102.0 / 101.0 - 1.0]);
    }

    #[test]
    fn the_newest_returns_alone_may_let_more_assets_in() {
        let batch = returns_of(&universe(), ticks().into_iter(), Some(6));
        assert_eq!(batch.assets, [0, 1]);
        assert_eq!(batch.returns.rows(), 6);
    }

    #[test]
    fn one_bar_has_no_return() {
        let batch = returns_of(&universe(), ticks().into_iter().take(1), None);
        assert_eq!((batch.assets.len(), batch.excluded.len()), (0, 3));
    }
}
