//! Measures how fast frames of Binance are read, and how fast they go the whole way from an in-memory socket to a sink:
//! exchange_speed [RECORDING]
//!
//! Prints one line of JSON for each. The first has the nanoseconds to read the median frame of the recording as it is
//! (order book and all), less what the clock takes, and the mean of all. The second has the median over the runs of frames
//! of prices a second: WebSocket, reading, judging, the queue, the sink. Those are the recording's over and over,
//! numbered on; TLS and the network are left out.

mod memory;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memory::Memory;
use silverbullet_feeds::exchange::{Binance, ExchangeSettings, ExchangeSource, Said, Venue};
use silverbullet_market::{Clock, Input, Sink, Source, StopFlag, SystemClock};

/// Odd, so that there is one in the middle.
const PARSE_RUNS: usize = 21;
const PATH_RUNS: usize = 7;
/// How often the recording is played in a run over the whole path.
const PASSES: u64 = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).map_or_else(recording, PathBuf::from);
    let frames = frames(&path)?;
    parse(&frames)?;
    whole_path(&frames)
}

fn recording() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("SILVERBULLET_SHARED").map_or_else(beside, PathBuf::from);
    shared.join("data/websocket/binance-spot-2024/spot_btcusdt_20240808.raw.gz")
}

/// The frames of a recording, without their receipts.
fn frames(path: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let file = std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text)?;
    Ok(text.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect())
}

fn median(mut runs: Vec<f64>) -> f64 {
    runs.sort_unstable_by(f64::total_cmp);
    runs[runs.len() / 2]
}

/// Reads each frame alone, so that the few large ones of the order book do not count for more than one; and all in one go.
/// Of each frame its quickest reading counts, which is not one that something else came in between of.
fn parse(frames: &[String]) -> std::io::Result<()> {
    let (clock, mut venue) = (SystemClock, Binance::international());
    let mut quickest = vec![f64::INFINITY; frames.len()];
    let mut means = Vec::new();
    for _ in 0..PARSE_RUNS {
        for (frame, quickest) in frames.iter().zip(&mut quickest) {
            *quickest = quickest.min(timed(&clock, || read(&mut venue, frame)));
        }
        let all = timed(&clock, || frames.iter().for_each(|frame| read(&mut venue, frame)));
        means.push(all / frames.len() as f64);
    }
    let clock_cost = median((0..1_001).map(|_| timed(&clock, || {})).collect());
    let (median, mean) = (median(quickest) - clock_cost, median(means));
    let frames = frames.len();
    line(&format!(
        r#"{{"measure":"parse","runs":{PARSE_RUNS},"frames":{frames},"median_ns_per_frame":{median:.1},"clock_ns":{clock_cost:.1},"mean_ns_per_frame":{mean:.1}}}"#
    ))
}

fn timed(clock: &SystemClock, work: impl FnOnce()) -> f64 {
    let began = clock.monotonic();
    work();
    (clock.monotonic() - began) as f64
}

fn read(venue: &mut Binance, frame: &str) {
    // That one of the frames is none is a result, too.
    let _ = std::hint::black_box(venue.read(frame, &mut |print| drop(std::hint::black_box(print))));
}

fn whole_path(frames: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let bytes: Arc<[u8]> = played(frames).into();
    let mut runs = Vec::new();
    let mut played = 0;
    for _ in 0..PATH_RUNS {
        let settings = ExchangeSettings {
            symbols: BTreeMap::from([("BTC".to_owned(), "BTCUSDT".to_owned())]),
            ..ExchangeSettings::new("binance", &["BTC".to_owned()])
        };
        let memory = Arc::new(Memory::new(Arc::clone(&bytes)));
        let clock = Arc::new(SystemClock);
        let mut source = ExchangeSource::open_over(settings, memory, Arc::clone(&clock) as _, 0)?;
        let stop = StopFlag::default();
        let wanted = count(&bytes);
        let mut counter = Counter { wanted, stop: stop.clone(), clock, ..Counter::default_with() };
        source.run(&mut counter, &stop)?;
        if counter.left_out > 0 || counter.ticks < wanted {
            return Err(format!("{} of {wanted} came, {} events", counter.ticks, counter.left_out).into());
        }
        runs.push(counter.ticks as f64 * 1e9 / (counter.ended - counter.began) as f64);
        played = counter.ticks;
    }
    let (median, length) = (median(runs), bytes.len() as u64 / played);
    Ok(line(&format!(
        r#"{{"measure":"path","runs":{PATH_RUNS},"frames":{played},"bytes_per_frame":{length},"median_frames_per_second":{median:.0}}}"#
    ))?)
}

fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

/// Counts ticks until all have come.
struct Counter {
    ticks: u64,
    /// Prices that were left out, for the queue was full, or for another reason.
    left_out: u64,
    wanted: u64,
    began: i64,
    ended: i64,
    stop: StopFlag,
    clock: Arc<SystemClock>,
}

impl Counter {
    fn default_with() -> Self {
        let (stop, clock) = (StopFlag::default(), Arc::new(SystemClock));
        Self { ticks: 0, left_out: 0, wanted: 0, began: 0, ended: 0, stop, clock }
    }
}

impl Sink for Counter {
    fn push(&mut self, input: Input) {
        match input {
            Input::Tick(_) => {
                if self.ticks == 0 {
                    self.began = self.clock.monotonic();
                }
                self.ticks += 1;
                if self.ticks == self.wanted {
                    self.ended = self.clock.monotonic();
                    self.stop.raise();
                }
            }
            Input::Event(event) | Input::Note(event) if event.reason == "consumer behind" => {
                self.left_out += 1;
                self.stop.raise();
            }
            _ => {}
        }
    }

    fn frame(&mut self) {}
}

/// Frames of prices as a server sends them, numbered on from pass to pass.
fn played(frames: &[String]) -> Vec<u8> {
    let mut venue = Binance::international();
    let prices: Vec<&String> =
        frames.iter().filter(|frame| matches!(venue.read(frame, &mut |_| {}), Ok(Said::Prices))).collect();
    let mut bytes = Vec::new();
    for pass in 0..PASSES {
        for frame in &prices {
            let text = numbered_on(frame, pass * 1_000_000_000);
            // A final frame of text, not masked; none of these is longer than 65,535 bytes.
            match u8::try_from(text.len()).ok().filter(|&length| length < 126) {
                Some(length) => bytes.extend([0x81, length]),
                None => {
                    bytes.extend([0x81, 126]);
                    bytes.extend((text.len() as u16).to_be_bytes());
                }
            }
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// The frame with its number raised by so much.
fn numbered_on(frame: &str, by: u64) -> String {
    for name in ["\"u\":", "\"t\":"] {
        if let Some((before, rest)) = frame.split_once(name) {
            let end = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
            if let Ok(number) = rest[..end].parse::<u64>() {
                return format!("{before}{name}{}{}", number + by, &rest[end..]);
            }
        }
    }
    frame.to_owned()
}

/// Frames in these bytes.
fn count(bytes: &[u8]) -> u64 {
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        at += match bytes[at + 1] {
            126 => 4 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])),
            length => 2 + usize::from(length),
        };
        count += 1;
    }
    count
}
