//! A CSV file as a whole: what the scan finds, how it is paced, and what is refused with which words.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic and print"
)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use common::{ManualSleeper, Stopwatch, at_max, clock, file, open, read, read_with};
use silverbullet_feeds::csv::{Phase, reason};
use silverbullet_feeds::{CsvOptions, CsvSource, Progress, Speed, collect_ticks, read_prices};
use silverbullet_market::{SECOND, Source, StopFlag};

/// Minute prices of assets, each from its first minute on.
fn minutes(assets: &[(&str, usize)], count: usize) -> String {
    let mut text = "timestamp,asset,price\n".to_owned();
    for minute in 0..count {
        for (asset, _) in assets.iter().filter(|(_, first)| minute >= *first) {
            writeln!(text, "{},{asset},{}", 1_747_008_000 + 60 * minute, 100 + minute).unwrap();
        }
    }
    text
}

#[test]
fn an_asset_that_joins_late_stays_and_a_stray_name_does_not() {
    let mut text = minutes(&[("BTC", 0), ("ETH", 0), ("ADA", 980)], 1_000);
    text.push_str("1747068000,BTCC,1\n1747068000,BTCC,1\n");
    let (source, found) = read(&text);
    let summary = source.summary();
    assert_eq!(summary.assets, ["ADA", "BTC", "ETH"]);
    assert_eq!(summary.ticks, [20, 1_000, 1_000]);
    assert_eq!(summary.left_out, [("BTCC".to_owned(), 2)]);
    assert_eq!((summary.rows, summary.bad_rows, found.frames), (2_022, 0, 2_022));
    assert_eq!((summary.first_time, summary.last_time), (1_747_008_000 * SECOND, 1_747_068_000 * SECOND));
    let unknown: Vec<_> = found.events.iter().map(|e| (e.reason, e.offset)).collect();
    assert_eq!(unknown, [(reason::UNKNOWN_ASSET, 2_022), (reason::UNKNOWN_ASSET, 2_023)]);
    assert_eq!(summary.grid, Some(60 * SECOND));
    let (source, found) = read_with(&text, CsvOptions { rare_assets: true, ..at_max() });
    assert_eq!(source.summary().assets, ["ADA", "BTC", "BTCC", "ETH"]);
    assert_eq!((found.ticks.len(), found.events.len()), (2_022, 0));
}

#[test]
fn where_all_would_be_strays_all_stay() {
    let (source, found) = read("timestamp,asset,price\n1,B,1\n1,A,2\n");
    assert_eq!(
        (source.description().assets.as_slice(), found.ticks.len()),
        (&["A", "B"].map(str::to_owned)[..], 2)
    );
    let (source, _) = read("timestamp,asset,price\n1,B,1\n1,A,2\n2,A,3\n");
    assert_eq!(source.description().assets, ["A"]);
}

#[test]
fn given_assets_keep_their_order_and_the_others_are_unknown() {
    let options = CsvOptions { assets: Some(vec!["ETH".into(), "ADA".into(), "XXX".into()]), ..at_max() };
    let (source, found) = read_with(minutes(&[("ADA", 0), ("BTC", 0), ("ETH", 0)], 3), options);
    assert_eq!(source.description().assets, ["ETH", "ADA", "XXX"]);
    assert_eq!(source.summary().ticks, [3, 3, 0]);
    assert_eq!(found.ticks.iter().map(|t| t.asset.0).collect::<Vec<_>>(), [1, 0, 1, 0, 1, 0]);
    assert_eq!(found.events.len(), 3);
}

#[test]
fn rows_that_are_bad_have_no_say_in_the_grid() {
    let mut text = minutes(&[("BTC", 0)], 5);
    text.push_str("1747008241,BTC,abc\n1747008242,BTC,-1\n");
    assert_eq!(read(&text).0.description().grid, Some(60 * SECOND));
    let (source, _) = read("timestamp,asset,price\n1,A,1\n1.25,A,1\n3.5,A,1\n3.75,A,1\n9,A,1\n");
    assert_eq!(source.description().grid, None);
}

#[test]
fn the_identity_is_the_content_and_what_changes_the_ticks() {
    let text = minutes(&[("BTC", 0), ("ETH", 0)], 3);
    let identity =
        |text: &str, options| open(&file(text).path, options).unwrap().description().identity.clone();
    let plain = identity(&text, at_max());
    assert_eq!(plain, format!("csv:{}", blake3::hash(text.as_bytes()).to_hex()));
    let fast = CsvOptions { speed: Speed::RealTime(1e9), ..at_max() };
    assert_eq!(identity(&text, fast), plain);
    assert_ne!(identity(&text.replace("101", "102"), at_max()), plain);
    assert_ne!(identity(&text, CsvOptions { limit: Some(2), ..at_max() }), plain);
    assert_ne!(identity(&text, CsvOptions { rare_assets: true, ..at_max() }), plain);
    assert_ne!(identity(&text, CsvOptions { assets: Some(vec!["BTC".into()]), ..at_max() }), plain);
}

#[test]
fn event_time_passes_at_the_speed_that_is_asked_for() {
    let clock = clock();
    let sleeper = ManualSleeper::new(&clock);
    let scratch = file(minutes(&[("BTC", 0), ("ETH", 0)], 4));
    let options = CsvOptions { speed: "60".parse().unwrap(), ..CsvOptions::default() };
    let mut source =
        CsvSource::open(&scratch.path, options, clock.clone()).unwrap().with_sleeper(sleeper.clone());
    let mut watch = Stopwatch::new(&clock);
    source.run(&mut watch, &StopFlag::default()).unwrap();
    let seconds: Vec<f64> = watch.pushed_at.iter().map(|at| (at - 7) as f64 / 1e9).collect();
    assert_eq!(seconds, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    assert!(sleeper.slept.lock().unwrap().iter().all(|&slice| slice <= 50_000_000));
}

#[test]
fn a_raised_flag_ends_the_run() {
    let scratch = file(minutes(&[("BTC", 0)], 4));
    for speed in [Speed::Max, Speed::RealTime(1.0)] {
        let mut source = open(&scratch.path, CsvOptions { speed, ..at_max() }).unwrap();
        let stop = StopFlag::default();
        stop.raise();
        let mut watch = Stopwatch::new(&clock());
        source.run(&mut watch, &stop).unwrap();
        assert_eq!((watch.frames, watch.pushed_at.len()), (0, 0));
    }
}

#[test]
fn the_limit_counts_ticks_and_a_run_can_be_repeated() {
    let text = minutes(&[("BTC", 0)], 9).replace("101\n", "bad\n");
    let scratch = file(text);
    let mut source = open(&scratch.path, CsvOptions { limit: Some(3), ..at_max() }).unwrap();
    let first = collect_ticks(&mut source).unwrap();
    assert_eq!((first.ticks.len(), first.events.len(), first.frames), (3, 1, 4));
    assert_eq!(collect_ticks(&mut source).unwrap(), first);
    let mut none = open(&scratch.path, CsvOptions { limit: Some(0), ..at_max() }).unwrap();
    assert_eq!(collect_ticks(&mut none).unwrap().frames, 0);
}

#[test]
fn progress_is_told_in_both_passes() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let progress = Progress::new(move |update| into.lock().unwrap().push(update));
    let text = minutes(&[("BTC", 0)], 100_000);
    let (_, found) = read_with(&text, CsvOptions { progress: Some(progress), ..at_max() });
    let seen = seen.lock().unwrap();
    let rows: Vec<_> = seen.iter().map(|u| (u.phase, u.rows)).collect();
    let expected =
        [(Phase::Scan, 65_536), (Phase::Scan, 100_000), (Phase::Run, 65_536), (Phase::Run, 100_000)];
    assert_eq!(rows, expected);
    assert_eq!((seen[3].bytes, seen[3].total_bytes), (text.len() as u64, text.len() as u64));
    assert_eq!(found.ticks.len(), 100_000);
}

#[test]
fn a_whole_file_can_be_read_at_once() {
    let scratch = file(minutes(&[("BTC", 0), ("ETH", 0)], 10));
    let (summary, prices) = read_prices(&scratch.path, CsvOptions::default(), clock()).unwrap();
    assert_eq!((summary.assets.len(), prices.ticks.len()), (2, 20));
    let error = read_prices(scratch.folder.path(), CsvOptions::default(), clock()).unwrap_err();
    assert!(error.to_string().contains("is a directory"), "{error}");
}

fn refusal(content: impl AsRef<[u8]>, options: CsvOptions) -> String {
    let scratch = file(content);
    let message = open(&scratch.path, options).err().unwrap().to_string();
    assert!(!message.contains('\n'), "{message}");
    message.replace(&scratch.path.display().to_string(), "FILE")
}

#[test]
fn files_that_cannot_be_used_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.csv");
    let message = open(&missing, at_max()).err().unwrap().to_string();
    assert_eq!(message, format!("{}: no such file; check the path", missing.display()));
    let message = open(folder.path(), at_max()).err().unwrap().to_string();
    assert!(message.contains("is a directory; name a CSV file"), "{message}");

    for empty in ["", "\n\n", "\u{feff}"] {
        assert!(refusal(empty, at_max()).contains("FILE: the file is empty; expected a header"), "{empty:?}");
    }
    let message = refusal("timestamp,asset,price\n", at_max());
    assert_eq!(message, "FILE: none of the 0 data rows can be used; correct the file");
    let message = refusal("timestamp,asset,price\n\nx,y,z\n1\n", at_max());
    assert!(message.contains("none of the 2 data rows") && message.contains("line 3"), "{message}");
    let message = refusal("time,name,price\n1,2,3\n", at_max());
    assert!(message.contains("no `asset` column in the header; found: time, name, price"), "{message}");

    let names = |names: &[&str]| CsvOptions {
        assets: Some(names.iter().map(|&name| name.to_owned()).collect()),
        ..at_max()
    };
    let text = minutes(&[("BTC", 0)], 3);
    assert!(refusal(&text, names(&["XXX"])).contains("none of the assets asked for"));
    assert!(refusal(&text, names(&[])).contains("assets: the list is empty"));
    assert!(refusal(&text, names(&["BTC", "BTC"])).contains("`BTC` is named twice"));
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = file("x");
    fs::set_permissions(&scratch.path, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::File::open(&scratch.path).is_ok() {
        eprintln!("skipped: this user may read every file");
        return;
    }
    let message = open(&scratch.path, at_max()).err().unwrap().to_string();
    assert!(message.contains("permission denied; make the file readable"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_refused() {
    let message = open(std::path::Path::new("/dev/null"), at_max()).err().unwrap().to_string();
    assert!(message.contains("is not a regular file"), "{message}");
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_damaged_archive_is_refused_with_the_line_reached() {
    let mut bytes = gzipped(&minutes(&[("BTC", 0)], 50_000));
    bytes.truncate(bytes.len() / 2);
    let message = refusal(&bytes, at_max());
    assert!(message.contains("cannot be read beyond line") && message.contains("get it again"), "{message}");
    let line: u64 = message.split("line ").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
    assert!((10_000..40_000).contains(&line), "{message}");
}

#[test]
fn a_file_that_breaks_or_changes_after_the_scan_ends_the_run_with_an_error() {
    let whole = gzipped(&minutes(&[("BTC", 0)], 50_000));
    let scratch = file(&whole);
    let modified = fs::metadata(&scratch.path).unwrap().modified().unwrap();
    let mut source = open(&scratch.path, at_max()).unwrap();

    // Same size and time, so that only the archive itself can tell.
    let mut broken = whole.clone();
    let half = broken.len() / 2;
    broken[half..].fill(0xff);
    fs::write(&scratch.path, &broken).unwrap();
    fs::File::options().write(true).open(&scratch.path).unwrap().set_modified(modified).unwrap();
    let mut found = silverbullet_feeds::Collected::default();
    let error = source.run(&mut found, &StopFlag::default()).unwrap_err().to_string();
    assert!(error.contains(&format!("cannot be read beyond line {}", found.frames + 1)), "{error}");
    assert!(found.frames > 10_000);

    fs::write(&scratch.path, &whole[..half]).unwrap();
    let error = collect_ticks(&mut source).unwrap_err().to_string();
    assert!(error.contains("changed since it was opened"), "{error}");
}
