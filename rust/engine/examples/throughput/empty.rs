//! The empty loop: the same ring, the same record, nothing computed, or so much work in registers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use silverbullet_engine::{Latest, Publication, Trigger};
use silverbullet_market::{Clock, Input, Nanos, SystemClock};

use crate::core;
use crate::market::Size;
use crate::paced::Target;

/// As the engine's own.
const RING: usize = 1 << 13;
const AWAKE: Nanos = 100_000;
const NAP: Duration = Duration::from_micros(500);

/// A running empty loop.
pub(crate) struct EmptyLoop {
    ring: rtrb::Producer<Input>,
    latest: Arc<Latest>,
    thread: JoinHandle<()>,
    ended: Arc<AtomicBool>,
    count: u64,
}

impl EmptyLoop {
    /// `steps` of [`core::work`] before each record.
    pub(crate) fn start(size: Size, answers: usize, steps: u64) -> Self {
        let record = Publication::with_capacity(size.assets, answers);
        let latest = Arc::new(Latest::new(size.assets, answers));
        let (ring, inputs) = rtrb::RingBuffer::new(RING);
        let ended = Arc::new(AtomicBool::new(false));
        let thread = {
            let (latest, ended) = (Arc::clone(&latest), Arc::clone(&ended));
            std::thread::spawn(move || run(inputs, record, steps, &latest, &ended))
        };
        Self { ring, latest, thread, ended, count: 0 }
    }
}

impl Target for EmptyLoop {
    fn push(&mut self, input: Input) {
        self.count += 1;
        // A tick too many while the ring is full would be as many milliseconds late as it has places.
        let _ = self.ring.push(input);
        self.thread.thread().unpark();
    }

    fn published(&self) -> u64 {
        self.latest.published()
    }

    fn read(&self, into: &mut Publication) {
        self.latest.read_into(into);
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn finish(self) {
        self.ended.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

fn run(
    mut inputs: rtrb::Consumer<Input>,
    mut record: Publication,
    steps: u64,
    latest: &Latest,
    ended: &AtomicBool,
) {
    let mut idle_since: Option<Nanos> = None;
    record.answered = record.answers.len();
    while !ended.load(Ordering::Acquire) {
        match inputs.pop() {
            Ok(Input::Tick(tick)) => {
                idle_since = None;
                core::work(steps);
                record.sequence += 1;
                record.event_time = tick.event_time;
                record.trigger = Trigger::Tick(tick.asset.index());
                latest.publish(&record);
            }
            Ok(_) => {}
            Err(_) => {
                let now = SystemClock.monotonic();
                if now - *idle_since.get_or_insert(now) < AWAKE {
                    std::hint::spin_loop();
                } else {
                    std::thread::park_timeout(NAP);
                }
            }
        }
    }
}
