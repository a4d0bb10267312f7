//! Ticks, universes, bars, return windows and their moments.
//!
//! A [`Source`] pushes [`Tick`]s. [`Assembly`] decides which of them count ([`admission`]) and turns them
//! into final bars ([`bar`]); a [`ReturnWindow`] keeps the returns of the last W bars and says which assets
//! may be judged by them; [`moments`] estimates their mean and covariance, afresh for what is stored and
//! rolling for what is live. A [`Universe`] holds the settings all of this follows.
//!
//! The crate is pure: it reads no file and no socket, and knows no runtime. Time is a parameter
//! ([`Clock`]); the order in which ticks arrive does not change a bar.
//!
//! ```
//! use silverbullet_market::{AssetId, BarBuilder, Ready, SECOND, Tick};
//!
//! let tick = |event_time, price| Tick {
//!     asset: AssetId(0), price, bid: None, ask: None, size: None, event_time, receipt_time: 0,
//!     venue: 0, sequence: None, partition: 0, offset: 0,
//! };
//! let mut bars = BarBuilder::new(1, SECOND, 600);
//! bars.add(0, &tick(SECOND, 100.0));
//! bars.add(0, &tick(2 * SECOND, 101.0));
//! let closes: Vec<f64> = std::iter::from_fn(|| bars.next_final(2 * SECOND))
//!     .filter_map(|ready| match ready {
//!         Ready::Bar(bar) => Some(bar.assets[0].close),
//!         Ready::Gap { .. } => None,
//!     })
//!     .collect();
//! assert_eq!(closes, [100.0, 101.0]);
//! ```
pub mod admission;
pub mod assembly;
pub mod bar;
pub mod batch;
pub mod clock;
mod decision;
pub mod duration;
#[cfg(test)]
mod fixtures;
pub mod goals;
pub mod health;
pub mod moments;
pub mod source;
mod streams;
pub mod tick;
pub mod universe;
pub mod window;

pub use admission::{Admission, Admitted};
pub use assembly::{Assembly, Step};
pub use bar::{AssetBar, BarBuilder, FinalBar, NewestPrice, Placement, Ready, bar_number};
pub use clock::{Clock, ManualClock, Nanos, SECOND, SystemClock};
pub use decision::{Decision, DecisionKind};
pub use duration::{format_duration, format_time, parse_duration};
pub use goals::GoalParameters;
pub use health::{SourceState, SourceStatus, SourceWatch, VenueState};
pub use source::{Sink, Source, SourceDescription, SourceError, StopFlag};
pub use tick::{AssetId, Event, EventKind, HistoryBar, Input, OrderKey, PartitionState, Tick};
pub use universe::{Universe, UniverseError, UniverseSettings};
pub use window::ReturnWindow;
