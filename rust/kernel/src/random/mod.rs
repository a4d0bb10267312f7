//! Random streams: a counter-based generator and the stream of each portfolio.
//!
//! Portfolio number `i` of run seed `s` owns a stream that depends on `(s, stream, purpose, i)` and on nothing
//! else: not on the thread, the vector width, the partition or the executor that draws it. [`Philox`]
//! (counter-based, Salmon et al. 2011) turns those words, less the lowest four bits of `i`, into four seeds for a
//! group of sixteen portfolios; a bijective mix of each seed and the place in the group gives a portfolio its 128
//! bits of state; a xoshiro128+ generator (Blackman & Vigna 2021) started from them supplies the numbers. Philox for
//! every number, or even every portfolio, would cost more than evaluating the portfolio at ten assets.
//! [`LaneStream`] runs sixteen streams side by side.

mod philox;
mod stream;

pub use philox::{Philox, philox4x32_10};
pub(crate) use stream::{LANE_STEPS, MIX};
pub use stream::{LaneStream, PortfolioStream, Purpose, RunKey};
