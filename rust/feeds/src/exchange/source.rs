//! Exchanges as a source of ticks: one, or several whose prices become one price an asset.
//!
//! ```text
//!  exchange ──WebSocket──► thread of the sockets: read, judge ──bounded queue──► the source's thread ──► sink
//!                          (supervision says what to do)        full: newest of each asset only
//! ```
//! What comes from an exchange cannot be had again, so the sockets never wait for the sink. Whatever happens to the network or
//! the venue, the source goes on: it tells in `events` and by its watch, and connects again. Each of several has its own
//! supervision, queue, number and partition; what waits in their queues is taken in the order of event times.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use silverbullet_market::{
    Clock, Sink, Source, SourceDescription, SourceError, SourceState, SourceWatch, StopFlag, VenueState,
};

use super::best::Best;
use super::mix::{Mix, Rule};
use super::outlet::{Outlet, queue};
use super::pump::pump;
use super::settings::{ExchangeSettings, refuse};
use super::site::{Among, Site, Tools};
use super::socket::{Connect, Network};
use super::told::Tap;
use crate::error::Result;

/// Pauses of an exchange are drawn from other seeds than those of the one before it, which has a seed a connection.
const SEEDS: u64 = 1 << 32;

/// Live prices of one exchange, or of several.
pub struct ExchangeSource {
    settings: ExchangeSettings,
    mix: Mix,
    description: SourceDescription,
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
    /// Wrong settings: an unknown venue, an asset without a market, an address that is none, a rule that is none,
    /// different currencies, certificates that cannot be read.
    pub fn open(settings: ExchangeSettings, clock: Arc<dyn Clock>, seed: u64) -> Result<Self> {
        let mix = Mix::new(&settings)?;
        let addresses = mix.sites.iter().flat_map(Site::addresses);
        let network = Arc::new(Network::new(addresses, settings.ca_file.as_deref())?);
        Ok(Self::of(settings, mix, network, clock, seed))
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
        let mix = Mix::new(&settings)?;
        Ok(Self::of(settings, mix, connect, clock, seed))
    }

    fn of(
        settings: ExchangeSettings,
        mix: Mix,
        connect: Arc<dyn Connect>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let venues: Vec<String> = mix.sites.iter().map(|site| site.name().to_owned()).collect();
        let watch = SourceWatch::default();
        if venues.len() > 1 {
            let venues = venues.iter().map(|name| VenueState { name: name.clone(), ..VenueState::default() });
            watch.update(|state| *state = SourceState { venues: venues.collect(), ..SourceState::default() });
        }
        let description = SourceDescription {
            name: mix.name(),
            identity: mix.identity(),
            venues,
            assets: settings.assets.clone(),
            grid: None,
            replayable: false,
            seekable: false,
            rows: None,
        };
        Self { settings, mix, description, connect, clock, seed, watch, tap: Mutex::new(None) }
    }

    /// Has `tap` hear all that the intake is told: of frames and connections, and in what order.
    ///
    /// # Errors
    /// Several exchanges: nothing says whose the frames are, and each is recorded by itself.
    pub fn with_tap(self, tap: Box<dyn Tap>) -> Result<Self> {
        if self.mix.sites.len() > 1 {
            let problem = format!("{} are several exchanges; record each by itself", self.description.name);
            return refuse("recording", problem);
        }
        Ok(Self { tap: Mutex::new(Some(tap)), ..self })
    }

    /// Brings prices into `outlets`, one an exchange, until `stop` is raised.
    fn drive(
        &self,
        outlets: Vec<Outlet>,
        mut tap: Option<Box<dyn Tap>>,
        stop: &StopFlag,
    ) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let Mix { sites, rule, idle_after } = &self.mix;
        let best = match rule {
            Rule::Best(within) => {
                Some(Rc::new(RefCell::new(Best::new(self.settings.assets.len(), sites.len(), *within))))
            }
            Rule::Freshest | Rule::Venues => None,
        };
        let seeds = (0..).map(|place: u64| self.seed.wrapping_add(place.wrapping_mul(SEEDS)));
        let runs = sites.iter().zip(outlets).zip(seeds).zip(0..).map(|(((site, outlet), seed), number)| {
            let among =
                (sites.len() > 1).then(|| Among { number, idle_after: *idle_after, best: best.clone() });
            let (clock, watch) = (Arc::clone(&self.clock), self.watch.clone());
            let tools = Tools { connect: &*self.connect, clock, seed, watch, tap: tap.take(), among };
            site.run(tools, outlet, stop)
        });
        runtime.block_on(join_all(runs));
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
        Ok(())
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
        let ends = this.mix.sites.iter().map(|_| queue(this.settings.queue, this.settings.assets.len()));
        let (outlets, mut inlets): (Vec<_>, Vec<_>) = ends.unzip();
        let outcome = std::thread::scope(|scope| {
            let name = "exchange".to_owned();
            let sockets = std::thread::Builder::new()
                .name(name)
                .spawn_scoped(scope, move || this.drive(outlets, tap, stop))?;
            pump(&mut inlets, sink, &*this.clock, stop);
            drop(inlets);
            sockets.join().unwrap_or_else(|_| Err(std::io::Error::other("its thread has panicked")))
        });
        outcome.map_err(|error| SourceError {
            context: format!("connecting to {}", self.description.name),
            source: Box::new(error),
        })
    }
}
