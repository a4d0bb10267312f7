//! Reads recordings of frames, and judges what comes out as a live connection would be judged.

pub(crate) mod recordings;
pub(crate) mod synthetic;
#[path = "../exchange_told/mod.rs"]
mod told;

use std::collections::BTreeMap;

use silverbullet_feeds::exchange::{Break, Continuity, Jump, Said, Skew, Stream, Venue};
use silverbullet_market::Nanos;

pub(crate) use told::Told;

pub(crate) type Counts = BTreeMap<&'static str, usize>;

/// A line of a recording.
pub(crate) enum Line<'a> {
    /// No frame of the venue, but what the recorder did or noted.
    Named(&'static str),
    /// A frame of the venue, and the protocol it is of where there is no adapter for that.
    Frame { receipt: Nanos, frame: &'a str, protocol: Option<&'static str> },
}

/// The lines of a recording. The address that was connected to tells the protocol.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut protocol = None;
    text.lines().map(move |line| {
        if line.starts_with("wss://fstream.") {
            protocol = Some("binance-futures");
        }
        note(line).map_or_else(|| frame(line, protocol), Line::Named)
    })
}

fn note(line: &str) -> Option<&'static str> {
    match line.split(' ').collect::<Vec<_>>()[..] {
        [""] => Some("blank"),
        ["configuration:", ..] => Some("configuration"),
        [address, ..] if address.starts_with("https://") => Some("rest"),
        [address, "<->", _] if address.starts_with("wss://") => Some("opened"),
        [address, "<-", ..] if address.starts_with("wss://") => Some("sent"),
        // An order book that the recorder asked for beside the stream.
        [_, answer, ..] if answer.starts_with("{\"lastUpdateId\"") => Some("rest"),
        _ => None,
    }
}

/// A frame after its time of receipt: nanoseconds, or seconds and a colon.
fn frame<'a>(line: &'a str, protocol: Option<&'static str>) -> Line<'a> {
    let (stamp, frame) = line.split_once(' ').unwrap();
    let receipt = match stamp.strip_suffix(':') {
        Some(seconds) => (seconds.parse::<f64>().unwrap() * 1e9) as Nanos,
        None => stamp.parse().unwrap(),
    };
    Line::Frame { receipt, frame, protocol }
}

/// What has been read of a venue.
pub(crate) struct Reading<'v> {
    venue: &'v mut dyn Venue,
    continuity: Continuity,
    skew: Skew,
    /// How many lines were what.
    pub(crate) counts: Counts,
    pub(crate) told: Vec<Told>,
    pub(crate) breaks: Vec<Break>,
    pub(crate) jumps: Vec<Jump>,
}

impl<'v> Reading<'v> {
    pub(crate) fn new(venue: &'v mut dyn Venue) -> Self {
        venue.begin();
        Self {
            venue,
            continuity: Continuity::default(),
            skew: Skew::default(),
            counts: Counts::new(),
            told: Vec::new(),
            breaks: Vec::new(),
            jumps: Vec::new(),
        }
    }

    pub(crate) fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    /// Reads a frame, and counts each price in it, or what else it is.
    pub(crate) fn take(&mut self, receipt: Nanos, frame: &str) {
        let mut names = Vec::new();
        let said = self.venue.read(frame, &mut |print| {
            let print = match print {
                Ok(print) => print,
                Err(fault) => return names.push(fault.reason),
            };
            names.push(if print.stream == Stream::Trade { "trade" } else { "quote" });
            self.breaks.extend(self.continuity.look(&print));
            self.jumps.extend(print.time.and_then(|time| self.skew.look(receipt, time)));
            self.told.push(Told::of(&print));
        });
        self.breaks.extend(self.venue.frame_break());
        match said {
            Ok(Said::Prices) if !names.is_empty() => {}
            Ok(Said::Prices) => names.push("prices without any"),
            Ok(Said::Other(name)) => names.push(name),
            Ok(Said::Closing) => names.push("closing"),
            Ok(Said::Refused) => names.push("refused"),
            Err(fault) => names.push(fault.reason),
        }
        for name in names {
            self.count(name);
        }
    }

    /// Looks whether the frame of another `protocol` has a name and gives no price, and counts it under the protocol.
    pub(crate) fn look_at(&mut self, protocol: &'static str, frame: &str) {
        let mut prices = 0;
        let said = self.venue.read(frame, &mut |_| prices += 1);
        assert!(matches!((&said, prices), (Ok(Said::Other(_)), 0)), "{said:?}, {prices} prices: {frame}");
        self.count(protocol);
    }
}
