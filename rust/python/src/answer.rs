//! Answers of the kernel as dictionaries of plain values and numpy arrays, which the package makes its classes from.

use numpy::{PyArray1, PyArray2, ToPyArray, ndarray::Array2};
use pyo3::prelude::*;
use silverbullet_kernel::{FrontierPoint, Label, Portfolio, Search, Stop};

/// A portfolio.
#[derive(IntoPyObject)]
pub(crate) struct PortfolioAnswer<'py> {
    objective: &'static str,
    method: &'static str,
    label: &'static str,
    mean: f64,
    risk: f64,
    sharpe: Option<f64>,
    gap: Option<f64>,
    weights: Bound<'py, PyArray1<f64>>,
}

impl<'py> PortfolioAnswer<'py> {
    pub(crate) fn new(py: Python<'py>, portfolio: Portfolio) -> Self {
        Self {
            objective: portfolio.objective.name(),
            method: portfolio.method.name(),
            label: portfolio.label.text(),
            mean: portfolio.mean,
            risk: portfolio.risk,
            sharpe: portfolio.sharpe,
            gap: portfolio.gap,
            weights: PyArray1::from_vec(py, portfolio.weights),
        }
    }
}

/// A frontier: one row a point.
#[derive(IntoPyObject)]
pub(crate) struct FrontierAnswer<'py> {
    label: &'static str,
    risk: Bound<'py, PyArray1<f64>>,
    mean: Bound<'py, PyArray1<f64>>,
    weights: Bound<'py, PyArray2<f64>>,
}

impl<'py> FrontierAnswer<'py> {
    pub(crate) fn new(py: Python<'py>, label: Label, assets: usize, points: &[FrontierPoint]) -> Self {
        let column = |value: fn(&FrontierPoint) -> f64| PyArray1::from_iter(py, points.iter().map(value));
        let weights =
            Array2::from_shape_fn((points.len(), assets), |(row, asset)| points[row].weights[asset]);
        Self {
            label: label.text(),
            risk: column(|point| point.risk),
            mean: column(|point| point.mean),
            weights: weights.to_pyarray(py),
        }
    }
}

/// What a search with a budget found.
#[derive(IntoPyObject)]
pub(crate) struct SearchAnswer<'py> {
    portfolios: Vec<PortfolioAnswer<'py>>,
    frontier: FrontierAnswer<'py>,
    samples: u64,
    evaluations: u64,
    /// Whether it stopped because it knew that it was near enough.
    certified: bool,
}

impl<'py> SearchAnswer<'py> {
    pub(crate) fn new(py: Python<'py>, assets: usize, found: Search) -> Self {
        Self {
            frontier: FrontierAnswer::new(py, Label::Ok, assets, &found.frontier),
            portfolios: found.portfolios.into_iter().map(|one| PortfolioAnswer::new(py, one)).collect(),
            samples: found.samples,
            evaluations: found.evaluations,
            certified: found.stop == Stop::Certified,
        }
    }
}
