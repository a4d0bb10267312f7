//! Random questions and what must hold for every answer; the test of robustness and the fuzz target share it.

mod check;
mod draw;
mod source;

pub(crate) use check::{Check, question};
pub(crate) use source::{Bytes, Seeded};
