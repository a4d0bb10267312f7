//! Binary messages of the stream: each is one Arrow IPC stream of one record batch.
//!
//! The schema's metadata says which `table` it is, and of which `universe`, `sequence`, `bar` and `as_of`.
//! Mean, risk and volatility are simple returns per bar.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use axum::body::Bytes;
use silverbullet_engine::live::LiveState;
use silverbullet_engine::publication::{Answer, Publication};
use silverbullet_engine::scene::Scene;
use silverbullet_market::Nanos;
use silverbullet_store::schema::WeightsBuilder;

use crate::view::{finite, iso_8601};

/// Points of a cloud that are sent at most; of more, every so many-th.
const MOST_POINTS: usize = 1 << 16;

/// A publication as it is sent.
#[derive(Debug)]
pub(crate) struct Update {
    /// Counts the run's publications from 1.
    pub(crate) sequence: u64,
    /// `live.portfolios` and `live.prices`.
    pub(crate) messages: [Bytes; 2],
}

/// A scene as it is sent.
#[derive(Debug)]
pub(crate) struct Pictures {
    /// `live.cloud`, `live.frontier` and `live.assets`.
    pub(crate) messages: [Bytes; 3],
}

/// What every message says of itself.
struct Stamp<'a> {
    universe: &'a str,
    sequence: u64,
    bar: i64,
    as_of: String,
}

/// Portfolios and prices of a publication.
pub(crate) fn update(live: &LiveState, publication: &Publication) -> Result<Update, ArrowError> {
    let stamp = Stamp::new(live, publication.sequence, publication.bar, publication.event_time);
    let messages = [
        portfolios(&stamp, &live.universe.assets, &publication.listed().collect::<Vec<_>>())?,
        prices(&stamp, &live.universe.assets, &publication.prices)?,
    ];
    Ok(Update { sequence: publication.sequence, messages })
}

impl Pictures {
    /// Cloud, frontier and assets of a scene.
    pub(crate) fn new(live: &LiveState, scene: &Scene) -> Result<Self, ArrowError> {
        let stamp = Stamp::new(live, scene.sequence, scene.bar, scene.event_time);
        let cloud = stamp
            .message("live.cloud", vec![("risk", thinned(&scene.risk)), ("mean", thinned(&scene.mean))])?;
        let risk = scene.frontier.iter().map(|point| finite(point.risk));
        let mean = scene.frontier.iter().map(|point| finite(point.mean));
        let frontier =
            stamp.message("live.frontier", vec![("risk", doubles(risk)), ("mean", doubles(mean))])?;
        let names = scene.assets.iter().map(|asset| name_of(live, asset.position));
        let assets = stamp.message(
            "live.assets",
            vec![
                ("asset", Arc::new(StringArray::from_iter_values(names)) as ArrayRef),
                ("mean", doubles(scene.assets.iter().map(|asset| finite(asset.mean)))),
                ("volatility", doubles(scene.assets.iter().map(|asset| finite(asset.volatility)))),
            ],
        )?;
        Ok(Self { messages: [cloud, frontier, assets] })
    }
}

fn name_of(live: &LiveState, position: usize) -> &str {
    live.universe.assets.get(position).map_or("", String::as_str)
}

/// Each answer with the bar whose close it is of; with none where it answers this very moment.
type Listed<'a> = (&'a Answer, Option<i64>);

fn portfolios(stamp: &Stamp<'_>, assets: &[String], answers: &[Listed<'_>]) -> Result<Bytes, ArrowError> {
    let text = |of: fn(&Answer) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(answers.iter().map(|(answer, _)| of(answer))))
    };
    let number = |of: fn(&Answer) -> Option<f64>| doubles(answers.iter().map(|(answer, _)| of(answer)));
    let bar: ArrayRef = Arc::new(answers.iter().map(|(_, bar)| *bar).collect::<Int64Array>());
    stamp.message(
        "live.portfolios",
        vec![
            ("objective", text(|answer| answer.objective.to_string())),
            ("method", text(|answer| answer.method.to_string())),
            ("mean", number(|answer| finite(answer.mean))),
            ("risk", number(|answer| finite(answer.risk))),
            ("sharpe", number(|answer| answer.sharpe.and_then(finite))),
            ("gap", number(|answer| answer.gap.and_then(finite))),
            ("label", text(|answer| answer.label.to_string())),
            ("weights", weights(assets, answers)?),
            ("bar", bar),
        ],
    )
}

/// Weights over the whole universe, in its order.
fn weights(assets: &[String], answers: &[Listed<'_>]) -> Result<ArrayRef, ArrowError> {
    let mut maps = WeightsBuilder::default();
    for (answer, _) in answers {
        maps.push(assets.iter().zip(answer.weights.iter().copied()))?;
    }
    Ok(maps.finish())
}

fn prices(stamp: &Stamp<'_>, assets: &[String], prices: &[f64]) -> Result<Bytes, ArrowError> {
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(assets));
    let prices = doubles(prices.iter().map(|price| finite(*price)));
    stamp.message("live.prices", vec![("asset", names), ("price", prices)])
}

fn doubles(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.collect::<Float64Array>())
}

fn thinned(values: &[f32]) -> ArrayRef {
    let step = values.len().div_ceil(MOST_POINTS).max(1);
    Arc::new(Float32Array::from_iter_values(values.iter().step_by(step).copied()))
}

impl<'a> Stamp<'a> {
    fn new(live: &'a LiveState, sequence: u64, bar: i64, event_time: Nanos) -> Self {
        Self { universe: &live.universe.name, sequence, bar, as_of: iso_8601(event_time) }
    }

    fn message(&self, table: &str, columns: Vec<(&str, ArrayRef)>) -> Result<Bytes, ArrowError> {
        let metadata = HashMap::from([
            ("table".to_owned(), table.to_owned()),
            ("universe".to_owned(), self.universe.to_owned()),
            ("sequence".to_owned(), self.sequence.to_string()),
            ("bar".to_owned(), self.bar.to_string()),
            ("as_of".to_owned(), self.as_of.clone()),
        ]);
        // One schema for every message of a table, whether or not a number is undefined just now.
        let field = |(name, column): &(&str, ArrayRef)| {
            let kind = column.data_type();
            Field::new(*name, kind.clone(), matches!(kind, DataType::Float64 | DataType::Int64))
        };
        let fields: Vec<Field> = columns.iter().map(field).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let arrays = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        writer.write(&batch)?;
        Ok(Bytes::from(writer.into_inner()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_of_any_size_fits_the_message() {
        for (points, sent) in
            [(0, 0), (10_240, 10_240), (MOST_POINTS, MOST_POINTS), (MOST_POINTS + 1, 32_769)]
        {
            assert_eq!(thinned(&vec![0.0; points]).len(), sent);
        }
    }
}
