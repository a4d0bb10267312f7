//! Queries over small stored tables and a tail, end to end.

mod answers;
mod by_text;
mod limits;
mod optimise;
mod parameters;
mod plans;
mod support;
mod unite;
mod variants;
