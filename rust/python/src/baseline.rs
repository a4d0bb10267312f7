//! Portfolios that optimise nothing, to hold others against.

use numpy::PyArray1;
use pyo3::prelude::*;
use silverbullet_kernel::baseline as rules;

use crate::error::InputError;
use crate::problem::NativeProblem;

/// A baseline, in the fields of a portfolio.
#[derive(IntoPyObject)]
pub(crate) struct BaselineAnswer<'py> {
    objective: &'static str,
    method: &'static str,
    label: &'static str,
    mean: f64,
    risk: f64,
    sharpe: Option<f64>,
    gap: Option<f64>,
    weights: Bound<'py, PyArray1<f64>>,
}

/// The baseline of this name under the moments of `problem`; bounds do not count.
#[pyfunction]
#[pyo3(name = "baseline")]
pub(crate) fn baseline<'py>(
    py: Python<'py>,
    problem: &Bound<'py, NativeProblem>,
    name: &str,
) -> PyResult<BaselineAnswer<'py>> {
    let problem = problem.get().kernel();
    let found = py.detach(|| match name {
        "equal-weight" => Some(rules::equal_weight(problem)),
        "inverse-volatility" => Some(rules::inverse_volatility(problem)),
        "hierarchical-risk-parity" => Some(rules::hierarchical_risk_parity(problem)),
        _ => None,
    });
    let found = found.ok_or_else(|| {
        InputError::new_err(format!(
            "baseline: {name:?} is none; there are equal-weight, inverse-volatility and hierarchical-risk-parity"
        ))
    })?;
    Ok(BaselineAnswer {
        objective: found.baseline.name(),
        method: found.method.name(),
        label: found.label.text(),
        mean: found.mean,
        risk: found.risk,
        sharpe: found.sharpe,
        gap: found.gap,
        weights: PyArray1::from_vec(py, found.weights),
    })
}
