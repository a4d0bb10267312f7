//! The kernel's problem, and the questions that it answers.

use std::sync::Arc;
use std::time::Duration;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use silverbullet_kernel as kernel;
use silverbullet_kernel::constrained::{self, SearchOptions};
use silverbullet_kernel::spectrum::condition_number;
use silverbullet_kernel::{Bounds, Budget, Goal, Problem, exact};
use silverbullet_market::{Clock, SystemClock};

use crate::answer::{FrontierAnswer, PortfolioAnswer, SearchAnswer};
use crate::constrained::searched;
use crate::error::{InputError, raise};
use crate::parse;
use crate::question::{Aim, Draw, Limits};
use crate::run::{Run, with_gaps};
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
            // The moments first: without an asset the bounds would be to blame.
            let problem = Problem::new(mean, covariance, observations)?;
            let problem = problem.with_bounds(Bounds::new(lower, upper)?)?.with_risk_free(risk_free)?;
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

    /// The exact optimum; none where no exact method exists.
    fn solve<'py>(
        &self,
        py: Python<'py>,
        aim: Aim<'py>,
        limits: Limits,
    ) -> PyResult<Option<PortfolioAnswer<'py>>> {
        let (goal, constraints) = (aim.goal(&self.assets)?, limits.constraints(&self.assets)?);
        let best = self.detached(py, || constrained::solve(&self.problem, &constraints, &goal))?;
        Ok(best.map(|best| PortfolioAnswer::new(py, best)))
    }

    /// The best of `samples` drawn portfolios and as many moves.
    fn search<'py>(
        &self,
        py: Python<'py>,
        aim: Aim<'py>,
        limits: Limits,
        samples: u64,
        seed: u64,
    ) -> PyResult<PortfolioAnswer<'py>> {
        let (goal, constraints) = (aim.goal(&self.assets)?, limits.constraints(&self.assets)?);
        let options = SearchOptions { samples, seed };
        let found = self.detached(py, || searched(&self.problem, &constraints, &goal, &options))?;
        Ok(PortfolioAnswer::new(py, found))
    }

    /// The exact frontier under bounds: its corner portfolios, or so many points equally spaced in mean.
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

    /// So many points under all constraints, equally spaced in mean; exact, or searched for with so many samples each.
    #[pyo3(signature = (limits, points, samples=None, seed=0))]
    fn constrained_frontier<'py>(
        &self,
        py: Python<'py>,
        limits: Limits,
        points: usize,
        samples: Option<u64>,
        seed: u64,
    ) -> PyResult<FrontierAnswer<'py>> {
        let constraints = limits.constraints(&self.assets)?;
        let answer = |goal: &Goal| match samples {
            None => constrained::solve(&self.problem, &constraints, goal),
            Some(samples) => {
                let options = SearchOptions { samples, seed };
                constrained::search(&self.problem, &constraints, goal, &options).map(Some)
            }
        };
        let (label, points) = self.detached(py, || crate::constrained::frontier(points, answer))?;
        Ok(FrontierAnswer::new(py, label, self.assets.len(), &points))
    }

    /// Searches for `seconds`, or for so many evaluations, which makes a timed search again.
    fn search_within<'py>(
        &self,
        py: Python<'py>,
        seconds: Option<f64>,
        evaluations: u64,
        draw: Draw,
    ) -> PyResult<SearchAnswer<'py>> {
        let options = kernel::SearchOptions {
            seed: draw.seed,
            stream: draw.stream,
            sampler: parse::sampler(&draw.sampler)?,
            ..kernel::SearchOptions::default()
        };
        let limit = seconds.map(parse::duration).transpose()?;
        let found = self.detached(py, || {
            let mut clock =
                || Duration::from_nanos(u64::try_from(SystemClock.monotonic()).unwrap_or_default());
            let budget = match limit {
                Some(limit) => Budget::Time { limit, clock: &mut clock },
                None => Budget::Evaluations(evaluations),
            };
            let mut found = kernel::search(&self.problem, &options, budget)?;
            with_gaps(&self.problem, &mut found.portfolios);
            Ok(found)
        })?;
        Ok(SearchAnswer::new(py, self.assets.len(), found))
    }

    /// Draws `portfolios` of a run, from number `first` on.
    fn sample(
        &self,
        py: Python<'_>,
        portfolios: u64,
        first: u64,
        draw: Draw,
        threads: Option<usize>,
    ) -> PyResult<NativeSketch> {
        let run = Arc::new(Run {
            problem: self.problem.clone(),
            assets: self.assets.clone(),
            seed: draw.seed,
            stream: draw.stream,
            sampler: parse::sampler(&draw.sampler)?,
        });
        let end = first.checked_add(portfolios).ok_or_else(|| {
            InputError::new_err(format!("first: {first} and {portfolios} portfolios more are beyond 2^64"))
        })?;
        let sketch = run.sample(py, first..end, parse::threads(threads))?;
        Ok(NativeSketch::new(run, first..end, sketch))
    }
}

impl NativeProblem {
    /// What is asked about.
    pub(crate) fn kernel(&self) -> &Problem {
        &self.problem
    }

    /// Computes without the interpreter's lock.
    fn detached<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce() -> kernel::Result<T> + Send,
    ) -> PyResult<T> {
        py.detach(work).map_err(|error| raise(&error, &self.assets))
    }
}
