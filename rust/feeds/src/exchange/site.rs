//! One exchange of a source: where it is, which markets are wanted of it, and its connections while the source runs.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use silverbullet_market::{Clock, EventKind, Nanos, SourceStatus, SourceWatch, StopFlag};
use tokio::time::{sleep, timeout};

use super::best::Best;
use super::board::Board;
use super::desk::Desk;
use super::instruments::fetch::fetch;
use super::intake::Intake;
use super::known;
use super::line::{Common, Line};
use super::outlet::Outlet;
use super::policy::Policy;
use super::settings::ExchangeSettings;
use super::socket::{Address, Connect};
use super::supervise::Supervisor;
use super::symbols::Symbols;
use super::told::{Beginning, Tap};
use super::venue::Venue;
use super::waited::Waited;
use crate::error::Result;

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
    /// Whether that is the venue's own.
    is_own: bool,
    /// Where its list of instruments is; `None` where it is not to be looked at.
    list: Option<Address>,
}

/// What a site works with while it runs.
pub(crate) struct Tools<'a> {
    pub(crate) connect: &'a dyn Connect,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
    pub(crate) watch: SourceWatch,
    pub(crate) tap: Option<Box<dyn Tap>>,
    /// Where there are others.
    pub(crate) among: Option<Among>,
}

/// What a site has to know of being one of several.
pub(crate) struct Among {
    /// Its number: that of its prices' venue, and of their partition.
    pub(crate) number: u16,
    /// Bars do not wait for it after such a silence.
    pub(crate) idle_after: Nanos,
    /// Makes one price of those of all.
    pub(crate) best: Option<Rc<RefCell<Best>>>,
}

impl Site {
    /// The one that `settings` name, for the assets that are `here`.
    ///
    /// # Errors
    /// An unknown venue, an asset without a market, an address that is none, times that make no sense.
    pub(crate) fn new(settings: &ExchangeSettings, here: &[bool]) -> Result<Self> {
        let make = known("exchange.venue", &settings.venue)?;
        let venue = make();
        let is_own = settings.url.is_empty();
        let address = Address::parse(if is_own { venue.url() } else { &settings.url })?;
        let list = match settings.instruments.as_str() {
            OFF => None,
            // What stands at another place may trade something else.
            "" => is_own.then(|| Address::parse_list(venue.instruments())).transpose()?,
            url => Some(Address::parse_list(url)?),
        };
        let quote = if settings.quote.is_empty() { venue.quote() } else { &settings.quote };
        let symbols = Symbols::new(&*venue, &settings.assets, here, quote, &settings.symbols)?;
        let policy = settings.policy(&*venue)?;
        Ok(Self { make, symbols, policy, address, is_own, list })
    }

    /// The venue's name.
    pub(crate) fn name(&self) -> &'static str {
        (self.make)().name()
    }

    /// What makes these prices these: the venue's markets, as they are called before the list is looked at, and where they
    /// come from if that is another place.
    pub(crate) fn identity(&self) -> String {
        let venue = (self.make)();
        let names: Vec<&str> =
            self.symbols.names().iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let mut identity = format!("{}:{}", venue.name(), names.join(","));
        if !self.is_own {
            identity = format!("{identity}@{}", self.address.url());
        }
        identity
    }

    /// The markets of the assets, before the list is looked at.
    #[cfg(test)]
    pub(crate) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Everything that is connected to.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.address).chain(&self.list)
    }

    /// Brings prices into `outlet` until `stop` is raised.
    pub(crate) async fn run(&self, tools: Tools<'_>, outlet: Outlet, stop: &StopFlag) {
        let Tools { connect, clock, seed, watch, mut tap, among } = tools;
        let number = among.as_ref().map(|among| among.number);
        let mut board = Board::new(watch, number);
        let (symbols, notes) = self.markets(connect, stop).await;
        let (venue, now) = ((self.make)(), clock.monotonic());
        let names = symbols.asked_for();
        let groups: Vec<&[String]> = names.chunks(venue.most_symbols().max(1)).collect();
        board.lines(groups.len());
        let start = clock.utc();
        let base = start - now;
        if let Some(tap) = &mut tap {
            tap.begins(&beginning(&*venue, &symbols, start, base));
        }
        let mut intake = Intake::new(venue.name(), symbols, start);
        let mut waited = None;
        if let Some(Among { number, idle_after, best }) = among {
            intake = intake.among(number, best);
            waited = Some(Waited::new(number.into(), idle_after));
        }
        let desk = RefCell::new(Desk::new(intake, outlet, board, waited, tap, clock, base));
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
            Line::new(number, &common, supervisor, frames, keep_alive).run(stop)
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
                let usual =
                    self.symbols.names().iter().find(|name| !name.is_empty()).map_or("", String::as_str);
                let line = format!(
                    "{problem}; markets are named as usual instead, such as {usual}; see exchange.instruments"
                );
                (self.symbols.clone(), vec![("instruments not listed", line)])
            }
        }
    }
}

/// What the prices of a start depend on.
fn beginning(venue: &dyn Venue, symbols: &Symbols, start: Nanos, base: Nanos) -> Beginning {
    Beginning {
        venue: venue.name().to_owned(),
        assets: symbols.wanted().map(str::to_owned).collect(),
        quote: symbols.quote().to_owned(),
        symbols: symbols.markets().map(str::to_owned).collect(),
        start,
        base,
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
