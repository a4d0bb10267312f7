//! Writes the inputs that the fuzz targets of the exchanges begin with: frame_seeds FOLDER
//!
//! An input is a few frames that came one after another. They are those of the recordings, and for venues without one made up
//! around recorded prices; where there are no recordings at all, there are those of the documentation alone. The recordings
//! belong to others, so that FOLDER has to lie outside the project's files.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is run by a person, and shares the reading of recordings with a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use exchange_frames::{Frames, VENUES};
use exchange_reading::recordings::{recordings, trade_frames, unpacked};
use exchange_reading::synthetic::{BYBIT, COINBASE_ADVANCED, KRAKEN, Synthetic};
use exchange_reading::{Line, Reading, Told, lines};
use silverbullet_feeds::exchange::Venue;

#[path = "../tests/exchange_frames/mod.rs"]
mod exchange_frames;
#[allow(dead_code, reason = "what is counted is the test's")]
#[path = "../tests/exchange_reading/mod.rs"]
mod exchange_reading;

/// Frames of an input.
const FRAMES: usize = 6;
/// The longest input, in bytes: what the Makefile allows.
const LONGEST: usize = 4_096;
/// Inputs of a connection, evenly chosen, besides one for each kind of frame.
const MOST: usize = 100;
/// Which venues speak as those who are not recorded.
const UNRECORDED: [(&str, Synthetic); 3] =
    [("kraken", KRAKEN), ("bybit", BYBIT), ("coinbase-advanced", COINBASE_ADVANCED)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: frame_seeds FOLDER")?;
    let recorded = match recordings(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")) {
        Some(files) => connections(&files),
        None => {
            eprintln!("the inputs to begin with are frames of the documentation alone");
            Vec::new()
        }
    };
    for Frames { new, prices, others } in VENUES {
        let name = new().name();
        let documented = [prices, prices, others].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut inputs = inputs(new, &documented);
        for (_, frames) in recorded.iter().filter(|(venue, _)| *venue == name) {
            inputs.extend(self::inputs(new, frames));
        }
        let target = format!("frames_{}", name.replace('-', "_"));
        write(&Path::new(&folder).join(&target), &inputs)?;
        println!("{target}: {} inputs to begin with", inputs.len());
    }
    Ok(())
}

fn write(folder: &Path, inputs: &BTreeSet<String>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, input) in inputs.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:04}")), input)?;
    }
    Ok(())
}

/// Inputs of some frames in a row each, and of one of each kind alone.
fn inputs(new: fn() -> Box<dyn Venue>, frames: &[String]) -> BTreeSet<String> {
    let rows: Vec<String> = frames
        .chunks(FRAMES)
        .map(|frames| frames.join("\n"))
        .filter(|input| input.len() <= LONGEST)
        .collect();
    let chosen = rows.iter().step_by(rows.len().div_ceil(MOST).max(1)).cloned();
    let mut venue = new();
    let mut kinds = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.len() <= LONGEST) {
        let mut kind = String::new();
        let said = venue.read(frame, &mut |print| {
            kind += &format!("{:?} ", print.map(|print| print.stream).map_err(|fault| fault.reason));
        });
        kinds.entry(format!("{kind}{:?}", said.map_err(|fault| fault.reason))).or_insert(frame);
    }
    chosen.chain(kinds.into_values().cloned()).collect()
}

/// Frames of recorded connections by the venue, and what others would have sent instead.
fn connections(files: &BTreeMap<String, std::path::PathBuf>) -> Vec<(&'static str, Vec<String>)> {
    let mut all = Vec::new();
    for (file, path) in files {
        if file.ends_with(".csv") {
            all.push(("binance", trade_frames(path).into_iter().map(|(_, frame)| frame).collect()));
            continue;
        }
        let name = match file.split(['.', '_']).next() {
            Some("COINBASE") => "coinbase",
            Some("KRAKEN") => "kraken",
            Some("OKX") => "okx",
            _ => "binance",
        };
        let text = unpacked(path);
        all.push((name, frames(&text)));
        let prices = prices(name, &text);
        for (name, synthetic) in UNRECORDED.iter().filter(|_| name == "coinbase" || name == "okx") {
            all.push((
                name,
                (0..).zip(&prices).map(|(number, told)| (synthetic.frame)(number, told)).collect(),
            ));
        }
    }
    all
}

fn frames(text: &str) -> Vec<String> {
    let frames = lines(text).filter_map(|line| match line {
        Line::Frame { frame, .. } => Some(frame.to_owned()),
        Line::Named(_) => None,
    });
    frames.collect()
}

/// The prices of a recording.
fn prices(name: &str, text: &str) -> Vec<Told> {
    let Some(mut venue) = VENUES.iter().map(|frames| (frames.new)()).find(|venue| venue.name() == name)
    else {
        return Vec::new();
    };
    let mut reading = Reading::new(&mut *venue);
    for line in lines(text) {
        if let Line::Frame { receipt, frame, .. } = line {
            reading.take(receipt, frame);
        }
    }
    reading.told
}
