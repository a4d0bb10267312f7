//! A market that needs no network: correlated prices with jumps and changing volatility, in bursts of ticks.
//!
//! The same settings, seed and start give the same ticks bit for bit, whatever the speed, the platform, the bar
//! interval or the length of the history: history runs backwards from the start with random numbers of its own.

mod arrivals;
mod market;
mod profile;
mod random;
mod settings;

use std::sync::Arc;

use silverbullet_market::{
    AssetId, Clock, HistoryBar, Input, Nanos, Sink, Source, SourceDescription, SourceError, StopFlag, Tick,
};

use self::arrivals::Arrivals;
use self::market::{Direction, Market};
use self::profile::{Profile, profiles};
use self::random::Random;
use self::settings::wrong;
use crate::error::Result;
use crate::pacing::{Pacer, Sleeper, ThreadSleeper};
use crate::speed::Speed;

pub use self::settings::{SimulatedAssets, SimulatorSettings, SimulatorStart};

/// Event times are whole microseconds, as stored tables keep them.
const MICROSECOND: Nanos = 1_000;

/// History of more prices than this is refused: it is held in memory.
const MOST_HISTORY: usize = 5_000_000;

/// Typical value of a trade, in the quote currency.
const TYPICAL_TRADE: f64 = 1_500.0;

/// A simulated market as a source of ticks. Runs for ever unless it is given a limit.
pub struct Simulator {
    settings: SimulatorSettings,
    profiles: Vec<Profile>,
    seed: u64,
    start: Nanos,
    interval: Nanos,
    history_bars: usize,
    speed: Speed,
    limit: Option<u64>,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    description: SourceDescription,
}

impl Simulator {
    /// A market that hands out `history_bars` bars of `interval` nanoseconds, which end at or before the start, and
    /// then ticks from the start on, in real time. `clock` says what `now` is, stamps receipt times and paces.
    ///
    /// # Errors
    /// [`FeedError::Setting`](crate::FeedError::Setting) names the setting that makes no sense.
    pub fn new(
        settings: SimulatorSettings,
        seed: u64,
        interval: Nanos,
        history_bars: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        settings.check()?;
        if interval <= 0 {
            return Err(wrong("bar", format!("an interval of {interval} ns is none; it must be positive")));
        }
        let names = settings.names();
        if history_bars.saturating_mul(names.len()) > MOST_HISTORY {
            let problem = format!("{history_bars} bars of {} assets are too many prices", names.len());
            return Err(wrong("window", problem));
        }
        let start = match settings.start {
            SimulatorStart::Now => clock.utc(),
            SimulatorStart::At(time) => time,
        };
        let start = start - start.rem_euclid(MICROSECOND);
        let reach = interval.checked_mul(i64::try_from(history_bars).unwrap_or(i64::MAX));
        if reach.is_none_or(|reach| reach > start.saturating_add(interval)) {
            return Err(wrong(
                "window",
                format!("{history_bars} bars of {interval} ns reach back beyond 1970"),
            ));
        }
        let settings = SimulatorSettings { start: SimulatorStart::At(start), ..settings };
        let description = SourceDescription {
            name: "simulator".to_owned(),
            identity: identity(&settings, seed),
            venues: Vec::new(),
            assets: names,
            grid: None,
            replayable: true,
            seekable: false,
            rows: None,
        };
        Ok(Self {
            profiles: profiles(&settings, seed),
            settings,
            seed,
            start,
            interval,
            history_bars,
            speed: Speed::default(),
            limit: None,
            clock,
            sleeper: Arc::new(ThreadSleeper),
            description,
        })
    }

    /// Plays at `speed`.
    #[must_use]
    pub fn with_speed(mut self, speed: Speed) -> Self {
        self.speed = speed;
        self
    }

    /// Ends after `limit` ticks. That makes it another input, with another identity.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self.description.rows = Some(limit);
        self.description.identity = format!("{};limit={limit}", identity(&self.settings, self.seed));
        self
    }

    /// Waits by `sleeper` instead of putting the thread to sleep.
    #[must_use]
    pub fn with_sleeper(mut self, sleeper: Arc<dyn Sleeper>) -> Self {
        self.sleeper = sleeper;
        self
    }

    /// When event time begins, nanoseconds UTC: `now` resolved. Given as the start again, it repeats the run.
    #[must_use]
    pub fn start(&self) -> Nanos {
        self.start
    }

    /// The bars up to the start, oldest first, each with a close of every asset.
    fn history(&self) -> impl Iterator<Item = HistoryBar> {
        let mut market =
            Market::new(&self.profiles, self.settings.jumps_per_day, self.seed, Direction::Backwards);
        let last = self.start.div_euclid(self.interval);
        let mut bars: Vec<HistoryBar> = (0..self.history_bars as i64)
            .map(|back| {
                let number = last - back;
                let elapsed = self.start - number * self.interval;
                let closes = (0..self.profiles.len()).map(|i| Some(market.price(i, elapsed))).collect();
                HistoryBar { number, closes }
            })
            .collect();
        bars.reverse();
        bars.into_iter()
    }
}

impl Source for Simulator {
    fn description(&self) -> &SourceDescription {
        &self.description
    }

    fn run(&mut self, sink: &mut dyn Sink, stop: &StopFlag) -> Result<(), SourceError> {
        for bar in self.history() {
            if stop.is_raised() {
                return Ok(());
            }
            sink.push(Input::History(Box::new(bar)));
        }
        let mut pacer = Pacer::new(self.speed, None, Arc::clone(&self.clock), Arc::clone(&self.sleeper));
        pacer.start_at(self.start);
        let mut ticks = Ticks::new(self);
        for _ in 0..self.limit.unwrap_or(u64::MAX) {
            let mut tick = ticks.next();
            if sink.hurries() {
                pacer.start_at(tick.event_time);
            }
            let Some(now) = pacer.wait(tick.event_time, stop) else { break };
            tick.receipt_time = now;
            sink.frame();
            sink.push(Input::Tick(tick));
        }
        Ok(())
    }
}

/// The endless stream of ticks.
struct Ticks {
    market: Market,
    arrivals: Arrivals,
    book: Random,
    sequences: Vec<u64>,
    start: Nanos,
    offset: u64,
}

impl Ticks {
    fn new(simulator: &Simulator) -> Self {
        let Simulator { profiles, settings, seed, .. } = simulator;
        Self {
            market: Market::new(profiles, settings.jumps_per_day, *seed, Direction::Forwards),
            arrivals: Arrivals::new(profiles, settings.rate, *seed),
            book: Random::new(*seed, "book", 0),
            sequences: vec![0; profiles.len()],
            start: simulator.start,
            offset: 0,
        }
    }

    fn next(&mut self) -> Tick {
        let (seconds, asset) = self.arrivals.next();
        // Never at the start itself, which may be the close of the last bar of history.
        let elapsed = (seconds * 1e6) as Nanos * MICROSECOND + MICROSECOND;
        let spread = 1e-4 * (0.2 + self.book.exponential());
        let quote = self.market.quote(asset, elapsed, spread);
        let value = TYPICAL_TRADE * libm::exp(1.2 * self.book.normal());
        let size = (value / quote.price * 1e6).round().max(1.0) / 1e6;
        self.sequences[asset] += 1;
        self.offset += 1;
        Tick {
            asset: AssetId(asset as u32),
            price: quote.price,
            bid: Some(quote.bid),
            ask: Some(quote.ask),
            size: Some(size),
            event_time: self.start.saturating_add(elapsed),
            receipt_time: 0,
            venue: 0,
            sequence: Some(self.sequences[asset]),
            partition: 0,
            offset: self.offset,
        }
    }
}

/// A digest of everything that decides what the ticks are. `settings` holds the resolved start.
fn identity(settings: &SimulatorSettings, seed: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    // The version changes with the process: other prices are another input.
    hasher.update(b"silverbullet simulator, version 1\n");
    hasher.update(&seed.to_le_bytes());
    // Settings are plain numbers and text, which always serialise; their debug form would do as well.
    let text = serde_json::to_string(settings).unwrap_or_else(|_| format!("{settings:?}"));
    hasher.update(text.as_bytes());
    format!("simulator:{}", hasher.finalize().to_hex())
}
