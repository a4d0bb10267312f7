//! From the queues of the exchanges to the sink, on the source's thread.
//!
//! Where prices of several exchanges wait, the earliest is taken first: that is so after a pause of whoever takes them. At the
//! live edge nobody is waited for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use silverbullet_market::{Clock, Input, Nanos, SECOND, Sink, StopFlag};

use super::outlet::Inlet;

/// The longest sleep while nothing comes; a wake-up ends it.
const NAP: Duration = Duration::from_millis(20);
/// What is in the queue when all is to end may take so long to be handed on.
const LAST: Nanos = SECOND / 2;

/// Hands on what comes until the other ends of all queues are gone.
pub(crate) fn pump(inlets: &mut [Inlet], sink: &mut dyn Sink, clock: &dyn Clock, stop: &StopFlag) {
    let mut counted = vec![0; inlets.len()];
    let mut stopped: Option<Nanos> = None;
    loop {
        // Looked at first: what was pushed before it was gone is there.
        let is_last = inlets.iter().all(|inlet| inlet.ring.is_abandoned());
        for (inlet, counted) in inlets.iter().zip(&mut counted) {
            let frames = inlet.frames.load(Ordering::Acquire);
            for _ in *counted..frames {
                sink.frame();
            }
            *counted = frames;
        }
        let waiting = match &mut *inlets {
            [inlet] => take_all(inlet, sink),
            inlets => take_in_order(inlets, sink),
        };
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

fn take_all(inlet: &mut Inlet, sink: &mut dyn Sink) -> usize {
    let waiting = inlet.ring.slots();
    for _ in 0..waiting {
        let Ok(input) = inlet.ring.pop() else { break };
        sink.push(input);
    }
    waiting
}

/// Takes as many as wait now, whichever is the earliest of the first of each.
fn take_in_order(inlets: &mut [Inlet], sink: &mut dyn Sink) -> usize {
    let waiting = inlets.iter().map(|inlet| inlet.ring.slots()).sum();
    for _ in 0..waiting {
        let heads = inlets.iter().zip(0_usize..).filter_map(|(inlet, place)| {
            // What is no price has a place among those of its own exchange only.
            let time = match inlet.ring.peek().ok()? {
                Input::Tick(tick) => tick.event_time,
                _ => Nanos::MIN,
            };
            Some((time, place))
        });
        let Some((_, first)) = heads.min() else { break };
        if let Ok(input) = inlets[first].ring.pop() {
            sink.push(input);
        }
    }
    waiting
}

#[cfg(test)]
mod tests {
    use silverbullet_market::{AssetId, SystemClock, Tick};

    use super::*;
    use crate::exchange::outlet::queue;

    #[derive(Default)]
    struct Taken {
        times: Vec<(u16, Nanos)>,
        frames: usize,
    }

    impl Sink for Taken {
        fn push(&mut self, input: Input) {
            if let Input::Tick(tick) = input {
                self.times.push((tick.venue, tick.event_time));
            }
        }

        fn frame(&mut self) {
            self.frames += 1;
        }
    }

    fn tick(venue: u16, event_time: Nanos) -> Input {
        Input::Tick(Tick {
            asset: AssetId(0),
            price: 1.0,
            bid: None,
            ask: None,
            size: None,
            event_time,
            receipt_time: 0,
            venue,
            sequence: None,
            partition: venue.into(),
            offset: 0,
        })
    }

    #[test]
    fn what_waits_is_taken_in_the_order_of_time_and_each_exchange_keeps_its_own() {
        let (mut outlets, mut inlets): (Vec<_>, Vec<_>) = (0..2).map(|_| queue(16, 1)).unzip();
        // The second of the first exchange is late: it is not taken before the first.
        for (place, time) in [(0, 5), (0, 3), (0, 9), (1, 4), (1, 6)] {
            outlets[place].push(tick(place as u16, time));
            outlets[place].frame();
        }
        for outlet in &mut outlets {
            outlet.settle(&|_, _, _| tick(9, 0));
        }
        drop(outlets);
        let mut taken = Taken::default();
        pump(&mut inlets, &mut taken, &SystemClock, &StopFlag::default());
        assert_eq!(taken.times, [(1, 4), (0, 5), (0, 3), (1, 6), (0, 9)]);
        assert_eq!(taken.frames, 5);
    }
}
