//! The live loop and the durable path.
//!
//! [`Engine::start`] starts the threads of one universe and gives a [`Sink`](silverbullet_market::Sink) for
//! a source to push into. Each tick becomes a [`Publication`] that any number of readers see through
//! [`LiveState`]; each final bar becomes rows that go to a [`RowSink`].
pub mod durable;
pub mod engine;
pub mod error;
mod failure;
mod hot;
pub mod latest;
pub mod live;
pub mod population;
pub mod publication;
mod refresh;
mod telemetry;

pub use durable::RowSink;
pub use engine::{End, Engine, EngineOptions, EngineSink, FanOut};
pub use error::{Error, Result};
pub use latest::Latest;
pub use live::{EventRow, LiveState, NamedLatency, Phase, StageLatency, Summary};
pub use population::LivePopulation;
pub use publication::{Answer, Publication, Stamps, Trigger};
