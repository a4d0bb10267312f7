//! Which ticks count: bad input is told apart here, and never stops the stream.
//!
//! Two kinds of doubt need a second look, because a real market does both now and then:
//!
//! * A tick far ahead of the stream is held. It counts once the stream goes on from there: three ticks near
//!   each other at two times at least, as after an outage, or at three times one after the other, as in a
//!   stream that is sparse by nature (whose spacing is then taken as normal). A tick in the old time
//!   contradicts those held, and they are quarantined. So a wrong time stamp moves nothing, not even one
//!   that all assets of a bar share; three rows in a row that agree on a wrong and advancing time do. The
//!   first ticks of a stream are held in the same way, so that one wrong time stamp at its head cannot make
//!   all others late.
//! * A price far from the last one is quarantined. Once three in a row of one asset agree with each other, as
//!   after a redenomination, the third counts and becomes the price to compare with.
//!
//! Duplicates are found among the last 32 ticks of their asset.
//!
//! Each partition of the input is judged by its own time ([`Clock`]), so that what counts does not depend on the order
//! in which partitions are read. Prices and duplicates are judged by asset: an asset belongs in one partition, or each of
//! its partitions is a venue of its own. Then only whether a price is far from the last one may depend on that order, and
//! venues that are so far apart do not trade the same thing.

mod held;

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::duration::format_time;
use crate::tick::{Event, EventKind, Tick};
use held::Held;

/// Ticks that must agree before doubt is given up.
const CONFIRMATIONS: usize = 3;
/// Recent ticks an asset is compared with to find duplicates.
const REMEMBERED: usize = 32;
/// No stream is sparser than this: a year.
const MOST_SPACING: Nanos = 366 * 86_400 * crate::clock::SECOND;
/// No tick of anything is outside these years (1900 to 2200), in nanoseconds UTC: differences of two such
/// times, and a bar beyond them, fit their type.
const PLAUSIBLE_TIMES: std::ops::Range<Nanos> = -2_208_988_800_000_000_000..7_258_118_400_000_000_000;
/// No price of anything is outside this range.
const PLAUSIBLE_PRICES: std::ops::Range<f64> = 1e-15..1e15;

/// What became of a tick that was offered, or of one held before it.
#[derive(Debug, Clone, PartialEq)]
pub enum Admitted {
    /// It counts, for the asset at this position of the universe; that of a foreign one is `usize::MAX`.
    Tick(usize, Tick),
    /// It does not; this is kept in `events`.
    Event(Event),
}

/// The position of a tick whose asset is not in the universe: it tells the time and nothing else.
pub(crate) const FOREIGN: usize = usize::MAX;

/// Where one partition of the input is in time, and which of its ticks are in doubt for being far ahead of that.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Clock {
    max_ahead: Nanos,
    /// Greatest event time that counts; `None` before the first.
    time: Option<Nanos>,
    held: Held,
}

/// Judges the ticks of one universe in the order they come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admission {
    max_ratio: f64,
    assets: Vec<AssetMemory>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct AssetMemory {
    fingerprints: [u64; REMEMBERED],
    next: usize,
    price: Option<f64>,
    doubtful: usize,
    doubtful_price: f64,
}

impl AssetMemory {
    const NEW: Self =
        Self { fingerprints: [0; REMEMBERED], next: 0, price: None, doubtful: 0, doubtful_price: f64::NAN };
}

impl Clock {
    /// For a partition with ticks of `assets` assets; those more than `max_ahead` ahead of it are in doubt.
    #[must_use]
    pub fn new(assets: usize, max_ahead: Nanos) -> Self {
        Self { max_ahead, time: None, held: Held::new(assets) }
    }

    /// The greatest event time admitted so far.
    #[must_use]
    pub fn time(&self) -> Option<Nanos> {
        self.time
    }

    /// Starts from a known time, as after history.
    pub fn seed(&mut self, time: Nanos) {
        self.time = Some(self.time.map_or(time, |known| known.max(time)));
    }
}

impl Admission {
    /// For `assets` assets; prices more than `max_ratio` times away from the last one are in doubt.
    #[must_use]
    pub fn new(assets: usize, max_ratio: f64) -> Self {
        Self { max_ratio, assets: vec![AssetMemory::NEW; assets] }
    }

    /// True when this was made for so many assets.
    pub(crate) fn is_for(&self, assets: usize) -> bool {
        self.assets.len() == assets
    }

    /// Starts from known prices, as after history.
    pub fn seed(&mut self, prices: impl Iterator<Item = f64>) {
        for (asset, price) in self.assets.iter_mut().zip(prices) {
            asset.price = (!price.is_nan()).then_some(price);
        }
    }

    /// Judges one tick of the asset at `position`, in the partition with this clock. `is_late` tells whether an event
    /// time's bar is final. Everything decided by it, about this tick or held ones, goes to `out` in order.
    pub fn offer(
        &mut self,
        clock: &mut Clock,
        position: usize,
        tick: Tick,
        is_late: &mut dyn FnMut(Nanos) -> bool,
        out: &mut dyn FnMut(Admitted),
    ) {
        if let Some(event) = implausible(&tick) {
            return refuse(position, event, out);
        }
        let Some(time) = clock.time.filter(|time| tick.event_time <= time + clock.max_ahead) else {
            return self.hold(clock, position, tick, is_late, out);
        };
        if tick.event_time < time - clock.max_ahead {
            return refuse(position, out_of_order(&tick), out);
        }
        if !clock.held.is_empty() {
            reject_held(clock, out);
        }
        self.judge(clock, position, tick, is_late, out);
    }

    /// The input of the partition with this clock has ended. Ticks held at the very start count, and so do enough of
    /// them after a jump that nothing contradicts.
    pub fn end(
        &mut self,
        clock: &mut Clock,
        is_late: &mut dyn FnMut(Nanos) -> bool,
        out: &mut dyn FnMut(Admitted),
    ) {
        if clock.time.is_some() && !clock.held.is_consistent(clock.max_ahead) {
            return reject_held(clock, out);
        }
        let held: Vec<_> = clock.held.take().collect();
        for (position, tick) in held {
            self.judge(clock, position, tick, is_late, out);
        }
    }

    fn hold(
        &mut self,
        clock: &mut Clock,
        position: usize,
        tick: Tick,
        is_late: &mut dyn FnMut(Nanos) -> bool,
        out: &mut dyn FnMut(Admitted),
    ) {
        if let Some((position, oldest)) = clock.held.push((position, tick)) {
            refuse(position, ahead(clock.time, &oldest), out);
        }
        let Some(belief) = clock.held.believe(clock.max_ahead) else { return };
        if let Some(spacing) = belief.spacing {
            clock.max_ahead = clock.max_ahead.max(spacing.min(MOST_SPACING) * 2);
        }
        for (position, tick) in belief.wrong {
            refuse(position, ahead(clock.time, &tick), out);
        }
        for (position, tick) in belief.right {
            self.judge(clock, position, tick, is_late, out);
        }
    }

    fn judge(
        &mut self,
        clock: &mut Clock,
        position: usize,
        tick: Tick,
        is_late: &mut dyn FnMut(Nanos) -> bool,
        out: &mut dyn FnMut(Admitted),
    ) {
        if let Some(asset) = self.assets.get_mut(position) {
            let fingerprint = fingerprint(&tick);
            if asset.fingerprints.contains(&fingerprint) {
                return out(Admitted::Event(duplicate(&tick)));
            }
            if is_late(tick.event_time) {
                // It tells the time of its partition all the same.
                clock.seed(tick.event_time);
                return out(Admitted::Event(out_of_order(&tick)));
            }
            asset.remember(fingerprint);
            if let Some(away) = asset.far_from(tick.price, self.max_ratio) {
                return out(Admitted::Event(absurdly_far(&tick, away)));
            }
        }
        clock.seed(tick.event_time);
        out(Admitted::Tick(position, tick));
    }
}

/// What does not count of a foreign asset is none of this universe's business.
fn refuse(position: usize, event: Event, out: &mut dyn FnMut(Admitted)) {
    if position != FOREIGN {
        out(Admitted::Event(event));
    }
}

fn reject_held(clock: &mut Clock, out: &mut dyn FnMut(Admitted)) {
    for (position, tick) in clock.held.take() {
        refuse(position, ahead(clock.time, &tick), out);
    }
}

impl AssetMemory {
    fn remember(&mut self, fingerprint: u64) {
        self.fingerprints[self.next] = fingerprint;
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// How many times the price is away from the last one, if it is too far and not confirmed; otherwise
    /// it becomes the last one.
    fn far_from(&mut self, price: f64, max_ratio: f64) -> Option<f64> {
        let times = |a: f64, b: f64| (a / b).max(b / a);
        if let Some(away) = self.price.map(|last| times(price, last)).filter(|&away| away > max_ratio) {
            let agrees = self.doubtful > 0 && times(price, self.doubtful_price) <= max_ratio;
            self.doubtful = if agrees { self.doubtful + 1 } else { 1 };
            self.doubtful_price = price;
            if self.doubtful < CONFIRMATIONS {
                return Some(away);
            }
        }
        self.doubtful = 0;
        self.price = Some(price);
        None
    }
}

fn duplicate(tick: &Tick) -> Event {
    let time = format_time(tick.event_time);
    let detail = format!("the same message came before: price {} at {time}", tick.price);
    event(tick, EventKind::Ignored, "duplicate", detail)
}

fn absurdly_far(tick: &Tick, away: f64) -> Event {
    let detail = format!("price {} is {away:.1} times away from the last one", tick.price);
    event(tick, EventKind::Quarantined, "price absurdly far", detail)
}

/// The event for a tick that was held and not confirmed.
fn ahead(stream: Option<Nanos>, tick: &Tick) -> Event {
    let time = format_time(tick.event_time);
    let detail = match stream {
        Some(stream) => {
            let stream = format_time(stream);
            format!("{time} is far ahead of {stream}, where the stream is, and no other tick confirms it")
        }
        None => format!("{time} is far from the ticks beside it"),
    };
    event(tick, EventKind::Quarantined, "too far ahead", detail)
}

fn implausible(tick: &Tick) -> Option<Event> {
    let quarantine = |reason| {
        let detail = format!("price {}", tick.price);
        Some(event(tick, EventKind::Quarantined, reason, detail))
    };
    if !PLAUSIBLE_TIMES.contains(&tick.event_time) {
        let detail = format!("{} is not between the years 1900 and 2200", format_time(tick.event_time));
        return Some(event(tick, EventKind::Quarantined, "event time absurdly far", detail));
    }
    if !tick.price.is_finite() {
        return quarantine("price not finite");
    }
    if tick.price <= 0.0 {
        return quarantine("price not positive");
    }
    if !PLAUSIBLE_PRICES.contains(&tick.price) {
        return quarantine("price absurdly far");
    }
    None
}

/// The event for a tick whose bar is final.
pub(crate) fn out_of_order(tick: &Tick) -> Event {
    let detail = format!("{} belongs to a bar that is final", format_time(tick.event_time));
    event(tick, EventKind::Quarantined, "out of order", detail)
}

fn event(tick: &Tick, kind: EventKind, reason: &'static str, detail: String) -> Event {
    Event { kind, reason, detail, partition: tick.partition, offset: tick.offset }
}

/// A number that two ticks of an asset share when they are the same message: the same sequence of the same
/// venue, or without one, the same in every field but where and when they arrived. Never zero.
fn fingerprint(tick: &Tick) -> u64 {
    let bits = |value: Option<f64>| value.map_or(u64::MAX, f64::to_bits);
    let fields = match tick.sequence {
        Some(sequence) => [u64::from(tick.venue), sequence, 1, 0, 0, 0],
        None => [
            tick.event_time.cast_unsigned(),
            u64::from(tick.venue),
            tick.price.to_bits(),
            bits(tick.bid),
            bits(tick.ask),
            bits(tick.size),
        ],
    };
    let hash = fields.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &field| {
        let mixed = (hash ^ field).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    });
    hash.max(1)
}

#[cfg(test)]
mod tests;
