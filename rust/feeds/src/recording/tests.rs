//! Recorder and player together, without a network.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use silverbullet_market::{Clock, EventKind, ManualClock, Nanos, SECOND, Sink, Source, StopFlag};

use super::files::Files;
use super::heading::Heading;
use super::settings::Rotation;
use super::{RecordingOptions, RecordingSettings, RecordingSource};
use crate::collect::{Collected, collect_ticks};
use crate::exchange::{Beginning, Connection, Receipt, Step, Tap, Told};
use crate::pacing::tests::ManualSleeper;
use crate::recording::Recorder;
use crate::speed::Speed;

const START: Nanos = 1_723_161_255 * SECOND;
const WHICH: Connection = Connection { line: 0, number: 0 };

fn beginning(start: Nanos) -> Beginning {
    Beginning {
        venue: "binance".into(),
        assets: vec!["BTC".into(), "ETH".into()],
        quote: "USDT".into(),
        symbols: vec!["BTCUSDT".into(), "ETHUSDT".into()],
        start,
        base: start - 5,
    }
}

fn trade(number: u64) -> String {
    let time = START / 1_000_000 + number.cast_signed();
    format!(
        r#"{{"stream":"x@trade","data":{{"e":"trade","E":{time},"s":"ETHUSDT","t":{number},"p":"2.5","q":"1","T":{time},"m":true,"M":true}}}}"#
    )
}

fn told(tap: &mut dyn Tap, utc: Nanos, told: &Told<'_>) {
    tap.told(Receipt { monotonic: utc - START + 5, utc }, told);
}

/// Records `count` trades of a start, one every second.
fn record(folder: &Path, start: Nanos, count: u64) {
    let settings = RecordingSettings { folder: folder.into(), ..RecordingSettings::default() };
    let mut recorder = Recorder::new(&settings, Arc::new(ManualClock::new(0))).unwrap();
    recorder.begins(&beginning(start));
    told(&mut recorder, start, &Told::Of(WHICH, Step::Begun { held: false }));
    let note = Told::Note { kind: EventKind::Connection, reason: "connected", detail: "well" };
    told(&mut recorder, start, &note);
    for number in 1..=count {
        let utc = start + number.cast_signed() * SECOND;
        told(&mut recorder, utc, &Told::Of(WHICH, Step::Frame(&trade(number))));
        if number == 1 {
            told(&mut recorder, utc, &Told::Of(WHICH, Step::Taken));
        }
    }
}

fn open(path: &Path) -> Result<RecordingSource, String> {
    let options = RecordingOptions { speed: Speed::Max, progress: None };
    RecordingSource::open(path, options, Arc::new(ManualClock::new(0))).map_err(|error| error.to_string())
}

fn play(path: &Path) -> Collected {
    collect_ticks(&mut open(path).unwrap()).unwrap()
}

fn numbers(played: &Collected) -> Vec<u64> {
    played.ticks.iter().map(|tick| tick.sequence.unwrap()).collect()
}

fn reasons(played: &Collected) -> Vec<String> {
    played.events.iter().map(|event| format!("{}: {}", event.reason, event.detail)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Writes blocks of lines with a file each so many bytes or seconds.
fn rotated(folder: &Path, rotation: Rotation, blocks: u64) {
    let mut files = Files::new(folder, &beginning(START), rotation).unwrap();
    for number in 1..=blocks {
        let mut lines = Vec::new();
        let utc = START + number.cast_signed() * SECOND;
        super::line::write(&mut lines, utc, &Told::Of(WHICH, Step::Frame(&trade(number))));
        files.write(&lines, number.cast_signed() * SECOND).unwrap();
    }
    files.finish().unwrap();
}

#[test]
fn what_was_told_is_played_with_its_offsets() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), START, 3);
    let name = files(folder.path())[0].file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, "binance-20240808T235415000Z-000001.rec.zst");
    let played = play(folder.path());
    assert_eq!((numbers(&played), played.frames), (vec![1, 2, 3], 3));
    let first = START.unsigned_abs();
    let offsets: Vec<u64> = played.ticks.iter().map(|tick| tick.offset).collect();
    assert_eq!(offsets, [first, first + 1, first + 2]);
    assert_eq!(reasons(&played), ["connected: binance: well"]);
    let source = open(folder.path()).unwrap();
    let description = source.description();
    assert_eq!((description.rows, description.assets.len(), source.venue()), (Some(3), 2, "binance"));
    assert_eq!((description.replayable, description.seekable), (true, false));
}

#[test]
fn the_identity_is_that_of_what_is_recorded() {
    let [a, b, c] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    record(a.path(), START, 3);
    record(b.path(), START, 3);
    record(c.path(), START, 4);
    let renamed = b.path().join("other.rec.zst");
    fs::rename(&files(b.path())[0], &renamed).unwrap();
    // As text it is the same recording.
    let text = zstd::decode_all(fs::File::open(&renamed).unwrap()).unwrap();
    fs::write(&renamed, text).unwrap();
    let [a, b, c] = [a, b, c].map(|folder| open(folder.path()).unwrap().description().identity.clone());
    assert!(a.starts_with("recording:") && a == b && a != c, "{a} {b} {c}");
}

#[test]
fn an_asset_without_a_market_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), START, 2);
    let file = &files(folder.path())[0];
    let text = String::from_utf8(zstd::decode_all(fs::File::open(file).unwrap()).unwrap()).unwrap();
    fs::write(file, text.replace("\"BTCUSDT\"", "\"\"")).unwrap();
    let played = play(folder.path());
    assert_eq!(numbers(&played), [1, 2]);
    assert!(played.ticks.iter().all(|tick| tick.asset.0 == 1));
    assert_eq!(open(folder.path()).unwrap().description().assets, ["BTC", "ETH"]);
}

#[test]
fn it_is_played_at_the_pace_of_the_receipts() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), START, 5);
    let clock = Arc::new(ManualClock::new(1_000));
    let sleeper = ManualSleeper::new(&clock);
    let options = RecordingOptions { speed: Speed::RealTime(2.0), progress: None };
    let source = RecordingSource::open(folder.path(), options, Arc::<ManualClock>::clone(&clock)).unwrap();
    let played = collect_ticks(&mut source.with_sleeper(sleeper)).unwrap();
    assert_eq!(clock.monotonic(), 1_000 + 5 * SECOND / 2);
    // Ages are those of this run.
    let received: Vec<Nanos> = played.ticks.iter().map(|tick| tick.receipt_time - 1_000).collect();
    assert_eq!(received, [1, 2, 3, 4, 5].map(|number| number * SECOND / 2));
}

#[test]
fn another_file_is_begun_by_size_and_by_time_and_none_is_passed_over() {
    for (bytes, time, expected) in
        [(1, 3_600 * SECOND, 6), (1 << 20, 2 * SECOND, 3), (1 << 20, 3_600 * SECOND, 1)]
    {
        let folder = tempfile::tempdir().unwrap();
        rotated(folder.path(), Rotation { bytes, time }, 6);
        assert_eq!(files(folder.path()).len(), expected);
        let played = play(folder.path());
        assert_eq!((numbers(&played), reasons(&played)), ((1..=6).collect(), vec![]));
        let offsets: Vec<u64> = played.ticks.iter().map(|tick| tick.offset - START.unsigned_abs()).collect();
        assert_eq!(offsets, (0..6).collect::<Vec<u64>>());
    }
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    rotated(folder.path(), Rotation { bytes: 1, time: SECOND * 60 }, 4);
    fs::remove_file(&files(folder.path())[1]).unwrap();
    let played = play(folder.path());
    assert_eq!(numbers(&played), [1, 3, 4]);
    let told = &reasons(&played);
    let gap = "prices missing: binance: no price from 2024-08-08T23:54:16Z to 2024-08-08T23:54:18Z (2.000 s): file 2 of this start is not in the folder";
    assert!(told[0].starts_with(gap), "{told:#?}");
    // One of its files can be played alone.
    let played = play(&files(folder.path())[2]);
    assert_eq!((numbers(&played), reasons(&played)), (vec![4], vec![]));
}

#[test]
fn two_starts_are_played_one_after_the_other_with_the_gap_between() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), START + 100 * SECOND, 2);
    record(folder.path(), START, 2);
    let played = play(folder.path());
    assert_eq!(numbers(&played), [1, 2, 1, 2], "each with an intake of its own");
    assert!(played.ticks.is_sorted_by_key(|tick| tick.offset));
    let gap = "no price from 2024-08-08T23:54:17Z to 2024-08-08T23:55:55Z (98.000 s): nothing was recorded";
    let told = reasons(&played);
    assert!(told.len() == 3 && told[1].contains(gap), "{told:#?}");
}

#[test]
fn wherever_a_file_is_torn_what_is_whole_is_played_and_the_tear_is_told() {
    let whole = tempfile::tempdir().unwrap();
    rotated(whole.path(), Rotation { bytes: 1 << 30, time: 3_600 * SECOND }, 5);
    let bytes = fs::read(&files(whole.path())[0]).unwrap();
    let mut seen = BTreeMap::new();
    for length in 0..bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("torn.rec.zst"), &bytes[..length]).unwrap();
        match open(folder.path()) {
            Ok(mut source) => {
                let played = collect_ticks(&mut source).unwrap();
                let numbers = numbers(&played);
                assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{length}");
                let is_told = reasons(&played)
                    .iter()
                    .any(|told| told.contains("cut short: binance: torn.rec.zst ends"));
                // A file that ends with a frame is as good as one that was ended.
                *seen.entry(numbers.len()).or_insert(0) += usize::from(!is_told);
            }
            Err(message) => {
                assert!(
                    seen.is_empty() && message.contains("nothing was recorded there yet"),
                    "{length}: {message}"
                );
            }
        }
    }
    assert_eq!(seen, BTreeMap::from([(1, 1), (2, 1), (3, 1), (4, 1), (5, 0)]));
}

#[test]
fn what_was_flushed_is_there_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let settings = RecordingSettings { folder: folder.path().into(), ..RecordingSettings::default() };
    let mut recorder = Recorder::new(&settings, Arc::new(ManualClock::new(0))).unwrap();
    let state = recorder.state();
    recorder.begins(&beginning(START));
    let mut number = 0;
    // A frame is written as soon as there is much of it.
    while state.recorded().bytes == 0 {
        number += 1;
        told(&mut recorder, START + 1, &Told::Of(WHICH, Step::Frame(&trade(number))));
    }
    let mut opened = open(folder.path()).unwrap();
    let written = state.recorded().bytes;
    while state.recorded().bytes == written {
        number += 1;
        told(&mut recorder, START + 1, &Told::Of(WHICH, Step::Frame(&trade(number))));
    }
    // What was added after it was opened is not part of it.
    let played = collect_ticks(&mut opened).unwrap();
    assert!(!played.ticks.is_empty() && (played.ticks.len() as u64) < number);
    drop(recorder);
    assert_eq!(play(folder.path()).ticks.len() as u64, number);
    assert_eq!(
        (state.recorded().frames, state.recorded().files, state.recorded().failure),
        (number, 1, None)
    );
}

#[test]
fn a_disk_that_fails_ends_the_recording_and_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("there");
    let settings = RecordingSettings { folder: path.clone(), ..RecordingSettings::default() };
    let mut recorder = Recorder::new(&settings, Arc::new(ManualClock::new(0))).unwrap();
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "in its place").unwrap();
    let state = recorder.state();
    recorder.begins(&beginning(START));
    let trouble = loop {
        told(&mut recorder, START, &Told::Of(WHICH, Step::Frame(&trade(1))));
        if let Some(trouble) = recorder.trouble() {
            break trouble;
        }
    };
    assert!(trouble.contains("000001.rec.zst") && trouble.ends_with("nothing more is recorded"), "{trouble}");
    assert!(recorder.trouble().is_none() && state.recorded().failure.is_some());
    let refused = Recorder::new(&settings, Arc::new(ManualClock::new(0))).err().unwrap().to_string();
    assert!(refused.contains("cannot be written to") && refused.contains("name another folder"), "{refused}");
}

#[test]
fn what_is_no_recording_is_refused_in_one_line_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let refused = |path: &Path, expected: &[&str]| {
        let message = open(path).err().unwrap();
        let has_all = expected.iter().all(|part| message.contains(part));
        assert!(has_all && !message.contains('\n'), "{message}");
    };
    refused(folder.path(), &["no recording (*.rec.zst) is there", "silverbullet record --out FOLDER"]);
    refused(&path("nowhere"), &["nowhere", "no such file"]);
    fs::write(path("prices.csv"), "timestamp,asset,price\n1,BTC,2\n").unwrap();
    refused(&path("prices.csv"), &["is no recording", "csv:PATH"]);
    fs::write(path("short"), "x").unwrap();
    refused(&path("short"), &["is no recording"]);
    fs::write(path("empty.rec.zst"), "").unwrap();
    refused(folder.path(), &["nothing was recorded there yet"]);
    let heading = String::from_utf8(Heading::new(&beginning(START), 1).write()).unwrap();
    let newer = heading.replace("\"version\":1", "\"version\":2,\"more\":[]");
    fs::write(path("newer.rec.zst"), zstd::encode_all(newer.as_bytes(), 3).unwrap()).unwrap();
    refused(
        folder.path(),
        &["newer.rec.zst", "format version 2", "reads version 1", "play it with the version"],
    );
    fs::remove_file(path("newer.rec.zst")).unwrap();
    fs::write(path("a.rec.zst"), &heading).unwrap();
    fs::write(path("b.rec.zst"), &heading).unwrap();
    refused(folder.path(), &["a.rec.zst", "b.rec.zst", "same part", "take one of them away"]);
    let other = heading.replace("ETH", "SOL").replace("\"file\":1", "\"file\":2");
    fs::write(path("b.rec.zst"), other).unwrap();
    refused(folder.path(), &["different exchanges, assets or markets", "folders of their own"]);
    fs::write(path("b.rec.zst"), heading.replace("binance", "mtgox")).unwrap();
    refused(&path("b.rec.zst"), &["mtgox", "take a newer one"]);
}

#[test]
fn a_line_that_is_not_understood_is_an_event_and_the_rest_is_played() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), START, 2);
    let file = &files(folder.path())[0];
    let text = String::from_utf8(zstd::decode_all(fs::File::open(file).unwrap()).unwrap()).unwrap();
    let text = text.replace(" - note ", " - quote ") + &format!("{} - left-out 7\n", START + 9 * SECOND);
    fs::write(file, text).unwrap();
    let played = play(folder.path());
    assert_eq!(numbers(&played), [1, 2]);
    let told = reasons(&played);
    assert!(
        told[0].starts_with("line not understood: binance: binance-2024") && told[0].ends_with("line 3"),
        "{told:?}"
    );
    assert!(told[1].starts_with("recording incomplete: binance: 7 lines were left out"), "{told:?}");
}

#[test]
fn a_stop_ends_it_at_once() {
    struct Stops(StopFlag, Arc<Mutex<u64>>);
    impl Sink for Stops {
        fn push(&mut self, _: silverbullet_market::Input) {}
        fn frame(&mut self) {
            *self.1.lock().unwrap() += 1;
            self.0.raise();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), START, 9);
    let (stop, frames) = (StopFlag::default(), Arc::default());
    open(folder.path()).unwrap().run(&mut Stops(stop.clone(), Arc::clone(&frames)), &stop).unwrap();
    assert_eq!(*frames.lock().unwrap(), 1);
}
