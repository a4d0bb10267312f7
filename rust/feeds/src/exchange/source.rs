//! An exchange as a source of ticks.
//!
//! ```text
//!  exchange ──WebSocket──► thread of the sockets: read, judge ──bounded queue──► the source's thread ──► sink
//!                          (supervision says what to do)        full: newest of each asset only
//! ```
//! What comes from an exchange cannot be had again, so the sockets never wait for the sink. Whatever happens to the network or
//! the venue, the source goes on: it tells in `events` and by its watch, and connects again.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use silverbullet_market::{
    Clock, Nanos, SECOND, Sink, Source, SourceDescription, SourceError, SourceWatch, StopFlag,
};

use super::desk::Tap;
use super::outlet::{Inlet, Outlet, queue};
use super::settings::ExchangeSettings;
use super::site::{Site, Tools};
use super::socket::{Connect, Network};
use crate::error::Result;

/// The longest sleep while nothing comes; a wake-up ends it.
const NAP: Duration = Duration::from_millis(20);
/// What is in the queue when all is to end may take so long to be handed on.
const LAST: Nanos = SECOND / 2;

/// Live prices of one exchange.
pub struct ExchangeSource {
    settings: ExchangeSettings,
    site: Site,
    description: SourceDescription,
    connect: Arc<dyn Connect>,
    clock: Arc<dyn Clock>,
    seed: u64,
    watch: SourceWatch,
    /// Taken by the thread of the sockets.
    tap: Mutex<Option<Tap>>,
}

impl ExchangeSource {
    /// A source of the prices that `settings` name, over the network. Nothing is connected to before it runs. Pauses between
    /// attempts are drawn from `seed`, which should differ from process to process.
    ///
    /// # Errors
    /// Wrong settings: an unknown venue, an asset without a market, an address that is none, certificates that cannot
    /// be read.
    pub fn open(settings: ExchangeSettings, clock: Arc<dyn Clock>, seed: u64) -> Result<Self> {
        let site = Site::new(&settings)?;
        let network = Arc::new(Network::new(site.addresses(), settings.ca_file.as_deref())?);
        Ok(Self::of(settings, site, network, clock, seed))
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
        let site = Site::new(&settings)?;
        Ok(Self::of(settings, site, connect, clock, seed))
    }

    fn of(
        settings: ExchangeSettings,
        site: Site,
        connect: Arc<dyn Connect>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let mut identity = format!("{}:{}", site.name(), site.symbols().names().join(","));
        if !settings.url.is_empty() {
            identity = format!("{identity}@{}", settings.url);
        }
        let description = SourceDescription {
            name: site.name().to_owned(),
            identity,
            assets: settings.assets.clone(),
            grid: None,
            replayable: false,
            seekable: false,
            rows: None,
        };
        let (watch, tap) = (SourceWatch::default(), Mutex::new(None));
        Self { settings, site, description, connect, clock, seed, watch, tap }
    }

    /// Has `tap` hear every frame of text as it comes, on the thread of the sockets.
    #[must_use]
    pub fn with_tap(self, tap: Tap) -> Self {
        Self { tap: Mutex::new(Some(tap)), ..self }
    }

    /// Brings prices into `outlet` until `stop` is raised.
    fn drive(&self, outlet: Outlet, tap: Option<Tap>, stop: &StopFlag) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (clock, watch) = (Arc::clone(&self.clock), self.watch.clone());
        let tools = Tools { connect: &*self.connect, clock, seed: self.seed, watch, tap };
        runtime.block_on(self.site.run(tools, outlet, stop));
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
        Ok(())
    }
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
