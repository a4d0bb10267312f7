use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use silverbullet_market::{Input, SystemClock};

use super::*;
use crate::collect_ticks;

fn source() -> (PutSource, Inlet) {
    PutSource::new(vec!["BTC".to_owned(), "ETH".to_owned()], Arc::new(SystemClock))
}

fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(values))
}

fn numbers(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

fn names(values: Vec<&str>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn ticks(prices: Vec<f64>, assets: Vec<&str>) -> RecordBatch {
    let stamps = times((1..=prices.len() as i64).collect());
    let columns = [("timestamp", stamps), ("asset", names(assets)), ("price", numbers(prices))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn put(inlet: &Inlet, kind: Kind, batch: &RecordBatch) -> Result<Taken, PutError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(inlet.put(kind, batch))
}

#[test]
fn rows_become_ticks_and_those_that_cannot_are_told() {
    let (mut source, inlet) = source();
    let batch = ticks(vec![1.5, 2.5, -1.0, 4.0], vec!["ETH", "DOGE", "BTC", "BTC"]);
    let taken = put(&inlet, Kind::Ticks, &batch).unwrap();
    assert_eq!((taken.rows, taken.quarantined), (4, 2));
    assert_eq!(taken.first.as_deref(), Some("unknown asset: asset `DOGE`"));
    drop(inlet);
    let seen = collect_ticks(&mut source).unwrap();
    let told: Vec<_> = seen.ticks.iter().map(|tick| (tick.asset.0, tick.price, tick.offset)).collect();
    assert_eq!(told, [(1, 1.5, 0), (0, 4.0, 3)]);
    assert_eq!(seen.events.iter().map(|event| event.offset).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_bar_is_four_prices_of_which_the_last_closes_it() {
    let (mut source, inlet) = source();
    let columns = [
        ("asset", names(vec!["BTC", "BTC"])),
        ("open_time", times(vec![0, 10])),
        ("close_time", times(vec![10, 20])),
        ("open", numbers(vec![2.0, 2.0])),
        ("high", numbers(vec![4.0, 1.0])),
        ("low", numbers(vec![1.0, 1.0])),
        ("close", numbers(vec![3.0, 2.0])),
        ("volume", numbers(vec![7.0, 7.0])),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let taken = put(&inlet, Kind::Bars, &batch).unwrap();
    assert_eq!(taken.quarantined, 1);
    assert!(taken.first.unwrap().starts_with("inconsistent bar: row 1: open 2"));
    drop(inlet);
    let seen = collect_ticks(&mut source).unwrap();
    let told: Vec<_> = seen.ticks.iter().map(|tick| (tick.event_time, tick.price, tick.size)).collect();
    assert_eq!(told, [(1, 2.0, None), (2, 4.0, None), (3, 1.0, None), (10, 3.0, Some(7.0))]);
}

#[test]
fn bars_of_several_assets_come_in_the_order_of_time_whatever_that_of_the_rows_is() {
    let (mut source, inlet) = source();
    let columns = [
        ("asset", names(vec!["BTC", "BTC", "ETH", "ETH"])),
        ("open_time", times(vec![0, 10, 0, 10])),
        ("close_time", times(vec![10, 20, 10, 20])),
        ("open", numbers(vec![2.0; 4])),
        ("high", numbers(vec![2.0; 4])),
        ("low", numbers(vec![2.0; 4])),
        ("close", numbers(vec![2.0; 4])),
    ];
    put(&inlet, Kind::Bars, &RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    drop(inlet);
    let seen = collect_ticks(&mut source).unwrap();
    assert_eq!(seen.ticks.len(), 16);
    assert!(seen.ticks.is_sorted_by_key(|tick| tick.event_time));
}

#[test]
fn other_columns_are_refused_with_what_is_missing() {
    let (_source, inlet) = source();
    let batch = RecordBatch::try_from_iter([("price", numbers(vec![1.0]))]).unwrap();
    let problem = put(&inlet, Kind::Ticks, &batch).unwrap_err().to_string();
    assert!(problem.contains("ticks cannot be read") && problem.contains("no column timestamp"), "{problem}");
}

struct Refuses(usize);

impl Sink for Refuses {
    fn push(&mut self, _: Input) {
        self.0 += 1;
    }

    fn frame(&mut self) {}
}

#[test]
fn a_stopped_source_tells_who_puts() {
    let (mut source, inlet) = source();
    let stop = StopFlag::default();
    stop.raise();
    source.run(&mut Refuses(0), &stop).unwrap();
    let batch = ticks(vec![1.0], vec!["BTC"]);
    assert!(matches!(put(&inlet, Kind::Ticks, &batch), Err(PutError::Ended)));
}

#[test]
fn who_puts_faster_than_the_sink_takes_waits() {
    let (mut source, inlet) = source();
    let batch = ticks(vec![1.0; 100], vec!["BTC"; 100]);
    let full = (0..WAITING + 1)
        .position(|_| futures::FutureExt::now_or_never(inlet.put(Kind::Ticks, &batch)).is_none());
    assert_eq!(full, Some(WAITING));
    drop(inlet);
    assert_eq!(collect_ticks(&mut source).unwrap().ticks.len(), WAITING * 100);
}
