//! The kernel's problem, and the questions that it answers.

use std::sync::Arc;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use silverbullet_kernel::spectrum::condition_number;
use silverbullet_kernel::{Bounds, Objective, Problem, exact};

use crate::answer::{FrontierAnswer, PortfolioAnswer};
use crate::error::{InputError, raise};
use crate::parse;
use crate::run::Run;
use crate::sketch::NativeSketch;

/// Observations where nobody says how many there were: so many that no gap is excused by the uncertainty of the means.
const UNKNOWN_OBSERVATIONS: usize = 1 << 52;

/// Mean, covariance, bounds and risk-free rate, checked once.
#[pyclass(frozen, name = "Problem", module = "silverbullet._kernel")]
pub(crate) struct NativeProblem {
    problem: Problem,
    assets: Vec<String>,
}

#[pymethods]
impl NativeProblem {
    #[new]
    #[pyo3(signature = (mean, covariance, assets, *, shrunk=None, observations=None, lower=None, upper=None, risk_free=0.0))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one call from the package")]
    fn new(
        py: Python<'_>,
        mean: PyReadonlyArray1<'_, f64>,
        covariance: PyReadonlyArray2<'_, f64>,
        assets: Vec<String>,
        shrunk: Option<PyReadonlyArray2<'_, f64>>,
        observations: Option<usize>,
        lower: Option<PyReadonlyArray1<'_, f64>>,
        upper: Option<PyReadonlyArray1<'_, f64>>,
        risk_free: f64,
    ) -> PyResult<Self> {
        let (mean, covariance) = (parse::vector(&mean), parse::matrix(&covariance, &assets)?);
        let shrunk = shrunk.map(|shrunk| parse::matrix(&shrunk, &assets)).transpose()?;
        let count = assets.len();
        let lower = lower.map_or_else(|| vec![0.0; count], |bounds| parse::vector(&bounds));
        let upper = upper.map_or_else(|| vec![1.0; count], |bounds| parse::vector(&bounds));
        let observations = observations.unwrap_or(UNKNOWN_OBSERVATIONS);
        let build = || {
            let bounds = Bounds::new(lower, upper)?;
            let problem = Problem::new(mean, covariance, observations)?
                .with_bounds(bounds)?
                .with_risk_free(risk_free)?;
            // Said in full, so that a problem that was written down and read again is equal.
            let shrunk = shrunk.unwrap_or_else(|| problem.shrunk_covariance());
            problem.with_shrunk(shrunk)
        };
        let problem = py.detach(build).map_err(|error| raise(&error, &assets))?;
        Ok(Self { problem, assets })
    }

    /// Largest eigenvalue of the covariance over its smallest; none where it is singular.
    fn condition_number(&self, py: Python<'_>) -> Option<f64> {
        py.detach(|| condition_number(self.problem.covariance()))
    }

    /// The exact optimum.
    fn solve<'py>(&self, py: Python<'py>, objective: &str) -> PyResult<PortfolioAnswer<'py>> {
        let objective: Objective = objective.parse().map_err(InputError::new_err)?;
        Ok(PortfolioAnswer::new(py, py.detach(|| exact::solve(&self.problem, objective))))
    }

    /// The exact frontier: its corner portfolios, or so many points equally spaced in mean.
    #[pyo3(signature = (points=None))]
    fn frontier<'py>(&self, py: Python<'py>, points: Option<usize>) -> FrontierAnswer<'py> {
        let (label, points) = py.detach(|| {
            let frontier = exact::frontier(&self.problem);
            let points =
                points.map_or_else(|| frontier.corners.clone(), |count| frontier.equally_spaced(count));
            (frontier.label, points)
        });
        FrontierAnswer::new(py, label, self.assets.len(), &points)
    }

    /// Draws `portfolios` of a run, from number `first` on.
    fn sample(
        &self,
        py: Python<'_>,
        portfolios: u64,
        first: u64,
        seed: u64,
        stream: u64,
        sampler: &str,
        threads: Option<usize>,
    ) -> PyResult<NativeSketch> {
        let (problem, assets) = (self.problem.clone(), self.assets.clone());
        let run = Arc::new(Run { problem, assets, seed, stream, sampler: parse::sampler(sampler)? });
        let end = first.checked_add(portfolios).ok_or_else(|| {
            InputError::new_err(format!("first: {first} and {portfolios} portfolios more are beyond 2^64"))
        })?;
        let sketch = run.sample(py, first..end, parse::threads(threads))?;
        Ok(NativeSketch::new(run, first..end, sketch))
    }
}
