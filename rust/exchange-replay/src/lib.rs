//! An exchange that plays recorded prices over real WebSockets, and misbehaves on command.
//!
//! There is one stream of frames, each published at its time after the first subscription, whoever is connected: two connections are told
//! the same, and what is published while nobody is connected is missed, as with a real venue. What was delivered on which
//! connection is logged, so that a test knows what must have come. The venue's list of instruments is at the same port.
//!
//! ```no_run
//! use std::time::Duration;
//! use silverbullet_exchange_replay::{Exchange, Fault, Market, Options, Venue};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let market = Market::made_up(&["BTC", "ETH"], 10_000, 7);
//! let options = Options::new(Venue::Kraken, &market, Duration::from_millis(1)).with_faults([Fault::Silence]);
//! let exchange = Exchange::start(options, "127.0.0.1:0".parse()?).await?;
//! println!("{} trusts {}", exchange.url(), exchange.certificate());
//! # Ok(())
//! # }
//! ```

mod connection;
mod drip;
mod fault;
mod list;
mod log;
mod market;
mod protocol;
mod server;
mod shift;
mod venue;

pub use fault::Fault;
pub use list::Listing;
pub use log::{Delivered, Log};
pub use market::{Market, Published, Said, recorded_frames};
pub use server::{Exchange, Options};
pub use venue::Venue;
