//! What must hold whatever a venue sends; the test of robustness and the fuzz targets share it.

mod answer;
mod check;
pub(crate) mod memory;

pub(crate) use check::check;
