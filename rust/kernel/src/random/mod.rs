//! Random streams: a counter-based generator and the stream of each portfolio.
//!
//! Portfolio number `i` of run seed `s` owns a stream that depends on `(s, stream, purpose, i)` and on nothing
//! else: not on the thread, the vector width, the partition or the executor that draws it. [`Philox`]
//! (counter-based, Salmon et al. 2011) turns those words into 128 bits of state; a xoshiro128+ generator
//! (Blackman & Vigna 2021) started from them supplies the numbers, because Philox for every single number would
//! cost more than evaluating the portfolio. [`LaneStream`] runs sixteen of them side by side.

mod exponential;
mod philox;
mod stream;

pub(crate) use exponential::negative_ln;
pub use philox::{Philox, philox4x32_10};
pub use stream::{LaneStream, PortfolioStream, Purpose, RunKey};
