//! Draws parts of a Monte Carlo run over a table of closes, as a task of Spark does, for `make bench-cluster`.
//!
//! `draw_blocks FILE SEED`: the first line of the file is names, each other one the closes of a bar, separated by commas.
//! Then a command a line on standard input, `FIRST COUNT` (portfolios; FIRST begins a block), and for each a line of JSON:
//! how long drawing took and the best Sharpe ratio. One thread draws; with a process for each core one sees what the
//! machine can do.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark looks at the clock and says what it saw"
)]

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use serde_json::json;
use silverbullet_kernel::monte_carlo::BLOCK;
use silverbullet_kernel::{MonteCarloOptions, Problem, sample_blocks};
use silverbullet_market::moments::{Estimator, ReturnMatrix, estimate};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: draw_blocks FILE SEED");
    let returns = returns(&std::fs::read_to_string(next()?)?)?;
    let seed = next()?.parse()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (first, count) = line.split_once(' ').ok_or("a command is FIRST COUNT")?;
        let (first, count): (u64, u64) = (first.parse()?, count.parse()?);
        let begun = Instant::now();
        let moments = estimate(&returns, Estimator::LedoitWolf)?;
        let problem = Problem::new(moments.mean.clone(), moments.covariance.clone(), moments.observations)?
            .with_shrunk(moments.ledoit_wolf_stand_in(&returns)?)?;
        let options = MonteCarloOptions { samples: first + count, seed, threads: 1, ..Default::default() };
        let found = sample_blocks(&problem, &options, first / BLOCK..(first + count).div_ceil(BLOCK))?;
        let best = found.max_sharpe().ok_or("no portfolio was drawn")?;
        let sharpe = best.mean / best.variance.sqrt();
        println!(
            "{}",
            json!({ "portfolios": found.portfolios(), "seconds": begun.elapsed().as_secs_f64(),
                    "number": best.number, "sharpe": sharpe, "weights": best.weights })
        );
    }
    Ok(())
}

fn returns(text: &str) -> Result<ReturnMatrix> {
    let mut lines = text.lines();
    let assets = lines.next().ok_or("no line of names")?.split(',').count();
    let mut returns = ReturnMatrix::new(assets);
    let mut before: Option<Vec<f64>> = None;
    for line in lines {
        let closes: Vec<f64> = line.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
        if let Some(before) = &before {
            let row: Vec<f64> =
                closes.iter().zip(before).map(|(close, before)| close / before - 1.0).collect();
            returns.push_row(&row);
        }
        before = Some(closes);
    }
    Ok(returns)
}
