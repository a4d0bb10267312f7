//! One exchange of a source: where it is, which markets are wanted of it, and its connections while the source runs.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use silverbullet_market::{Clock, EventKind, SourceStatus, SourceWatch, StopFlag};
use tokio::time::{sleep, timeout};

use super::board::Board;
use super::desk::{Desk, Tap};
use super::instruments::fetch::fetch;
use super::intake::Intake;
use super::line::{Common, Line};
use super::outlet::Outlet;
use super::policy::Policy;
use super::settings::ExchangeSettings;
use super::socket::{Address, Connect};
use super::supervise::Supervisor;
use super::symbols::Symbols;
use super::venue::Venue;
use super::{NAMES, maker};
use crate::error::{FeedError, Result};

/// How soon a raised stop flag is seen while nothing is connected to.
const TICK: Duration = Duration::from_millis(50);
/// The word for no list of instruments.
const OFF: &str = "off";

/// An exchange, and what is wanted of it.
pub(crate) struct Site {
    make: fn() -> Box<dyn Venue>,
    symbols: Symbols,
    policy: Policy,
    address: Address,
    /// Where its list of instruments is; `None` where it is not to be looked at.
    list: Option<Address>,
}

/// What a site works with while it runs.
pub(crate) struct Tools<'a> {
    pub(crate) connect: &'a dyn Connect,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
    pub(crate) watch: SourceWatch,
    pub(crate) tap: Option<Tap>,
}

impl Site {
    /// The one that `settings` name.
    ///
    /// # Errors
    /// An unknown venue, an asset without a market, an address that is none, times that make no sense.
    pub(crate) fn new(settings: &ExchangeSettings) -> Result<Self> {
        let make = maker(&settings.venue).ok_or_else(|| {
            let problem = format!("{:?} is none of the exchanges: {}", settings.venue, NAMES.join(", "));
            FeedError::Setting { name: "exchange.venue", problem }
        })?;
        let venue = make();
        let own = settings.url.is_empty();
        let address = Address::parse(if own { venue.url() } else { &settings.url })?;
        let list = match settings.instruments.as_str() {
            OFF => None,
            // What stands at another place may trade something else.
            "" => own.then(|| Address::parse_list(venue.instruments())).transpose()?,
            url => Some(Address::parse_list(url)?),
        };
        let quote = if settings.quote.is_empty() { venue.quote() } else { &settings.quote };
        let symbols = Symbols::new(&*venue, &settings.assets, quote, &settings.symbols)?;
        let policy = settings.policy(&*venue)?;
        Ok(Self { make, symbols, policy, address, list })
    }

    /// The venue's name.
    pub(crate) fn name(&self) -> &'static str {
        (self.make)().name()
    }

    /// The markets of the assets, before the list was looked at.
    pub(crate) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Everything that is connected to.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.address).chain(&self.list)
    }

    /// Brings prices into `outlet` until `stop` is raised.
    pub(crate) async fn run(&self, tools: Tools<'_>, outlet: Outlet, stop: &StopFlag) {
        let Tools { connect, clock, seed, watch, tap } = tools;
        watch.update(|state| state.status = SourceStatus::Connecting);
        let (symbols, notes) = self.markets(connect, stop).await;
        let (venue, now) = ((self.make)(), clock.monotonic());
        let names = symbols.asked_for();
        let groups: Vec<&[String]> = names.chunks(venue.most_symbols().max(1)).collect();
        let board = Board::new(watch, groups.len().max(1));
        let intake = Intake::new(venue.name(), symbols, clock.utc());
        let desk = RefCell::new(Desk::new(intake, outlet, board, tap, clock));
        for (reason, detail) in notes {
            desk.borrow_mut().tell(EventKind::Connection, reason, &detail);
        }
        if groups.is_empty() {
            wait_for_nothing(&desk, stop).await;
        }
        let common = Common { desk: &desk, connect, address: &self.address, make: self.make };
        let lines = groups.into_iter().zip(0_u32..).map(|(symbols, number)| {
            let frames = venue.subscribe(symbols);
            let seed = seed.wrapping_add(u64::from(number));
            let supervisor = Supervisor::new(self.policy.clone(), frames.len(), seed, now);
            let keep_alive = venue.keep_alive().map(|keep_alive| keep_alive.text);
            Line::new(number as usize, &common, supervisor, frames, keep_alive).run(stop)
        });
        join_all(lines).await;
        desk.borrow_mut().end();
    }

    /// The markets by the names that the venue's list has, where it can be had, and what is to be told of that.
    async fn markets(
        &self,
        connect: &dyn Connect,
        stop: &StopFlag,
    ) -> (Symbols, Vec<(&'static str, String)>) {
        let Some(list) = self.list.as_ref().filter(|_| !self.symbols.are_said()) else {
            return (self.symbols.clone(), Vec::new());
        };
        let within = Duration::from_nanos(self.policy.open_within.unsigned_abs());
        let looked = match timeout(within, unless_stopped(fetch(connect, list), stop)).await {
            Ok(Some(Ok(text))) => (self.make)()
                .read_instruments(&text)
                .map_err(|fault| format!("{}: {}: {}", list.host(), fault.reason, fault.detail)),
            Ok(Some(Err(problem))) => Err(problem),
            Ok(None) => return (self.symbols.clone(), Vec::new()),
            Err(_) => Err(format!("{}: no answer within {within:?}", list.host())),
        };
        match looked {
            Ok(list) => {
                let (symbols, lines) = self.symbols.clone().listed(&list);
                (symbols, lines.into_iter().map(|line| ("asset not traded", line)).collect())
            }
            Err(problem) => {
                let usual = self.symbols.names().first().map_or("", String::as_str);
                let line = format!(
                    "{problem}; markets are named as usual instead, such as {usual}; see exchange.instruments"
                );
                (self.symbols.clone(), vec![("instruments not listed", line)])
            }
        }
    }
}

/// What comes of `work`; `None` where `stop` is raised before.
async fn unless_stopped<T>(work: impl Future<Output = T>, stop: &StopFlag) -> Option<T> {
    let mut work = pin!(work);
    while !stop.is_raised() {
        tokio::select! {
            outcome = &mut work => return Some(outcome),
            () = sleep(TICK) => {}
        }
    }
    None
}

/// None of the assets has a market: that is shown until somebody ends it.
async fn wait_for_nothing(desk: &RefCell<Desk>, stop: &StopFlag) {
    let reason = "none of the assets is traded there; check their names and the quote currency".to_owned();
    desk.borrow_mut().board.line(0, SourceStatus::Failing, Some(reason), 0);
    while !stop.is_raised() {
        let now = desk.borrow().now();
        desk.borrow_mut().settle(now);
        sleep(TICK).await;
    }
}
