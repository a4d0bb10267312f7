//! Moments of prices or returns that are read where they lie, column by column.

use numpy::ndarray::ArrayView1;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use silverbullet_kernel::SymmetricMatrix;
use silverbullet_market::moments::{self, Estimator, Moments, ReturnMatrix};

use crate::error::{InputError, raise_moments};

/// Mean, covariance and what to fall back on.
#[derive(IntoPyObject)]
pub(crate) struct MomentsAnswer<'py> {
    mean: Bound<'py, PyArray1<f64>>,
    covariance: Bound<'py, PyArray2<f64>>,
    /// That of Ledoit and Wolf from the same returns.
    shrunk: Bound<'py, PyArray2<f64>>,
    observations: usize,
    estimator: String,
    /// What Ledoit and Wolf's estimator shrank by.
    intensity: Option<f64>,
}

/// Estimates the moments of `columns`, one an asset, oldest bar first: closes of bars, or their simple returns.
#[pyfunction]
pub(crate) fn estimate<'py>(
    py: Python<'py>,
    columns: Vec<PyReadonlyArray1<'py, f64>>,
    assets: Vec<String>,
    estimator: &str,
    are_prices: bool,
) -> PyResult<MomentsAnswer<'py>> {
    let estimator: Estimator = estimator.parse().map_err(|error| raise_moments(&error, &assets))?;
    let views: Vec<ArrayView1<'_, f64>> = columns.iter().map(PyReadonlyArray1::as_array).collect();
    let (moments, shrunk) = py.detach(|| {
        let returns =
            if are_prices { returns_of_prices(&views, &assets)? } else { given_returns(&views, &assets)? };
        both(&returns, estimator).map_err(|error| raise_moments(&error, &assets))
    })?;
    Ok(MomentsAnswer {
        observations: moments.observations,
        estimator: moments.estimator.to_string(),
        intensity: moments.shrinkage.map(|shrinkage| shrinkage.intensity),
        covariance: square(py, &moments.covariance)?,
        shrunk: square(py, &shrunk)?,
        mean: PyArray1::from_vec(py, moments.mean),
    })
}

/// Simple returns p_t / p_(t−1) − 1 of closes, as bars have them: one row less than there are closes.
#[pyfunction]
pub(crate) fn simple_returns<'py>(
    py: Python<'py>,
    columns: Vec<PyReadonlyArray1<'py, f64>>,
    assets: Vec<String>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let views: Vec<ArrayView1<'_, f64>> = columns.iter().map(PyReadonlyArray1::as_array).collect();
    let returns = py.detach(|| returns_of_prices(&views, &assets))?;
    let shape = [returns.rows(), returns.assets()];
    PyArray1::from_vec(py, returns.iter().flatten().copied().collect()).reshape(shape)
}

fn both(returns: &ReturnMatrix, estimator: Estimator) -> moments::Result<(Moments, SymmetricMatrix)> {
    let moments = moments::estimate(returns, estimator)?;
    let shrunk = moments.ledoit_wolf_stand_in(returns)?;
    Ok((moments, shrunk))
}

/// Simple returns p_t / p_(t−1) − 1, as bars have them.
fn returns_of_prices(prices: &[ArrayView1<'_, f64>], assets: &[String]) -> PyResult<ReturnMatrix> {
    let bars = same_length(prices, assets)?;
    for (column, asset) in prices.iter().zip(assets) {
        let bad = column.iter().position(|&price| !(price.is_finite() && price > 0.0));
        if let Some(bar) = bad {
            return Err(InputError::new_err(format!(
                "prices: {} of {asset} in row {bar} is not a positive finite number; fill or drop such rows first",
                column[bar]
            )));
        }
    }
    let mut returns = ReturnMatrix::with_capacity(prices.len(), bars.saturating_sub(1));
    let mut row = vec![0.0; prices.len()];
    for bar in 1..bars {
        row.iter_mut().zip(prices).for_each(|(value, price)| *value = price[bar] / price[bar - 1] - 1.0);
        returns.push_row(&row);
    }
    Ok(returns)
}

fn given_returns(columns: &[ArrayView1<'_, f64>], assets: &[String]) -> PyResult<ReturnMatrix> {
    let bars = same_length(columns, assets)?;
    let mut returns = ReturnMatrix::with_capacity(columns.len(), bars);
    let mut row = vec![0.0; columns.len()];
    for bar in 0..bars {
        row.iter_mut().zip(columns).for_each(|(value, column)| *value = column[bar]);
        returns.push_row(&row);
    }
    Ok(returns)
}

fn same_length(columns: &[ArrayView1<'_, f64>], assets: &[String]) -> PyResult<usize> {
    let first = columns.first().map_or(0, ArrayView1::len);
    match columns.iter().position(|column| column.len() != first) {
        Some(other) => Err(InputError::new_err(format!(
            "{} has {first} rows but {} has {}; every asset needs as many",
            assets[0],
            assets[other],
            columns[other].len()
        ))),
        None => Ok(first),
    }
}

fn square<'py>(py: Python<'py>, matrix: &SymmetricMatrix) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let order = matrix.order();
    PyArray1::from_slice(py, matrix.as_slice()).reshape([order, order])
}
