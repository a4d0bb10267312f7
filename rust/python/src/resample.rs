//! The resampled frontier by parts: bootstraps of a window, drawn anywhere.

use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2, ToPyArray, ndarray::Array2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use silverbullet_kernel::resample::ResampledPoint;
use silverbullet_kernel::{
    Bootstrap, Bounds, ResampleOptions, ResamplePart, ResampledFrontier, Resampler, Scenarios,
};

use crate::KERNEL_VERSION;
use crate::error::{InputError, KernelMismatchError, raise};
use crate::parse;

/// The first bytes of a part that was written down.
const MAGIC: &[u8; 8] = b"SBresamp";

/// Bars by assets as the kernel has them.
pub(crate) fn scenarios(returns: &PyReadonlyArray2<'_, f64>, assets: &[String]) -> PyResult<Scenarios> {
    let view = returns.as_array();
    if view.ncols() != assets.len() {
        let (columns, count) = (view.ncols(), assets.len());
        return Err(InputError::new_err(format!(
            "returns: {columns} columns for {count} assets; give one for each"
        )));
    }
    Scenarios::from_row_major(assets.len(), view.iter().copied().collect())
        .map_err(|error| raise(&error, assets))
}

/// `plain`, `block:<length>` or `stationary:<mean length>`.
pub(crate) fn scheme(text: &str) -> PyResult<Bootstrap> {
    let unknown = || {
        InputError::new_err(format!(
            "bootstrap: {text:?} is none; it must be plain, block:LENGTH or stationary:MEAN-LENGTH, in bars"
        ))
    };
    let length = |bars: &str| bars.parse::<usize>().map_err(|_| unknown());
    match text.split_once(':') {
        None if text == "plain" => Ok(Bootstrap::Plain),
        Some(("block", bars)) => Ok(Bootstrap::Block { length: length(bars)? }),
        Some(("stationary", bars)) => Ok(Bootstrap::Stationary { mean_length: length(bars)? }),
        _ => Err(unknown()),
    }
}

/// A resampling run; see the package's `Resampler`.
#[pyclass(frozen, name = "Resampler", module = "silverbullet._kernel")]
pub(crate) struct NativeResampler {
    resampler: Resampler,
    assets: Vec<String>,
}

/// The bootstraps of a part of a run.
#[pyclass(frozen, name = "ResamplePart", module = "silverbullet._kernel")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NativeResamplePart(ResamplePart);

/// The averages and bands of each rank.
#[derive(IntoPyObject)]
pub(crate) struct ResampledAnswer<'py> {
    label: &'static str,
    bootstraps: u64,
    fallbacks: u64,
    risk: Bound<'py, PyArray1<f64>>,
    mean: Bound<'py, PyArray1<f64>>,
    mean_low: Bound<'py, PyArray1<f64>>,
    mean_high: Bound<'py, PyArray1<f64>>,
    risk_low: Bound<'py, PyArray1<f64>>,
    risk_high: Bound<'py, PyArray1<f64>>,
    weights: Bound<'py, PyArray2<f64>>,
    weights_low: Bound<'py, PyArray2<f64>>,
    weights_high: Bound<'py, PyArray2<f64>>,
}

#[pymethods]
impl NativeResampler {
    #[new]
    #[pyo3(signature = (returns, assets, *, bootstrap, bootstraps, points, seed, shrinkage=0.0, lower=None, upper=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one call from the package")]
    fn new(
        py: Python<'_>,
        returns: PyReadonlyArray2<'_, f64>,
        assets: Vec<String>,
        bootstrap: &str,
        bootstraps: u64,
        points: usize,
        seed: u64,
        shrinkage: f64,
        lower: Option<PyReadonlyArray1<'_, f64>>,
        upper: Option<PyReadonlyArray1<'_, f64>>,
    ) -> PyResult<Self> {
        let history = scenarios(&returns, &assets)?;
        let bootstrap = scheme(bootstrap)?;
        let lower = lower.map_or_else(|| vec![0.0; assets.len()], |bounds| parse::vector(&bounds));
        let upper = upper.map_or_else(|| vec![1.0; assets.len()], |bounds| parse::vector(&bounds));
        let build = || {
            let bounds = Some(Bounds::new(lower, upper)?);
            let options =
                ResampleOptions { bootstrap, bootstraps, points, seed, shrinkage, bounds, threads: 1 };
            Resampler::new(&history, options)
        };
        let resampler = py.detach(build).map_err(|error| raise(&error, &assets))?;
        Ok(Self { resampler, assets })
    }

    /// Draws `bootstraps` of the run, from number `first` on.
    fn part(&self, py: Python<'_>, first: u64, bootstraps: u64) -> PyResult<NativeResamplePart> {
        let numbers = first..first.saturating_add(bootstraps);
        let part = py.detach(|| self.resampler.part(numbers)).map_err(|error| raise(&error, &self.assets))?;
        Ok(NativeResamplePart(part))
    }

    /// Averages and bands over the bootstraps of a part.
    fn finish<'py>(
        &self,
        py: Python<'py>,
        part: &Bound<'py, NativeResamplePart>,
    ) -> PyResult<ResampledAnswer<'py>> {
        let part = &part.get().0;
        let found = py.detach(|| self.resampler.finish(part)).map_err(|error| raise(&error, &self.assets))?;
        Ok(answer(py, self.assets.len(), &found))
    }
}

#[pymethods]
impl NativeResamplePart {
    /// Bootstraps it holds.
    #[getter]
    fn bootstraps(&self) -> usize {
        self.0.bootstraps()
    }

    /// The bootstraps of all these parts of a run, at least one; none of them is changed.
    #[staticmethod]
    fn merge_all(parts: Vec<Bound<'_, Self>>) -> PyResult<Self> {
        let mut parts = parts.iter().map(|part| &part.get().0);
        let first = parts
            .next()
            .ok_or_else(|| InputError::new_err("parts: there is none; at least one is needed"))?;
        let mut merged = first.clone();
        for part in parts {
            merged.merge(part.clone()).map_err(|error| InputError::new_err(format!("parts: {error}")))?;
        }
        Ok(Self(merged))
    }

    /// Everything of it; the same bytes for the same bootstraps of the same run, however it was merged.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let body = postcard::to_extend(&(KERNEL_VERSION, &self.0), MAGIC.to_vec())
            .map_err(|error| InputError::new_err(format!("part: it cannot be written: {error}")))?;
        Ok(PyBytes::new(py, &body))
    }

    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> PyResult<Self> {
        let damaged = |why: String| InputError::new_err(format!("part: these bytes are not one ({why})"));
        let body = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("they begin otherwise".to_owned()))?;
        let (kernel, rest): (String, _) =
            postcard::take_from_bytes(body).map_err(|error| damaged(error.to_string()))?;
        if kernel != KERNEL_VERSION {
            return Err(KernelMismatchError::new_err(format!(
                "part: kernel {kernel} wrote it, this one is {KERNEL_VERSION}; install the same package wherever \
                 parts of a run are drawn or merged"
            )));
        }
        postcard::from_bytes(rest).map(Self).map_err(|error| damaged(error.to_string()))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self == other
    }
}

fn answer<'py>(py: Python<'py>, assets: usize, found: &ResampledFrontier) -> ResampledAnswer<'py> {
    let points = &found.points;
    let column = |value: fn(&ResampledPoint) -> f64| PyArray1::from_iter(py, points.iter().map(value));
    let table = |value: fn(&ResampledPoint) -> &[f64]| {
        Array2::from_shape_fn((points.len(), assets), |(row, asset)| value(&points[row])[asset])
            .to_pyarray(py)
    };
    ResampledAnswer {
        label: found.label.text(),
        bootstraps: found.bootstraps,
        fallbacks: found.fallbacks,
        risk: column(|point| point.risk),
        mean: column(|point| point.mean),
        mean_low: column(|point| point.mean_low),
        mean_high: column(|point| point.mean_high),
        risk_low: column(|point| point.risk_low),
        risk_high: column(|point| point.risk_high),
        weights: table(|point| &point.weights),
        weights_low: table(|point| &point.weights_low),
        weights_high: table(|point| &point.weights_high),
    }
}
