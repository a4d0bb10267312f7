//! Whatever an exchange sends, its parser neither panics nor gives a price that is none, remembers nothing of what it has
//! not understood, and has a bound on what it keeps.
//!
//! The fuzz targets check the same on inputs that libFuzzer makes up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod exchange_frames;
mod exchange_robustness_common;

use exchange_frames::{Frames, VENUES};
use exchange_robustness_common::{check, memory};
use silverbullet_feeds::exchange::{
    Break, Continuity, Fault, Instrument, Number, Print, Said, Stream, Venue,
};

/// Inputs of each venue; `make soak-frames` runs a million.
const INPUTS: u64 = 2_000;

/// Numbers that look random (Steele et al. 2014, SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// A few frames of a venue, one a line, with some places overwritten by something of the same or by a byte.
fn input(frames: &Frames, numbers: &mut Numbers) -> Vec<u8> {
    let all: Vec<&str> = frames.prices.iter().chain(frames.others).copied().collect();
    let lines: Vec<&str> = (0..=numbers.below(8)).map(|_| all[numbers.below(all.len())]).collect();
    let mut bytes = lines.join("\n").into_bytes();
    for _ in 0..numbers.below(6) {
        let (from, length) = (numbers.below(bytes.len()), 1 + numbers.below(12));
        let piece = match numbers.below(3) {
            0 => bytes[from..bytes.len().min(from + length)].to_vec(),
            1 => vec![numbers.below(256) as u8],
            _ => Vec::new(),
        };
        let place = numbers.below(bytes.len());
        let end = bytes.len().min(place + numbers.below(12));
        bytes.splice(place..end, piece);
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn frames_of_exchanges_that_are_damaged_break_no_promise() {
    for frames in &VENUES {
        let whole = [frames.prices, frames.others].concat().join("\n");
        assert_eq!(check(frames.new, whole.as_bytes()), Ok(()));
        for seed in 0..INPUTS {
            let bytes = input(frames, &mut Numbers(seed));
            let shown = || format!("{} {seed}: {}", (frames.new)().name(), String::from_utf8_lossy(&bytes));
            assert_eq!(check(frames.new, &bytes), Ok(()), "{}", shown());
        }
    }
}

#[test]
fn lists_of_exchanges_take_memory_by_their_length() {
    let items = |item: &str| vec![item; 20_000].join(",");
    let lists = [
        format!(r#"{{"channel":"ticker","events":[{{"tickers":[{}]}}]}}"#, items("{}")),
        format!(r#"{{"channel":"market_trades","events":[{}]}}"#, items(r#"{"trades":[{}]}"#)),
        format!(r#"{{"channel":"ticker","type":"update","data":[{}]}}"#, items(r#"{"symbol":"X"}"#)),
        format!(r#"{{"arg":{{"channel":"trades","instId":"X"}},"data":[{}]}}"#, items("{}")),
        format!(r#"{{"topic":"publicTrade.X","data":[{}]}}"#, items(r#"{"p":"","v":""}"#)),
        format!(r#"{{"topic":"orderbook.1.X","type":"delta","data":{{"b":[{}]}}}}"#, items(r#"["",""]"#)),
    ];
    for frames in &VENUES {
        assert_eq!(check(frames.new, lists.join("\n").as_bytes()), Ok(()));
    }
}

/// What the names of symbols in the frames are.
const SYMBOLS: [&str; 6] = ["BTCUSDT", "BTC-USDT", "BTC-USD", "BTC/USD", "ETH-USD", "SKL-GBP"];

/// Frames of a venue with prices of another symbol.
fn renamed(frames: &Frames, name: &str) -> Vec<String> {
    let rename =
        |frame: &&str| SYMBOLS.iter().fold((*frame).to_owned(), |frame, symbol| frame.replace(symbol, name));
    frames.prices.iter().map(rename).collect()
}

/// Reads frames; gives the prices, and why others are none.
fn read(venue: &mut dyn Venue, continuity: &mut Continuity, frames: &[String]) -> (usize, Vec<&'static str>) {
    let (mut prices, mut faults) = (0, Vec::new());
    for frame in frames {
        venue
            .read(frame, &mut |print| match print {
                Ok(print) => {
                    continuity.look(&print);
                    prices += 1;
                }
                Err(fault) => faults.push(fault.reason),
            })
            .unwrap();
    }
    (prices, faults)
}

#[test]
fn an_exchange_that_makes_up_names_does_not_fill_the_memory() {
    /// What the venue and the judge of its numbers may keep together.
    const KEPT: isize = 2 << 20;
    for frames in &VENUES {
        let (mut venue, mut continuity) = ((frames.new)(), Continuity::default());
        let before = memory::held();
        let known = renamed(frames, "KNOWN");
        read(&mut *venue, &mut continuity, &known);
        let (all, none) = read(&mut *venue, &mut continuity, &known);
        assert!(all >= known.len() && none.is_empty(), "{}: {none:?}", venue.name());
        for number in 0..20_000 {
            read(&mut *venue, &mut continuity, &renamed(frames, &format!("A{number}")));
        }
        let long = "A".repeat(1_000);
        for number in 0..2_000 {
            read(&mut *venue, &mut continuity, &renamed(frames, &format!("{long}{number}")));
        }
        let kept = memory::held() - before;
        assert!(kept < KEPT, "{} keeps {kept} bytes", venue.name());
        // Whoever was there first is served as before; of others a venue that has to know more than a frame says so.
        assert_eq!(read(&mut *venue, &mut continuity, &known), (all, vec![]), "{}", venue.name());
        for (name, reason) in [("A19999", "too many symbols"), (&*long, "symbol too long")] {
            let found = read(&mut *venue, &mut continuity, &renamed(frames, name)).1;
            let expected: &[&str] = match venue.name() {
                "bybit" => &[reason; 2],
                "coinbase" | "okx" => &[reason],
                _ => &[],
            };
            assert_eq!(found, expected, "{}", venue.name());
        }
    }
}

/// A venue whose every frame is a price with its number, and what it does wrong.
struct Wrong {
    fault: &'static str,
    frames: u64,
    kept: Vec<u8>,
}

impl Wrong {
    fn boxed(fault: &'static str) -> Box<dyn Venue> {
        Box::new(Self { fault, frames: 0, kept: Vec::new() })
    }

    fn print(&self) -> Print<'static> {
        let mut print = Print {
            symbol: "X",
            stream: Stream::Quote,
            price: 2.0,
            bid: Some(1.0),
            ask: Some(3.0),
            size: None,
            time: Some(1),
            number: Number::Next(self.frames),
        };
        match self.fault {
            "infinite" => print.price = f64::INFINITY,
            "outside" => print.price = 4.0,
            "negative" => print.bid = Some(-1.0),
            "one side" => print.ask = None,
            "size" => print.size = Some(f64::NAN),
            "time" => print.time = Some(0),
            _ => {}
        }
        print
    }
}

impl Venue for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn url(&self) -> &'static str {
        ""
    }

    fn symbol(&self, asset: &str, quote: &str) -> String {
        asset.to_owned() + quote
    }

    fn quote(&self) -> &'static str {
        "USD"
    }

    fn instruments(&self) -> &'static str {
        ""
    }

    fn read_instruments(&self, _: &str) -> Result<Vec<Instrument>, Fault> {
        Ok(Vec::new())
    }

    fn subscribe(&self, _: &[String]) -> Vec<String> {
        Vec::new()
    }

    fn read(&mut self, frame: &str, out: &mut dyn FnMut(Result<Print<'_>, Fault>)) -> Result<Said, Fault> {
        let fault = |length: usize| Fault { reason: "bad", detail: "a".repeat(length) };
        if frame == "bad" {
            match self.fault {
                "counts" => self.frames += 1,
                "tells" => out(Ok(self.print())),
                "long" => return Err(fault(1_001)),
                _ => {}
            }
            return Err(fault(1));
        }
        self.frames += 1;
        out(Ok(self.print()));
        if self.fault == "hungry" {
            self.kept = Vec::with_capacity(10_000);
        }
        Ok(if self.fault == "other" { Said::Other("price") } else { Said::Prices })
    }

    fn frame_break(&mut self) -> Option<Break> {
        (self.fault == "break").then_some(Break::Repeated { number: 1 })
    }

    fn begin(&mut self) {
        if self.fault != "forgetless" {
            self.frames = 0;
        }
    }
}

#[test]
fn a_promise_that_is_broken_is_noticed() {
    const FRAMES: &[u8] = b"good\nbad\ngood";
    /// What makes a venue, and what is noticed of it.
    type Case = (fn() -> Box<dyn Venue>, &'static str);
    let cases: [Case; 14] = [
        (|| Wrong::boxed("nothing"), ""),
        (|| Wrong::boxed("infinite"), "no price"),
        (|| Wrong::boxed("outside"), "no price"),
        (|| Wrong::boxed("negative"), "no price"),
        (|| Wrong::boxed("one side"), "no price"),
        (|| Wrong::boxed("size"), "no price"),
        (|| Wrong::boxed("time"), "no price"),
        (|| Wrong::boxed("other"), "prices of a frame that is Ok(Other(\"price\"))"),
        (|| Wrong::boxed("tells"), "prices of a frame that is Err"),
        (|| Wrong::boxed("break"), "Some(Repeated { number: 1 }) of a frame that is not understood"),
        (|| Wrong::boxed("long"), "1001 bytes of detail on `bad`"),
        (|| Wrong::boxed("counts"), "without the frames that are not understood, "),
        (|| Wrong::boxed("forgetless"), "on the next connection, "),
        (|| Wrong::boxed("hungry"), "10000 bytes of memory for 4 of a frame"),
    ];
    for (new, expected) in cases {
        let found = check(new, FRAMES).err().unwrap_or_default();
        assert!(
            found.starts_with(expected) && found.is_empty() == expected.is_empty(),
            "{expected}: {found}"
        );
    }
}
