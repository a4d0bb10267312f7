//! What a part of a Monte Carlo run leaves: a sketch that knows its run and which portfolios it is of.

use std::ops::Range;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};
use silverbullet_kernel::{Bounds, FrontierSketch, Problem, SamplerKind, SymmetricMatrix};

use crate::KERNEL_VERSION;
use crate::answer::{FrontierAnswer, PortfolioAnswer};
use crate::error::{InputError, KernelMismatchError, raise};
use crate::run::Run;

/// The first bytes of a sketch that was written down.
const MAGIC: &[u8; 8] = b"SBsketch";

/// A frontier sketch of some portfolios of a run; see the package's `Sketch`.
#[pyclass(frozen, name = "Sketch", module = "silverbullet._kernel")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NativeSketch {
    run: Arc<Run>,
    /// Numbers of the portfolios it is of: ascending, apart, none empty.
    covered: Vec<Range<u64>>,
    sketch: FrontierSketch,
}

/// The best portfolios of a run.
#[derive(IntoPyObject)]
pub(crate) struct FinishAnswer<'py> {
    portfolios: Vec<PortfolioAnswer<'py>>,
    frontier: FrontierAnswer<'py>,
    samples: u64,
}

impl NativeSketch {
    pub(crate) fn new(run: Arc<Run>, numbers: Range<u64>, sketch: FrontierSketch) -> Self {
        Self { run, covered: vec![numbers], sketch }
    }

    fn raise(&self, error: &silverbullet_kernel::Error) -> PyErr {
        raise(error, &self.run.assets)
    }
}

#[pymethods]
impl NativeSketch {
    /// Portfolios drawn for it.
    #[getter]
    fn portfolios(&self) -> u64 {
        self.sketch.portfolios()
    }

    /// First and one past the last number of each unbroken range of portfolios.
    #[getter]
    fn ranges(&self) -> Vec<(u64, u64)> {
        self.covered.iter().map(|range| (range.start, range.end)).collect()
    }

    #[getter]
    fn assets(&self) -> Vec<String> {
        self.run.assets.clone()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.run.seed
    }

    #[getter]
    fn stream(&self) -> u64 {
        self.run.stream
    }

    #[getter]
    fn sampler(&self) -> &'static str {
        self.run.sampler.name()
    }

    /// The sketch of both parts; neither is changed.
    fn merge(&self, other: &Self) -> PyResult<Self> {
        if !Arc::ptr_eq(&self.run, &other.run) && self.run != other.run {
            return Err(InputError::new_err(difference(&self.run, &other.run)));
        }
        let covered = united(&self.covered, &other.covered)?;
        let mut sketch = self.sketch.clone();
        sketch.merge(other.sketch.clone()).map_err(|error| self.raise(&error))?;
        Ok(Self { run: Arc::clone(&self.run), covered, sketch })
    }

    /// The best portfolios, refined if asked to, and the efficient ones among all.
    fn finish<'py>(&self, py: Python<'py>, refine: bool) -> PyResult<FinishAnswer<'py>> {
        let found = self.run.finish(py, self.sketch.clone(), refine)?;
        let assets = self.run.assets.len();
        Ok(FinishAnswer {
            frontier: FrontierAnswer::new(py, silverbullet_kernel::Label::Ok, assets, &found.frontier),
            portfolios: found.portfolios.into_iter().map(|found| PortfolioAnswer::new(py, found)).collect(),
            samples: found.samples,
        })
    }

    /// Everything of it; the same bytes for the same portfolios of the same run, however it was merged.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let written = Written::of(self);
        let body = postcard::to_extend(&written, MAGIC.to_vec())
            .map_err(|error| InputError::new_err(format!("sketch: it cannot be written: {error}")))?;
        Ok(PyBytes::new(py, &body))
    }

    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> PyResult<Self> {
        read(bytes)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self == other
    }
}

/// A sketch as it is written down. The kernel comes first, so that it can be read whatever follows.
#[derive(Serialize, Deserialize)]
struct Written {
    kernel: String,
    assets: Vec<String>,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    shrunk: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    risk_free: f64,
    observations: usize,
    seed: u64,
    stream: u64,
    sampler: SamplerKind,
    covered: Vec<Range<u64>>,
    sketch: FrontierSketch,
}

impl Written {
    fn of(sketch: &NativeSketch) -> Self {
        let run = &*sketch.run;
        let (problem, bounds) = (&run.problem, run.problem.bounds());
        Self {
            kernel: KERNEL_VERSION.to_owned(),
            assets: run.assets.clone(),
            mean: problem.mean().to_vec(),
            covariance: problem.covariance().as_slice().to_vec(),
            shrunk: problem.shrunk_covariance().as_slice().to_vec(),
            lower: bounds.lower().to_vec(),
            upper: bounds.upper().to_vec(),
            risk_free: problem.risk_free(),
            observations: problem.observations(),
            seed: run.seed,
            stream: run.stream,
            sampler: run.sampler,
            covered: sketch.covered.clone(),
            sketch: sketch.sketch.clone(),
        }
    }

    fn problem(&mut self) -> silverbullet_kernel::Result<Problem> {
        let order = self.assets.len();
        let take = std::mem::take::<Vec<f64>>;
        let covariance = SymmetricMatrix::from_row_major(order, take(&mut self.covariance))?;
        let shrunk = SymmetricMatrix::from_row_major(order, take(&mut self.shrunk))?;
        let bounds = Bounds::new(take(&mut self.lower), take(&mut self.upper))?;
        Problem::new(take(&mut self.mean), covariance, self.observations)?
            .with_shrunk(shrunk)?
            .with_bounds(bounds)?
            .with_risk_free(self.risk_free)
    }
}

fn read(bytes: &[u8]) -> PyResult<NativeSketch> {
    let damaged = |why: String| InputError::new_err(format!("sketch: these bytes are not one ({why})"));
    let body = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("they begin otherwise".to_owned()))?;
    let (kernel, _): (String, _) =
        postcard::take_from_bytes(body).map_err(|error| damaged(error.to_string()))?;
    if kernel != KERNEL_VERSION {
        return Err(KernelMismatchError::new_err(format!(
            "sketch: kernel {kernel} wrote it, this one is {KERNEL_VERSION}; install the same package wherever parts \
             of a run are drawn or merged"
        )));
    }
    let mut written: Written = postcard::from_bytes(body).map_err(|error| damaged(error.to_string()))?;
    let problem = written.problem().map_err(|error| damaged(error.to_string()))?;
    let Written { assets, seed, stream, sampler, covered, sketch, .. } = written;
    let count: u64 =
        covered.iter().fold(0, |sum, range| sum.saturating_add(range.end.saturating_sub(range.start)));
    if count != sketch.portfolios() {
        return Err(damaged(format!("of {} portfolios, but {count} are listed", sketch.portfolios())));
    }
    let run = Arc::new(Run { problem, assets, seed, stream, sampler });
    Ok(NativeSketch { run, covered: united(&[], &covered)?, sketch })
}

/// The union of ranges that have no number in common.
fn united(left: &[Range<u64>], right: &[Range<u64>]) -> PyResult<Vec<Range<u64>>> {
    let mut ranges = [left, right].concat();
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut covered: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match covered.last_mut() {
            Some(last) if range.start < last.end => {
                return Err(InputError::new_err(format!(
                    "sketches: portfolios {} to {} are in both; merge each part of a run once",
                    range.start,
                    range.end.min(last.end) - 1
                )));
            }
            Some(last) if range.start == last.end => last.end = range.end,
            _ => covered.push(range),
        }
    }
    Ok(covered)
}

/// In what two runs differ, for the message.
fn difference(left: &Run, right: &Run) -> String {
    let what = if left.assets != right.assets {
        format!("assets ({} and {})", left.assets.join(", "), right.assets.join(", "))
    } else if left.seed != right.seed {
        format!("seed ({} and {})", left.seed, right.seed)
    } else if left.stream != right.stream {
        format!("stream ({} and {})", left.stream, right.stream)
    } else if left.sampler != right.sampler {
        format!("sampler ({} and {})", left.sampler.name(), right.sampler.name())
    } else {
        "moments, bounds or risk-free rate".to_owned()
    };
    format!("sketches: they are of different runs, in {what}; merge parts of one run only")
}
