//! An exchange as a source of ticks.
//!
//! ```text
//!  exchange ──WebSocket──► thread of the sockets: read, judge ──bounded queue──► the source's thread ──► sink
//!                          (supervision says what to do)        full: newest of each asset only
//! ```
//! What comes from an exchange cannot be had again, so the sockets never wait for the sink. Whatever happens to the network or
//! the venue, the source goes on: it tells in `events` and by its watch, and connects again.

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use silverbullet_market::{
    Clock, Nanos, SECOND, Sink, Source, SourceDescription, SourceError, SourceWatch, StopFlag,
};

use super::board::Board;
use super::desk::Desk;
use super::intake::Intake;
use super::line::{Common, Line};
use super::outlet::{Inlet, Outlet, queue};
use super::policy::Policy;
use super::settings::ExchangeSettings;
use super::socket::{Address, Connect, Network};
use super::supervise::Supervisor;
use super::symbols::Symbols;
use super::told::{Beginning, Tap};
use super::venue::Venue;
use super::{NAMES, maker};
use crate::error::{FeedError, Result};

/// The longest sleep while nothing comes; a wake-up ends it.
const NAP: Duration = Duration::from_millis(20);
/// What is in the queue when all is to end may take so long to be handed on.
const LAST: Nanos = SECOND / 2;

/// Live prices of one exchange.
pub struct ExchangeSource {
    settings: ExchangeSettings,
    make: fn() -> Box<dyn Venue>,
    description: SourceDescription,
    symbols: Symbols,
    policy: Policy,
    address: Address,
    connect: Arc<dyn Connect>,
    clock: Arc<dyn Clock>,
    seed: u64,
    watch: SourceWatch,
    /// Taken by the thread of the sockets.
    tap: Mutex<Option<Box<dyn Tap>>>,
}

impl ExchangeSource {
    /// A source of the prices that `settings` name, over the network. Nothing is connected to before it runs. Pauses between
    /// attempts are drawn from `seed`, which should differ from process to process.
    ///
    /// # Errors
    /// Wrong settings: an unknown venue, an asset without a market, an address that is none, certificates that cannot
    /// be read.
    pub fn open(settings: ExchangeSettings, clock: Arc<dyn Clock>, seed: u64) -> Result<Self> {
        let address = Address::parse(&url(&settings)?)?;
        let network = Network::new(&address, settings.ca_file.as_deref())?;
        Self::open_over(settings, Arc::new(network), clock, seed)
    }

    /// The same over something else than the network.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_over(
        settings: ExchangeSettings,
        connect: Arc<dyn Connect>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self> {
        let make = known(&settings.venue)?;
        let venue = make();
        let address = Address::parse(&url(&settings)?)?;
        let quote = if settings.quote.is_empty() { venue.quote() } else { &settings.quote };
        let symbols = Symbols::new(&*venue, &settings.assets, quote, &settings.symbols)?;
        let policy = settings.policy(&*venue)?;
        let mut identity = format!("{}:{}", venue.name(), symbols.names().join(","));
        if !settings.url.is_empty() {
            identity = format!("{identity}@{}", settings.url);
        }
        let description = SourceDescription {
            name: venue.name().to_owned(),
            identity,
            assets: settings.assets.clone(),
            grid: None,
            replayable: false,
            seekable: false,
            rows: None,
        };
        let watch = SourceWatch::default();
        Ok(Self {
            settings,
            make,
            description,
            symbols,
            policy,
            address,
            connect,
            clock,
            seed,
            watch,
            tap: Mutex::new(None),
        })
    }

    /// Has `tap` hear all that the intake is told: of frames and connections, and in what order.
    #[must_use]
    pub fn with_tap(self, tap: Box<dyn Tap>) -> Self {
        Self { tap: Mutex::new(Some(tap)), ..self }
    }

    /// Brings prices into `outlet` until `stop` is raised.
    fn drive(&self, outlet: Outlet, mut tap: Option<Box<dyn Tap>>, stop: &StopFlag) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let venue = (self.make)();
        let now = self.clock.monotonic();
        let start = self.clock.utc();
        let base = start - now;
        if let Some(tap) = &mut tap {
            tap.begins(&self.beginning(&*venue, start, base));
        }
        let intake = Intake::new(venue.name(), self.symbols.clone(), start);
        let groups: Vec<&[String]> = self.symbols.names().chunks(venue.most_symbols().max(1)).collect();
        let board = Board::new(self.watch.clone(), groups.len());
        let desk = RefCell::new(Desk::new(intake, outlet, board, tap, Arc::clone(&self.clock), base));
        let common = Common { desk: &desk, connect: &*self.connect, address: &self.address, make: self.make };
        let lines = groups.into_iter().zip(0_u32..).map(|(symbols, number)| {
            let frames = venue.subscribe(symbols);
            let seed = self.seed.wrapping_add(u64::from(number));
            let supervisor = Supervisor::new(self.policy.clone(), frames.len(), seed, now);
            let keep_alive = venue.keep_alive().map(|keep_alive| keep_alive.text);
            Line::new(number, &common, supervisor, frames, keep_alive).run(stop)
        });
        runtime.block_on(join_all(lines));
        desk.borrow_mut().end();
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
        Ok(())
    }

    fn beginning(&self, venue: &dyn Venue, start: Nanos, base: Nanos) -> Beginning {
        let quote = if self.settings.quote.is_empty() { venue.quote() } else { &self.settings.quote };
        Beginning {
            venue: venue.name().to_owned(),
            assets: self.settings.assets.clone(),
            quote: quote.to_owned(),
            symbols: self.symbols.names().to_vec(),
            start,
            base,
        }
    }
}

fn known(venue: &str) -> Result<fn() -> Box<dyn Venue>> {
    maker(venue).ok_or_else(|| {
        let problem = format!("{venue:?} is none of the exchanges: {}", NAMES.join(", "));
        FeedError::Setting { name: "exchange.venue", problem }
    })
}

fn url(settings: &ExchangeSettings) -> Result<String> {
    let own = known(&settings.venue)?().url();
    Ok(if settings.url.is_empty() { own.to_owned() } else { settings.url.clone() })
}

/// Hands on what comes until the other end of the queue is gone.
fn pump(inlet: &mut Inlet, sink: &mut dyn Sink, clock: &dyn Clock, stop: &StopFlag) {
    let mut counted = 0;
    let mut stopped: Option<Nanos> = None;
    loop {
        // Looked at first: what was pushed before it was gone is there.
        let is_last = inlet.ring.is_abandoned();
        let frames = inlet.frames.load(Ordering::Acquire);
        for _ in counted..frames {
            sink.frame();
        }
        counted = frames;
        let waiting = inlet.ring.slots();
        for _ in 0..waiting {
            let Ok(input) = inlet.ring.pop() else { break };
            sink.push(input);
        }
        if waiting == 0 && is_last {
            return;
        }
        if stop.is_raised() {
            let now = clock.monotonic();
            if now - *stopped.get_or_insert(now) > LAST {
                return;
            }
        }
        if waiting == 0 {
            std::thread::park_timeout(NAP);
        }
    }
}

impl Source for ExchangeSource {
    fn description(&self) -> &SourceDescription {
        &self.description
    }

    fn watch(&self) -> Option<SourceWatch> {
        Some(self.watch.clone())
    }

    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> std::result::Result<(), SourceError> {
        let tap = self.tap.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let this = &*self;
        let (outlet, mut inlet) = queue(this.settings.queue, this.settings.assets.len());
        let outcome = std::thread::scope(|scope| {
            let name = "exchange".to_owned();
            let sockets = std::thread::Builder::new()
                .name(name)
                .spawn_scoped(scope, move || this.drive(outlet, tap, stop))?;
            pump(&mut inlet, sink, &*this.clock, stop);
            drop(inlet);
            sockets.join().unwrap_or_else(|_| Err(std::io::Error::other("its thread has panicked")))
        });
        outcome.map_err(|error| SourceError {
            context: format!("connecting to {}", self.description.name),
            source: Box::new(error),
        })
    }
}
