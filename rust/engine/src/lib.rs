//! The live loop and the durable path.
//!
//! [`Engine::start`] starts the threads of one universe and gives a [`Sink`](silverbullet_market::Sink) for
//! a source to push into. Each tick becomes a [`Publication`] that any number of readers see through
//! [`LiveState`]; each final bar becomes rows that go to a [`RowSink`]. A sink that asks for cuts is given
//! [`Checkpoint`]s, from which another run goes on as if nothing had stopped; what a page draws is a [`Scene`].
//! Bounds, holdings and pause change while it runs by [`Command`]s.
pub mod at_close;
pub mod checkpoint;
pub mod commands;
pub mod durable;
pub mod engine;
pub mod error;
mod failure;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of the crate's interface")]
mod fixtures;
mod hot;
pub mod latest;
pub mod live;
pub mod population;
pub mod publication;
mod refresh;
pub mod scene;
mod skip;
mod telemetry;
mod threads;

pub use at_close::AtClose;
pub use checkpoint::{Checkpoint, CheckpointError};
pub use commands::{Command, CommandError, CommandLog};
pub use durable::{CutRequest, FanOutRows, RowSink};
pub use engine::{End, Engine, EngineOptions, EngineSink, FanOut};
pub use error::{Error, Result};
pub use hot::Answering;
pub use latest::Latest;
pub use live::{EventRow, LiveState, NamedLatency, Phase, StageLatency, Summary};
pub use population::LivePopulation;
pub use publication::{Answer, NO_VENUE, Publication, Stamps, Trigger};
pub use scene::{Scene, SceneAsset};
