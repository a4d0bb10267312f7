//! The price process: a jump-diffusion with one common factor and stochastic volatility.
//!
//! Asset i's log price moves by σᵢ(√sᵢ·F + √(1 − sᵢ)·Iᵢ) plus drift, with F and the Iᵢ independent, of unit variance
//! a second: correlations are √(sᵢsⱼ). F and Iᵢ are Brownian motions (plus compound Poisson jumps with normal sizes;
//! Merton 1976) whose volatility is e^(h − v), h an Ornstein-Uhlenbeck process of stationary variance v
//! (Scott 1987), so that the mean square is 1. The Iᵢ share F's volatility and have a little of their own on top:
//! the market is calm or wild as a whole, and correlations change only slowly. Increments are drawn over exactly the time since the last one, so an
//! asset costs nothing between its ticks, and prices of different assets at different times fit together.
//!
//! Time runs from the start, forwards for ticks or backwards for history: without drift the process is the same
//! in both directions, and its prices meet at the start.

use silverbullet_market::Nanos;

use super::profile::Profile;
use super::random::Random;
use super::settings::YEAR_SECONDS;

/// Standard deviation of a jump: this many times that of a minute's move.
const JUMP_MINUTES: f64 = 3.0;

/// Stationary standard deviation of the market's log volatility.
const MARKET_SPREAD: f64 = 0.3;

/// Stationary standard deviation of what an asset's own log volatility has on top.
const OWN_SPREAD: f64 = 0.12;

/// Seconds in which a deviation of the log volatility shrinks by the factor e.
const LOG_VOLATILITY_MEMORY: f64 = 900.0;

/// Volatility is constant for so many seconds.
const VOLATILITY_STEP: f64 = 1.0;

/// Log prices stay within this distance of the start, so that no setting leads to zero or infinity.
const MOST_LOG_MOVE: f64 = 20.0;

/// Direction of time from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Forwards,
    Backwards,
}

/// A Brownian motion of unit variance a second, on average, with jumps.
#[derive(Debug, Clone)]
struct Driver {
    value: f64,
    time: f64,
    spread: f64,
    log_volatility: f64,
    volatility: f64,
    volatility_time: f64,
    jumps_per_second: f64,
    next_jump: f64,
    random: Random,
}

impl Driver {
    fn new(spread: f64, jumps_per_second: f64, mut random: Random) -> Self {
        let log_volatility = spread * random.normal();
        let mut driver = Self {
            value: 0.0,
            time: 0.0,
            spread,
            log_volatility,
            volatility: volatility(log_volatility, spread),
            volatility_time: 0.0,
            jumps_per_second,
            next_jump: 0.0,
            random,
        };
        driver.schedule_jump();
        driver
    }

    fn schedule_jump(&mut self) {
        self.next_jump = if self.jumps_per_second > 0.0 {
            self.next_jump + self.random.exponential() / self.jumps_per_second
        } else {
            f64::INFINITY
        };
    }

    /// Its value at `time`, in seconds, which never goes back; its volatility is times `market_volatility`.
    fn advance(&mut self, time: f64, market_volatility: f64) -> f64 {
        let step = time - self.time;
        if step > 0.0 {
            self.refresh_volatility(time);
            self.value += market_volatility * self.volatility * step.sqrt() * self.random.normal();
            self.time = time;
            while self.next_jump <= time {
                self.value += JUMP_MINUTES * 60.0_f64.sqrt() * self.random.normal();
                self.schedule_jump();
            }
        }
        self.value
    }

    fn refresh_volatility(&mut self, time: f64) {
        let step = time - self.volatility_time;
        if step < VOLATILITY_STEP {
            return;
        }
        let keep = libm::exp(-step / LOG_VOLATILITY_MEMORY);
        let fresh = self.spread * (1.0 - keep * keep).sqrt();
        self.log_volatility = keep * self.log_volatility + fresh * self.random.normal();
        self.volatility = volatility(self.log_volatility, self.spread);
        self.volatility_time = time;
    }
}

fn volatility(log_volatility: f64, spread: f64) -> f64 {
    libm::exp(log_volatility - spread * spread)
}

/// A price with what stands beside it in the book.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quotation {
    pub(crate) price: f64,
    pub(crate) bid: f64,
    pub(crate) ask: f64,
}

/// One asset's own part.
#[derive(Debug, Clone)]
struct Asset {
    own: Driver,
    start_price: f64,
    factor_loading: f64,
    own_loading: f64,
    drift: f64,
    /// Number of price steps in one unit of the quote currency: a power of ten.
    steps: f64,
}

/// All assets' prices as functions of the time since the start.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    factor: Driver,
    assets: Vec<Asset>,
}

impl Market {
    pub(crate) fn new(profiles: &[Profile], jumps_per_day: f64, seed: u64, direction: Direction) -> Self {
        let (purpose, sign) = match direction {
            Direction::Forwards => ("market", 1.0),
            Direction::Backwards => ("history", -1.0),
        };
        let jumps_per_second = jumps_per_day / 86_400.0 / 2.0;
        let asset = |(number, profile): (usize, &Profile)| {
            let second = profile.volatility / YEAR_SECONDS.sqrt();
            Asset {
                own: Driver::new(OWN_SPREAD, jumps_per_second, Random::new(seed, purpose, number as u64 + 1)),
                start_price: profile.price,
                factor_loading: second * profile.factor_share.sqrt(),
                own_loading: second * (1.0 - profile.factor_share).sqrt(),
                drift: sign * (profile.drift / YEAR_SECONDS - second * second / 2.0),
                steps: price_steps(profile.price),
            }
        };
        Self {
            factor: Driver::new(MARKET_SPREAD, jumps_per_second, Random::new(seed, purpose, 0)),
            assets: profiles.iter().enumerate().map(asset).collect(),
        }
    }

    /// The price of an asset when `elapsed` nanoseconds have passed; elapsed time never goes back.
    pub(crate) fn price(&mut self, asset: usize, elapsed: Nanos) -> f64 {
        let steps = self.assets[asset].steps;
        self.whole_steps(asset, elapsed) / steps
    }

    /// The price with bid and ask, half a spread of about `relative_spread` to either side.
    pub(crate) fn quote(&mut self, asset: usize, elapsed: Nanos, relative_spread: f64) -> Quotation {
        let whole = self.whole_steps(asset, elapsed);
        let steps = self.assets[asset].steps;
        let half = (whole * relative_spread / 2.0).floor().clamp(1.0, (whole - 1.0).max(1.0));
        Quotation { price: whole / steps, bid: (whole - half).max(0.5) / steps, ask: (whole + half) / steps }
    }

    /// The price in price steps, a whole number: a quotient of two of those is the decimal number it looks like.
    fn whole_steps(&mut self, asset: usize, elapsed: Nanos) -> f64 {
        let time = elapsed as f64 / 1e9;
        let factor = self.factor.advance(time, 1.0);
        let market_volatility = self.factor.volatility;
        let asset = &mut self.assets[asset];
        let own = asset.own.advance(time, market_volatility);
        let log_move = asset.factor_loading * factor + asset.own_loading * own + asset.drift * time;
        let price = asset.start_price * libm::exp(log_move.clamp(-MOST_LOG_MOVE, MOST_LOG_MOVE));
        (price * asset.steps).round().max(1.0)
    }
}

/// Price steps in a unit: the price has seven digits or a little more.
fn price_steps(price: f64) -> f64 {
    let mut steps = 1.0;
    while price * steps < 1e6 && steps < 1e12 {
        steps *= 10.0;
    }
    steps
}
