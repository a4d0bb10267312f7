//! How long a close takes: one push into a full window and one set of closed moments, single thread.

use silverbullet_market::clock::{Clock, SystemClock};
use silverbullet_market::moments::{ClosedMoments, Estimator, RollingMoments, estimate};

use crate::common::{matrix, random_rows};

const WINDOW: usize = 600;
const PUSHES: usize = 20_000;

#[test]
#[ignore = "a measurement; run it in release: --release --ignored --nocapture"]
fn nanoseconds_of_a_close() {
    let clock = SystemClock;
    for assets in [16, 50] {
        let rows = random_rows(71, WINDOW, assets, 1e-4);
        for estimator in
            [Estimator::Sample, Estimator::LedoitWolf, Estimator::Exponential { half_life: 150.0 }]
        {
            let mut rolling = RollingMoments::new(assets, WINDOW, estimator).unwrap();
            let mut closed = ClosedMoments::new(assets, estimator);
            rolling.rebuild(&matrix(&rows)).unwrap();
            let start = clock.monotonic();
            for push in 0..PUSHES {
                // The row that leaves is the row that comes: the window turns round and round.
                let row = &rows[push % WINDOW];
                rolling.push(row, Some(row)).unwrap();
            }
            let pushed = clock.monotonic();
            for _ in 0..PUSHES {
                rolling.write_closed(&mut closed).unwrap();
            }
            let written = clock.monotonic();
            let returns = matrix(&rows);
            let summing = clock.monotonic();
            let afresh = estimate(&returns, estimator).unwrap();
            let summed = clock.monotonic() - summing;
            assert!(closed.mean.iter().zip(&afresh.mean).all(|(a, b)| (a - b).abs() < 1e-3));
            let each = |from: i64, to: i64| (to - from) / PUSHES as i64;
            println!(
                "N = {assets}, W = {WINDOW}, {estimator}: push {} ns, write_closed {} ns, afresh {summed} ns",
                each(start, pushed),
                each(pushed, written)
            );
        }
    }
}
