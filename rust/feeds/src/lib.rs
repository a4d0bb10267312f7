//! Where ticks come from.
//!
//! A [`Source`](silverbullet_market::Source) hands ticks, history and events to a
//! [`Sink`](silverbullet_market::Sink), on a thread of its own. Three can be had again bit for bit:
//!
//! - [`CsvSource`] plays a file of prices, plain or compressed, in real time, faster, or as fast as it goes. A
//!   scan when it is opened says what the file is: its digest, its assets, its time grid.
//! - [`RecordingSource`] plays what a [`Recorder`] has heard of an exchange: the same ticks and events.
//! - [`Simulator`] makes up a market: correlated, with jumps, changing volatility and bursts of ticks.
//!
//! Three are live:
//!
//! - [`ExchangeSource`] brings the prices of an exchange as they come, and tells where some are missing.
//! - [`KafkaSource`] brings those of a topic, and goes on where it was.
//! - [`PutSource`] brings what somebody's own feed puts into its [`Inlet`] as Arrow batches.
//!
//! The other way, [`kafka::publish`] sends what a source brings to a Kafka topic. All of [`kafka`] is a feature of the
//! crate, and so is Arrow, which it and [`put`] need; both are there unless they are declined.
//!
//! What is wrong with a source as a whole is a [`FeedError`], one line with its remedy. A single bad row never is: it
//! becomes a quarantine event with its line and one of the reasons in [`csv::reason`]. Whether a good row makes
//! sense after the ones before it (late, twice, absurdly far) is not judged here.
//!
//! Time comes from the clock that is handed in, sleep from a [`Sleeper`], randomness from a seed.
//!
//! ```
//! use std::sync::Arc;
//!
//! use silverbullet_feeds::{Simulator, SimulatorSettings, Speed, collect_ticks};
//! use silverbullet_market::{SECOND, Source, SystemClock};
//!
//! // Ten minutes of 1-second bars, then a thousand ticks at once.
//! let clock = Arc::new(SystemClock);
//! let mut market = Simulator::new(SimulatorSettings::default(), 42, SECOND, 600, clock)?
//!     .with_speed(Speed::Max)
//!     .with_limit(1_000);
//! assert_eq!(market.description().assets[..3], ["BTC", "ETH", "BNB"]);
//! let seen = collect_ticks(&mut market)?;
//! assert_eq!((seen.history.len(), seen.ticks.len()), (600, 1_000));
//! assert!(seen.ticks.iter().all(|tick| tick.bid < Some(tick.price) && Some(tick.price) < tick.ask));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "arrow")]
mod batch;
mod clock_step;
mod collect;
pub mod csv;
mod error;
pub mod exchange;
#[cfg(feature = "kafka")]
pub mod kafka;
mod pacing;
#[cfg(feature = "arrow")]
pub mod put;
pub mod recording;
pub mod simulator;
mod speed;

pub use collect::{Collected, collect_ticks};
pub use csv::{CsvOptions, CsvSource, CsvSummary, Progress, TimeUnit, read_prices};
pub use error::FeedError;
pub use exchange::{ExchangeSettings, ExchangeSource};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaSettings, KafkaSource, TopicFacts};
pub use pacing::{Sleeper, ThreadSleeper};
#[cfg(feature = "arrow")]
pub use put::{Inlet, PutSource};
pub use recording::{Recorder, RecordingOptions, RecordingSettings, RecordingSource};
pub use simulator::{SimulatedAssets, Simulator, SimulatorSettings, SimulatorStart};
pub use speed::Speed;
