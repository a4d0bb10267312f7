//! Between the thread of the sockets and the sink: a bounded queue, and what becomes of prices when it is full.
//!
//! An exchange does not wait, so the socket must not. While whoever takes the prices is so far behind that the queue is
//! full, only the newest trade and the newest quote of each asset are kept; the others are left out and counted. Once
//! half of the queue is free the kept ones are handed on, after an event that says what is missing. Events are never left out
//! before prices, but no more than some are kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

use silverbullet_market::{EventKind, Input, Nanos, Tick, format_time};

/// Events kept while there is no room for them.
const MOST_EVENTS: usize = 1_024;

/// The end of the queue at the sockets.
pub(crate) struct Outlet {
    ring: rtrb::Producer<Input>,
    taker: Thread,
    frames: Arc<AtomicU64>,
    newly: u64,
    assets: usize,
    capacity: usize,
    behind: Option<Behind>,
    /// Something was put in since the taker was woken.
    is_news: bool,
}

/// What is kept while the queue is full.
struct Behind {
    events: VecDeque<Input>,
    /// Of each asset the newest trade, and the newest quote.
    newest: Vec<[Option<Tick>; 2]>,
    left_out: u64,
    /// Event times of what was left out.
    span: Option<(Nanos, Nanos)>,
    events_left_out: u64,
}

/// The end of the queue at the sink.
pub(crate) struct Inlet {
    pub(crate) ring: rtrb::Consumer<Input>,
    pub(crate) frames: Arc<AtomicU64>,
}

/// A queue with room for so many inputs, taken by the thread that calls this.
pub(crate) fn queue(capacity: usize, assets: usize) -> (Outlet, Inlet) {
    let (producer, consumer) = rtrb::RingBuffer::new(capacity.max(2));
    let frames = Arc::new(AtomicU64::new(0));
    let outlet = Outlet {
        capacity: producer.buffer().capacity(),
        ring: producer,
        taker: std::thread::current(),
        frames: Arc::clone(&frames),
        newly: 0,
        assets,
        behind: None,
        is_news: false,
    };
    (outlet, Inlet { ring: consumer, frames })
}

impl Outlet {
    /// Counts a frame.
    #[inline]
    pub(crate) fn frame(&mut self) {
        self.newly += 1;
    }

    /// Puts something in, or keeps it where there is no room.
    #[inline]
    pub(crate) fn push(&mut self, input: Input) {
        self.is_news = true;
        match &mut self.behind {
            None => {
                if let Err(rtrb::PushError::Full(input)) = self.ring.push(input) {
                    self.fall_behind(input);
                }
            }
            Some(behind) => behind.keep(input),
        }
    }

    #[cold]
    fn fall_behind(&mut self, input: Input) {
        let mut behind = Behind {
            events: VecDeque::new(),
            newest: vec![[None; 2]; self.assets],
            left_out: 0,
            span: None,
            events_left_out: 0,
        };
        behind.keep(input);
        self.behind = Some(behind);
    }

    /// Hands on what was kept, as far as there is room, and wakes whoever takes it. `note` makes an event. True where it
    /// has become another thing whether the queue is behind.
    pub(crate) fn settle(&mut self, note: &dyn Fn(EventKind, &'static str, &str) -> Input) -> bool {
        let caught_up = self.behind.is_some() && self.catch_up(note);
        if self.newly > 0 {
            self.frames.fetch_add(std::mem::take(&mut self.newly), Ordering::Release);
            self.is_news = true;
        }
        if std::mem::take(&mut self.is_news) {
            self.taker.unpark();
        }
        caught_up
    }

    /// True while prices are left out.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    /// Inputs that wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.capacity - self.ring.slots()
    }

    fn catch_up(&mut self, note: &dyn Fn(EventKind, &'static str, &str) -> Input) -> bool {
        let Some(behind) = &mut self.behind else { return false };
        // Half of it is free, which has room for all that is kept unless the queue is a tiny one.
        if self.ring.slots() < self.capacity.div_ceil(2) {
            return false;
        }
        while let Some(event) = behind.events.pop_front() {
            if let Err(rtrb::PushError::Full(event)) = self.ring.push(event) {
                behind.events.push_front(event);
                return false;
            }
        }
        let Some(Behind { newest, left_out, span, events_left_out, .. }) = self.behind.take() else {
            return false;
        };
        if let Some((from, to)) = span {
            let (from, to) = (format_time(from), format_time(to));
            let detail = format!(
                "prices were taken too slowly: {left_out} from {from} to {to} are left out, all but the newest of each asset"
            );
            self.push(note(EventKind::Gap, "consumer behind", &detail));
        }
        if events_left_out > 0 {
            let detail = format!("{events_left_out} events are left out");
            self.push(note(EventKind::Connection, "events left out", &detail));
        }
        let mut ticks: Vec<Tick> = newest.into_iter().flatten().flatten().collect();
        ticks.sort_unstable_by_key(Tick::order_key);
        for tick in ticks {
            self.push(Input::Tick(tick));
        }
        self.behind.is_none()
    }
}

impl Behind {
    fn keep(&mut self, input: Input) {
        let Input::Tick(tick) = input else {
            if self.events.len() < MOST_EVENTS {
                self.events.push_back(input);
            } else {
                self.events_left_out += 1;
            }
            return;
        };
        let place = usize::from(tick.bid.is_some());
        let kept = &mut self.newest[tick.asset.index()][place];
        let left_out = match kept {
            // The one that comes last in the end is the one that counts.
            Some(other) if other.order_key() > tick.order_key() => tick,
            _ => match kept.replace(tick) {
                Some(other) => other,
                None => return,
            },
        };
        self.left_out += 1;
        let time = left_out.event_time;
        self.span = Some(self.span.map_or((time, time), |(from, to)| (from.min(time), to.max(time))));
    }
}

#[cfg(test)]
mod tests {
    use silverbullet_market::{AssetId, Event};

    use super::*;

    fn event(reason: &'static str, offset: u64) -> Input {
        let (kind, detail) = (EventKind::Quarantined, String::new());
        Input::Event(Box::new(Event { kind, reason, detail, partition: 0, offset }))
    }

    fn tick(asset: u32, time: Nanos, bid: Option<f64>) -> Input {
        Input::Tick(Tick {
            asset: AssetId(asset),
            price: 1.0,
            bid,
            ask: bid,
            size: None,
            event_time: time,
            receipt_time: 0,
            venue: 0,
            sequence: None,
            partition: 0,
            offset: 0,
        })
    }

    fn note(kind: EventKind, reason: &'static str, detail: &str) -> Input {
        let detail = detail.to_owned();
        Input::Note(Box::new(Event { kind, reason, detail, partition: 0, offset: 0 }))
    }

    /// What is in the queue, in short.
    fn taken(inlet: &mut Inlet) -> Vec<String> {
        std::iter::from_fn(|| inlet.ring.pop().ok())
            .map(|input| match input {
                Input::Tick(tick) => format!("{} at {}", tick.asset.0, tick.event_time),
                Input::Event(event) => event.reason.to_owned(),
                Input::Note(event) => format!("{}: {}", event.reason, event.detail),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_full_queue_keeps_the_newest_of_each_asset_and_all_events() {
        let (mut outlet, mut inlet) = queue(8, 2);
        for time in 0..8 {
            outlet.push(tick(0, time, None));
        }
        assert!(!outlet.is_behind());
        for time in 8..20 {
            outlet.push(tick(0, time, None));
        }
        outlet.push(tick(0, 15, Some(1.0)));
        outlet.push(tick(1, 14, None));
        outlet.push(event("bad", 1));
        // One that is older in the end is not kept.
        outlet.push(tick(1, 13, None));
        assert!(outlet.is_behind() && !outlet.settle(&note) && outlet.waiting() == 8);
        assert_eq!(taken(&mut inlet), (0..8).map(|time| format!("0 at {time}")).collect::<Vec<_>>());
        assert!(outlet.settle(&note) && !outlet.is_behind());
        let gap = "consumer behind: prices were taken too slowly: 12 from 1970-01-01T00:00:00.000000008Z to \
                   1970-01-01T00:00:00.000000018Z are left out, all but the newest of each asset";
        assert_eq!(taken(&mut inlet), ["bad", gap, "1 at 14", "0 at 15", "0 at 19"]);
        outlet.push(tick(0, 30, None));
        assert_eq!(taken(&mut inlet), ["0 at 30"]);
    }

    #[test]
    fn nothing_that_can_be_kept_is_left_out() {
        let (mut outlet, mut inlet) = queue(4, 3);
        for time in 0..4 {
            outlet.push(event("first", time));
        }
        outlet.push(tick(2, 5, None));
        assert!(outlet.is_behind());
        assert_eq!(taken(&mut inlet).len(), 4);
        assert!(outlet.settle(&note));
        assert_eq!(taken(&mut inlet), ["2 at 5"], "and no event says that something is missing");
    }

    #[test]
    fn there_is_an_end_to_the_events_that_are_kept() {
        let (mut outlet, mut inlet) = queue(4_096, 1);
        for offset in 0..4_096 + 2_000 {
            outlet.push(event("bad", offset));
        }
        assert_eq!(taken(&mut inlet).len(), 4_096);
        assert!(outlet.settle(&note));
        let rest = taken(&mut inlet);
        assert_eq!((rest.len(), &*rest[1_024]), (1_025, "events left out: 976 events are left out"));
    }

    #[test]
    fn frames_are_counted_with_the_next_settling() {
        let (mut outlet, inlet) = queue(4, 1);
        outlet.frame();
        outlet.frame();
        assert_eq!(inlet.frames.load(Ordering::Acquire), 0);
        outlet.settle(&note);
        assert_eq!(inlet.frames.load(Ordering::Acquire), 2);
    }
}
