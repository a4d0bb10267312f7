//! The live source against an exchange that is played, over TLS on this machine.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use silverbullet_exchange_replay::{Exchange, Fault, Log, Market, Options, Venue};
use silverbullet_feeds::exchange::{ExchangeSettings, ExchangeSource, named};
use silverbullet_feeds::{Recorder, RecordingOptions, RecordingSettings, RecordingSource, Speed};
use silverbullet_market::{
    Event, EventKind, Input, Nanos, PartitionState, Sink, Source, SourceState, SourceWatch, StopFlag,
    SystemClock, Tick,
};

pub(crate) const ASSETS: [&str; 2] = ["BTC", "ETH"];
const HOUR: Nanos = 3_600_000_000_000;
/// No scene takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the source has brought, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) ticks: Vec<Tick>,
    /// Each after so many ticks.
    pub(crate) events: Vec<(usize, Event)>,
    /// How partitions stand, each after so many ticks.
    pub(crate) partitions: Vec<(usize, u32, PartitionState)>,
    pub(crate) frames: u64,
}

impl Seen {
    pub(crate) fn reasons(&self, kind: EventKind) -> Vec<&'static str> {
        self.events.iter().filter(|(_, event)| event.kind == kind).map(|(_, event)| event.reason).collect()
    }

    pub(crate) fn count(&self, reason: &str) -> usize {
        self.events.iter().filter(|(_, event)| event.reason == reason).count()
    }
}

/// Takes what comes, each input after a pause.
pub(crate) struct Taker {
    seen: Arc<Mutex<Seen>>,
    pause: Duration,
}

impl Sink for Taker {
    fn push(&mut self, input: Input) {
        if !self.pause.is_zero() {
            std::thread::sleep(self.pause);
        }
        let mut seen = self.seen.lock().unwrap();
        match input {
            Input::Tick(tick) => seen.ticks.push(tick),
            Input::Event(event) | Input::Note(event) => {
                let place = seen.ticks.len();
                seen.events.push((place, *event));
            }
            Input::Partition(partition, state) => {
                let place = seen.ticks.len();
                seen.partitions.push((place, partition, state));
            }
            other => panic!("{other:?}"),
        }
    }

    fn frame(&mut self) {
        self.seen.lock().unwrap().frames += 1;
    }
}

/// A source that runs.
pub(crate) struct Running {
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) watch: SourceWatch,
    stop: StopFlag,
    thread: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(settings: ExchangeSettings, pause: Duration) -> Self {
        Self::start_source(ExchangeSource::open(settings, Arc::new(SystemClock), 7).unwrap(), pause)
    }

    fn start_source(mut source: ExchangeSource, pause: Duration) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), StopFlag::default());
        let watch = source.watch().unwrap();
        let mut taker = Taker { seen: Arc::clone(&seen), pause };
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || source.run(&mut taker, &stopped).unwrap());
        Self { seen, watch, stop, thread }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until something is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Seen, &SourceState) -> bool) {
        let began = Instant::now();
        while !is_so(&self.seen.lock().unwrap(), &self.watch.state()) {
            assert!(began.elapsed() < PATIENCE, "{what}: {:?}, {:?}", self.watch.state(), {
                let mut seen = self.seen();
                seen.ticks.clear();
                seen
            });
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it, which takes less than a second from any state.
    pub(crate) fn end(self) -> Seen {
        let began = Instant::now();
        self.stop.raise();
        self.thread.join().unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "it took {:?} to end", began.elapsed());
        let seen = self.seen.lock().unwrap();
        seen.clone()
    }
}

/// An exchange that is played, and a source of its prices, which is recorded.
pub(crate) struct Scene {
    pub(crate) exchange: Exchange,
    pub(crate) running: Running,
    name: &'static str,
    _runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

/// Times that a test can wait for; they are as the venue has them in the same order.
pub(crate) fn quick(name: &str) -> ExchangeSettings {
    ExchangeSettings {
        open_within: "2s".into(),
        silence: "1200ms".into(),
        first_pause: "10ms".into(),
        longest_pause: "100ms".into(),
        healthy_after: "2s".into(),
        overlap: "300ms".into(),
        ..ExchangeSettings::new(name, &ASSETS.map(str::to_owned))
    }
}

pub(crate) fn options(name: &str, market: &Market, faults: &[Fault]) -> Options {
    let venue: Venue = name.parse().unwrap();
    let mut options =
        Options::new(venue, market, Duration::from_millis(4)).with_faults(faults.iter().copied());
    options.heartbeat = Duration::from_millis(100);
    options.after = 60;
    options
}

impl Scene {
    pub(crate) fn start(
        name: &'static str,
        options: Options,
        settings: ExchangeSettings,
        pause: Duration,
    ) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let exchange = runtime.block_on(Exchange::start(options, ([127, 0, 0, 1], 0).into())).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, exchange.certificate()).unwrap();
        let settings = ExchangeSettings { url: exchange.url().into(), ca_file: Some(ca_file), ..settings };
        let recording =
            RecordingSettings { folder: folder.path().join("recording"), ..RecordingSettings::default() };
        let recorder = Recorder::new(&recording, Arc::new(SystemClock)).unwrap();
        let source = ExchangeSource::open(settings, Arc::new(SystemClock), 7).unwrap();
        let running = Running::start_source(source.with_tap(Box::new(recorder)).unwrap(), pause);
        Self { exchange, running, name, _runtime: runtime, folder }
    }

    /// Waits until this connection has delivered so many frames, and they have come.
    pub(crate) fn until_delivered(&self, what: &str, connection: usize, frames: usize) {
        let exchange = &self.exchange;
        self.running.until(what, |seen, _| {
            let log = exchange.log();
            let enough = log.0.get(connection).is_some_and(|log| log.frames.len() >= frames);
            enough && seen.ticks.len() + 30 >= log.frames().len().min(2_000)
        });
    }

    pub(crate) fn end(self) -> (Seen, Log, Vec<Told>) {
        let venue: Venue = self.name.parse().unwrap();
        self.end_of(&ASSETS.map(|asset| venue.symbol(asset)))
    }

    /// Where the markets have these names, one an asset.
    pub(crate) fn end_of(self, symbols: &[String]) -> (Seen, Log, Vec<Told>) {
        let seen = self.running.end();
        assert_played(self.name, &seen, &self.folder.path().join("recording"));
        let log = self.exchange.log();
        let told = expected(self.name, &self.exchange.frames(), &log, symbols);
        (seen, log, told)
    }
}

/// Looks that the recording brings what came live: each tick with its place and time, each event in its place.
fn assert_played(what: &str, live: &Seen, recording: &Path) {
    if live.count("consumer behind") > 0 {
        // It has more than was taken live.
        return;
    }
    let options = RecordingOptions { speed: Speed::Max, progress: None };
    let mut source = RecordingSource::open(recording, options, Arc::new(SystemClock)).unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut taker = Taker { seen: Arc::clone(&seen), pause: Duration::ZERO };
    source.run(&mut taker, &StopFlag::default()).unwrap();
    let played = seen.lock().unwrap();
    let plain = |seen: &Seen| -> Vec<Tick> {
        seen.ticks.iter().map(|tick| Tick { receipt_time: 0, ..*tick }).collect()
    };
    assert_eq!(played.events, live.events, "{what}: other events are played");
    assert!(plain(&played) == plain(live), "{what}: other ticks are played");
    assert_eq!(played.frames, live.frames, "{what}: another number of frames is played");
}

/// A price without what differs from run to run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Told {
    pub(crate) asset: u32,
    pub(crate) price: f64,
    pub(crate) bid: Option<f64>,
    pub(crate) ask: Option<f64>,
    pub(crate) size: Option<f64>,
    pub(crate) time: Option<Nanos>,
    pub(crate) number: Option<u64>,
}

impl Told {
    /// As a tick says it; `timed` is what it was told with, for without it a tick has the receipt's time.
    pub(crate) fn of(tick: &Tick, timed: bool) -> Self {
        let Tick { asset, price, bid, ask, size, event_time, sequence, .. } = *tick;
        Self { asset: asset.0, price, bid, ask, size, time: timed.then_some(event_time), number: sequence }
    }
}

/// What must have come of the frames that were delivered, as the adapter reads them.
pub(crate) fn expected(name: &str, frames: &[String], log: &Log, symbols: &[String]) -> Vec<Told> {
    let mut adapter = named(name).unwrap();
    let assets: HashMap<&str, u32> = symbols.iter().map(String::as_str).zip(0..).collect();
    // What is sent first of each market is not live, and is sent beside these.
    if matches!(name, "coinbase" | "okx") {
        for frame in frames.iter().take(200) {
            adapter.read(frame, &mut |_| {}).unwrap();
        }
    }
    let mut told = Vec::new();
    for (place, hours) in log.frames() {
        adapter
            .read(&frames[place], &mut |print| {
                let print = print.unwrap();
                told.push(Told {
                    asset: assets[print.symbol],
                    price: print.price,
                    bid: print.bid,
                    ask: print.ask,
                    size: print.size,
                    time: print.time.map(|time| time + hours * HOUR),
                    number: print.number.value(),
                });
            })
            .unwrap();
    }
    told
}

/// Looks that what came is what was delivered, each once and in order; `what` is told where it is not. What was delivered last
/// may be on its way.
pub(crate) fn assert_delivered(what: &str, seen: &Seen, told: &[Told]) {
    assert!(seen.ticks.len() <= told.len(), "{what}: {} came of {}", seen.ticks.len(), told.len());
    assert!(seen.ticks.len() >= 50, "{what}: only {} came", seen.ticks.len());
    for (place, (tick, told)) in seen.ticks.iter().zip(told).enumerate() {
        assert_eq!(Told::of(tick, told.time.is_some()), *told, "{what}, at {place} of {}", seen.ticks.len());
    }
    let mut offsets: Vec<u64> = seen.ticks.iter().map(|tick| tick.offset).collect();
    offsets.dedup();
    assert!(offsets.is_sorted() && offsets.len() == seen.ticks.len(), "{what}: places are not new ones");
}
