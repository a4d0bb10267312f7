//! The program from outside: as a person or a script runs it.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod bad_rows;
mod commands;
mod common;
mod objectives;
mod optimize;
mod replay;
mod run;
mod usage;
