//! From the rows of a query to returns.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use silverbullet_market::moments::ReturnMatrix;

use super::Call;
use crate::guard::read_only;
use crate::sql::planned;

/// Rows of prices at most.
const MOST_ROWS: usize = 20_000_000;
/// Assets at most.
const MOST_ASSETS: usize = 1_000;

/// Simple returns of the bars in which every asset has a price.
#[derive(Debug)]
pub(crate) struct Prices {
    pub(crate) assets: Vec<String>,
    pub(crate) returns: ReturnMatrix,
}

impl Prices {
    /// Runs the query for prices.
    pub(crate) async fn read(state: &SessionState, call: &Call) -> Result<Self> {
        let statement = read_only(&call.query).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let plan = planned(state, statement).await?;
        let plan = state.create_physical_plan(&plan).await?;
        let mut stream = execute_stream(plan, std::sync::Arc::new(TaskContext::from(state)))?;
        let mut rows = Rows::default();
        while let Some(batch) = stream.next().await {
            rows.add(&batch?)?;
        }
        rows.into_prices(call)
    }
}

/// Prices by asset and bar.
#[derive(Default)]
struct Rows {
    count: usize,
    assets: BTreeMap<String, usize>,
    /// Bar, number of the asset, price, in the order of the query.
    prices: Vec<(i64, usize, f64)>,
}

impl Rows {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != 3 {
            return exec_err!("a query for prices has three columns: a bar or a time, an asset, a price");
        }
        self.count += batch.num_rows();
        if self.count > MOST_ROWS {
            return exec_err!(
                "there are more than {MOST_ROWS} prices: narrow the query, or take longer bars"
            );
        }
        let bar = match batch.column(0).data_type() {
            kind if kind.is_integer() || kind.is_temporal() => cast(batch.column(0), &DataType::Int64)?,
            other => return exec_err!("the first column of prices is a bar or a time, not {other}"),
        };
        let asset = cast(batch.column(1), &DataType::Utf8)?;
        let price = cast(batch.column(2), &DataType::Float64)?;
        let (bars, assets, prices) =
            (bar.as_primitive::<Int64Type>(), asset.as_string::<i32>(), price.as_primitive::<Float64Type>());
        for row in 0..batch.num_rows() {
            if bars.is_null(row) || assets.is_null(row) || prices.is_null(row) {
                continue;
            }
            let (name, price) = (assets.value(row), prices.value(row));
            if !(price.is_finite() && price > 0.0) {
                return exec_err!("{name} has the price {price}: prices are positive numbers");
            }
            let next = self.assets.len();
            let number = match self.assets.get(name) {
                Some(&number) => number,
                None if next == MOST_ASSETS => return exec_err!("there are more than {MOST_ASSETS} assets"),
                None => *self.assets.entry(name.to_owned()).or_insert(next),
            };
            self.prices.push((bars.value(row), number, price));
        }
        Ok(())
    }

    fn into_prices(mut self, call: &Call) -> Result<Prices> {
        // In the order of names, whatever order the rows came in.
        let mut place = vec![0; self.assets.len()];
        for (order, number) in self.assets.values().enumerate() {
            place[*number] = order;
        }
        let assets: Vec<String> = self.assets.into_keys().collect();
        self.prices.sort_unstable_by_key(|&(bar, number, _)| (bar, place[number]));
        let mut returns = ReturnMatrix::new(assets.len());
        let mut before: Option<Vec<f64>> = None;
        let mut bars = 0;
        for bar in self.prices.chunk_by(|left, right| left.0 == right.0) {
            bars += 1;
            if let Some(twice) = bar.windows(2).find(|pair| pair[0].1 == pair[1].1) {
                let asset = &assets[place[twice[0].1]];
                return exec_err!(
                    "{asset} has two prices at {}: choose one variant, or aggregate",
                    twice[0].0
                );
            }
            if bar.len() < assets.len() {
                continue;
            }
            let now: Vec<f64> = bar.iter().map(|(_, _, price)| *price).collect();
            if let Some(before) = &before {
                let row: Vec<f64> = now.iter().zip(before).map(|(now, before)| now / before - 1.0).collect();
                returns.push_row(&row);
            }
            before = Some(now);
        }
        if returns.rows() < 2 {
            return exec_err!(
                "{}: of {bars} bars {} have a price of each of {} assets, and three are the least: take more, or fewer assets",
                call.kind.name(),
                returns.rows() + usize::from(before.is_some()),
                assets.len()
            );
        }
        Ok(Prices { assets, returns })
    }
}
