//! Bars a second into a return window and its rolling moments, all in memory: what a close costs before any answer.

use silverbullet_market::moments::{ClosedMoments, Estimator, RollingMoments};
use silverbullet_market::{AssetBar, Clock, FinalBar, ReturnWindow, SystemClock};

use crate::Failure;
use crate::arguments::Arguments;
use crate::report;

/// What is done with each bar.
#[derive(Clone, Copy)]
struct Case {
    what: &'static str,
    estimator: Estimator,
    /// Whether means and covariances are read off after it.
    reads: bool,
}

const CASES: [Case; 3] = [
    Case { what: "into the window and its sums", estimator: Estimator::Sample, reads: false },
    Case { what: "and covariances read", estimator: Estimator::Sample, reads: true },
    Case { what: "and covariances shrunk", estimator: Estimator::LedoitWolf, reads: true },
];

/// Prices a second, as a window of lists takes them one by one: those of a bar come all at once.
pub(crate) fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let window = arguments.window as usize;
    let mut rows = Vec::new();
    for assets in [16, arguments.assets as usize] {
        let bars = bars(assets, 1_024);
        for case in CASES {
            let runs = (0..arguments.runs).map(|_| run(&bars, window, arguments.bars, case));
            let each = runs.collect::<Result<Vec<_>, _>>()?;
            let prices = each.into_iter().map(|rate| rate * assets as f64).collect();
            rows.push((format!("{assets} assets, {window} bars, {}", case.what), prices));
        }
    }
    report::rates("window", "prices/s", &rows);
    Ok(())
}

/// Bars a second, once the window is full.
fn run(bars: &[FinalBar], window: usize, count: u64, case: Case) -> Result<f64, Failure> {
    let assets = bars.first().map_or(0, |bar| bar.assets.len());
    let mut returns = ReturnWindow::new(assets, window, i64::MAX);
    let mut rolling = RollingMoments::new(assets, window, case.estimator)?;
    let mut closed = ClosedMoments::new(assets, case.estimator);
    let mut oldest = vec![0.0; assets];
    let mut all = bars.iter().cycle();
    for bar in all.by_ref().take(window) {
        returns.push(bar);
        rolling.push(returns.newest(), None)?;
    }
    let started = SystemClock.monotonic();
    for bar in all.take(usize::try_from(count)?) {
        oldest.copy_from_slice(returns.oldest());
        returns.push(bar);
        rolling.push(returns.newest(), Some(&oldest))?;
        if case.reads {
            rolling.write_closed(&mut closed)?;
        }
        std::hint::black_box((&closed, &rolling));
    }
    Ok(count as f64 / ((SystemClock.monotonic() - started) as f64 / 1e9))
}

fn bars(assets: usize, count: i64) -> Vec<FinalBar> {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let mut asset = || AssetBar {
        open: 1.0,
        high: 1.0,
        low: 1.0,
        close: 1.0,
        volume: None,
        ticks: 1,
        simple_return: 1e-4 * uniform(),
        last_tick: 0,
    };
    (0..count)
        .map(|number| FinalBar { number, close_time: number, assets: (0..assets).map(|_| asset()).collect() })
        .collect()
}
