//! What must hold whatever a venue sends; the test of robustness and the fuzz targets share it.

mod answer;
mod check;
pub(crate) mod memory;
#[path = "../exchange_told/mod.rs"]
mod told;

pub(crate) use check::check;
