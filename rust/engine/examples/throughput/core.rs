//! How much of a core there is: a loop in registers alone, whose speed nothing changes but who else has the core.
//!
//! Virtual machines share cores twice: the host takes one away for a while, and gives its other hardware thread to somebody else.
//! The second halves what a core does without any clock or counter of this machine telling.

use std::hint::black_box;

use silverbullet_market::{Clock, Nanos, SystemClock};

use crate::Failure;
use crate::arguments::Arguments;
use crate::report;

/// Eight chains of sums that do not wait for one another: as many operations at once as a core has places for.
pub(crate) fn work(steps: u64) {
    let mut chains = black_box([1_u64, 2, 3, 4, 5, 6, 7, 8]);
    let odd = black_box(0x5851_f42d_4c95_7f2d_u64);
    for _ in 0..steps {
        for chain in &mut chains {
            *chain = chain.wrapping_add(odd) ^ odd;
        }
    }
    black_box(chains);
}

/// Steps a second, sample after sample of about a millisecond.
pub(crate) fn samples(count: usize) -> Vec<f64> {
    const STEPS: u64 = 800_000;
    (0..count)
        .map(|_| {
            let started = SystemClock.monotonic();
            work(STEPS);
            STEPS as f64 / (SystemClock.monotonic() - started).max(1) as f64 * 1e9
        })
        .collect()
}

/// Steps that take as long on a core that is not shared.
pub(crate) fn steps_of(nanos: Nanos) -> u64 {
    let samples = samples(200);
    (report::quantile(&samples, 0.95) * nanos as f64 / 1e9) as u64
}

pub(crate) fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let count = 1_000 * arguments.runs as usize;
    let threads = std::thread::available_parallelism()?.get();
    let running: Vec<_> = (0..threads).map(|_| std::thread::spawn(move || samples(count))).collect();
    for (number, thread) in running.into_iter().enumerate() {
        let samples = thread.join().map_err(|_| "a thread of the loop in registers ended early")?;
        report::spread(
            "core",
            &format!("a loop in registers, {} of {threads}", number + 1),
            "steps/s",
            &samples,
        );
    }
    Ok(())
}
