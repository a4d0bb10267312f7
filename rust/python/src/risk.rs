//! Measures of risk of series of returns, and what portfolios come to along bootstrapped paths.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use silverbullet_kernel::{ScenarioSource, risk};

use crate::error::{InputError, raise};
use crate::parse;
use crate::resample::{scenarios, scheme};

/// The loss that is not exceeded in a share of `level` of the returns.
#[pyfunction]
pub(crate) fn value_at_risk(returns: PyReadonlyArray1<'_, f64>, level: f64) -> PyResult<f64> {
    Ok(risk::value_at_risk(&series(&returns)?, within(level)?))
}

/// The mean of the losses beyond that.
#[pyfunction]
pub(crate) fn conditional_value_at_risk(returns: PyReadonlyArray1<'_, f64>, level: f64) -> PyResult<f64> {
    Ok(risk::conditional_value_at_risk(&series(&returns)?, within(level)?))
}

/// The largest fall of the running sum of the returns.
#[pyfunction]
pub(crate) fn max_drawdown(returns: PyReadonlyArray1<'_, f64>) -> PyResult<f64> {
    Ok(risk::max_drawdown(&series(&returns)?))
}

/// Mean square of what falls short of `threshold`.
#[pyfunction]
pub(crate) fn semivariance(returns: PyReadonlyArray1<'_, f64>, threshold: f64) -> PyResult<f64> {
    Ok(risk::semivariance(&series(&returns)?, threshold))
}

/// The simple return, in each bar, of a portfolio that is rebalanced to `weights` at each.
#[pyfunction]
pub(crate) fn portfolio_returns<'py>(
    py: Python<'py>,
    returns: PyReadonlyArray2<'py, f64>,
    weights: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let weights = parse::vector(&weights);
    let names: Vec<String> = (0..weights.len()).map(|number| format!("asset{number}")).collect();
    let history = scenarios(&returns, &names)?;
    Ok(PyArray1::from_vec(py, py.detach(|| history.portfolio(&weights))))
}

/// Paths bootstrapped from history; see the package's `Paths`.
#[pyclass(frozen, name = "Paths", module = "silverbullet._kernel")]
pub(crate) struct NativePaths {
    source: ScenarioSource,
    assets: usize,
}

#[pymethods]
impl NativePaths {
    #[new]
    fn new(returns: PyReadonlyArray2<'_, f64>, assets: Vec<String>, bootstrap: &str) -> PyResult<Self> {
        let history = scenarios(&returns, &assets)?;
        let source =
            ScenarioSource::bootstrap(history, scheme(bootstrap)?).map_err(|error| raise(&error, &assets))?;
        Ok(Self { source, assets: assets.len() })
    }

    /// The returns of `bars` bars of a path: bars by assets.
    fn path<'py>(
        &self,
        py: Python<'py>,
        seed: u64,
        number: u64,
        bars: u64,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let drawn = py.detach(|| self.source.draw_path(seed, number, 0..bars));
        PyArray1::from_slice(py, drawn.as_slice()).reshape([drawn.rows(), self.assets])
    }

    /// Sum of the returns and largest drawdown of each portfolio (rows of weights) along each of so many paths: two
    /// arrays of paths by portfolios.
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn outcomes<'py>(
        &self,
        py: Python<'py>,
        portfolios: PyReadonlyArray2<'py, f64>,
        seed: u64,
        first: u64,
        paths: u64,
        bars: u64,
    ) -> PyResult<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>)> {
        let view = portfolios.as_array();
        if view.ncols() != self.assets {
            let (columns, count) = (view.ncols(), self.assets);
            return Err(InputError::new_err(format!("portfolios: {columns} weights for {count} assets")));
        }
        let portfolios: Vec<Vec<f64>> = view.rows().into_iter().map(|row| row.to_vec()).collect();
        let numbers = first..first.saturating_add(paths);
        let found = py.detach(|| self.source.outcomes(&portfolios, seed, numbers, bars));
        let shape = [found.len() / portfolios.len().max(1), portfolios.len()];
        let totals = PyArray1::from_iter(py, found.iter().map(|outcome| outcome.total)).reshape(shape)?;
        let falls = PyArray1::from_iter(py, found.iter().map(|outcome| outcome.drawdown)).reshape(shape)?;
        Ok((totals, falls))
    }
}

fn series(returns: &PyReadonlyArray1<'_, f64>) -> PyResult<Vec<f64>> {
    let returns = parse::vector(returns);
    match returns.iter().position(|value| !value.is_finite()) {
        Some(bar) => {
            Err(InputError::new_err(format!("returns: {} in row {bar} is not a finite number", returns[bar])))
        }
        None => Ok(returns),
    }
}

fn within(level: f64) -> PyResult<f64> {
    if (0.0..1.0).contains(&level) {
        return Ok(level);
    }
    Err(InputError::new_err(format!("level: {level} is not allowed; at least 0 and below 1, such as 0.95")))
}
