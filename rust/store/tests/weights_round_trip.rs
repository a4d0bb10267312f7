//! The weights map through every leg: Delta write, optimise, read, SQL, IPC. If a leg lost or changed it, the
//! schema of all tables would have to be another.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{Float64Builder, MapBuilder, MapFieldNames, StringBuilder};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use deltalake::datafusion::prelude::SessionContext;
use deltalake::operations::optimize::OptimizeType;
use deltalake::{DeltaTable, ensure_table_uri};
use silverbullet_store::schema::weights_type;

const ASSETS: [&str; 3] = ["XRP", "ADA", "BTC"];

fn weights_of(bar: i64) -> [f64; 3] {
    [0.1 + bar as f64 * 1e-3, f64::MIN_POSITIVE, 0.9 - bar as f64 * 1e-3]
}

fn batch(bars: std::ops::Range<i64>) -> RecordBatch {
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    let mut weights = MapBuilder::new(Some(names), StringBuilder::new(), Float64Builder::new())
        .with_values_field(Field::new("value", DataType::Float64, false));
    for bar in bars.clone() {
        for (asset, weight) in ASSETS.iter().zip(weights_of(bar)) {
            weights.keys().append_value(asset);
            weights.values().append_value(weight);
        }
        weights.append(true).unwrap();
    }
    let count = bars.clone().count();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["default"; count])),
        Arc::new(Int64Array::from_iter_values(bars.clone())),
        Arc::new(Float64Array::from_iter_values(bars.map(|bar| bar as f64))),
        Arc::new(weights.finish()),
    ];
    let schema = Schema::new(vec![
        Field::new("universe", DataType::Utf8, false),
        Field::new("bar", DataType::Int64, false),
        Field::new("mean", DataType::Float64, false),
        Field::new("weights", weights_type(), false),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn through_ipc(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    StreamReader::try_new(Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn weights_are_a_map_in_universe_order_from_delta_to_sql_and_ipc() {
    let folder = tempfile::tempdir().unwrap();
    let url = ensure_table_uri(folder.path().to_str().unwrap()).unwrap();
    let mut table = DeltaTable::try_from_url(url.clone()).await.unwrap();
    for start in [0, 10, 20] {
        table = table.write([batch(start..start + 10)]).with_partition_columns(["universe"]).await.unwrap();
    }
    let (table, metrics) = table.optimize().with_type(OptimizeType::Compact).await.unwrap();
    assert_eq!((metrics.num_files_removed, metrics.num_files_added), (3, 1));

    let context = SessionContext::new();
    context.register_table("portfolios", table.table_provider().await.unwrap()).unwrap();
    let sql =
        "select bar, weights, weights['BTC'] as btc, map_keys(weights) as names from portfolios order by bar";
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let batches = through_ipc(&batches);
    let mut bar = 0;
    for batch in &batches {
        let weights = batch.column_by_name("weights").unwrap().as_map();
        for row in 0..batch.num_rows() {
            assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(row), bar);
            let entries = weights.value(row);
            let names: Vec<_> = (0..3).map(|at| text(entries.column(0), at)).collect();
            assert_eq!(names, ASSETS);
            let values = entries.column(1).as_primitive::<Float64Type>();
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(values.values()), bits(&weights_of(bar)));
            bar += 1;
        }
    }
    assert_eq!(bar, 30);
}

fn text(array: &ArrayRef, at: usize) -> String {
    let array = arrow::compute::cast(array, &DataType::Utf8).unwrap();
    array.as_string::<i32>().value(at).to_owned()
}
