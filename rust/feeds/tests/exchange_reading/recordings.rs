//! Recordings of frames, where they are at hand: `SILVERBULLET_SHARED` or beside the project.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The recordings by their names; `project` is the project's folder.
pub(crate) fn recordings(project: &str) -> Option<BTreeMap<String, PathBuf>> {
    let beside = || Path::new(project).join("../shared");
    let folder =
        std::env::var_os("SILVERBULLET_SHARED").map_or_else(beside, PathBuf::from).join("data/websocket");
    if !folder.exists() {
        eprintln!("skipped: no recorded data at {}", folder.display());
        return None;
    }
    let entries = |folder: &Path| folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let files = entries(&folder).flat_map(|folder| entries(&folder).collect::<Vec<_>>());
    let named = files.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(".gz")?.to_owned();
        Some((name, path))
    });
    Some(named.collect())
}

pub(crate) fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Trades of a table as the frames they came in, with the time of receipt.
pub(crate) fn trade_frames(path: &Path) -> Vec<(i64, String)> {
    let text = unpacked(path);
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let frames = rows.records().map(|row| {
        let row = row.unwrap();
        let [receipt, stream, kind, event, time, symbol, number, price, quantity, maker, m] =
            std::array::from_fn(|column| row[column].to_owned());
        let (maker, m) = (maker == "1", m == "True");
        let data = format!(
            r#"{{"e":"{kind}","E":{event},"s":"{symbol}","t":{number},"p":"{price}","q":"{quantity}","T":{time},"m":{maker},"M":{m}}}"#
        );
        (receipt.parse::<i64>().unwrap() * 1_000, format!(r#"{{"stream":"{stream}","data":{data}}}"#))
    });
    frames.collect()
}
