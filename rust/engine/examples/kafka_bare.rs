//! The bare consumer of `make bench-kafka` with the allocator of the system, as a program that only consumes would have
//! it; `kafka_bench bare` is the same with the allocator of `silverbullet`.
//!
//! ```text
//! kafka_bare --brokers B --topic T --messages N [--skip N] [--count-only yes]
//! ```
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "kafka_bench/arguments.rs"]
mod arguments;
#[path = "kafka_bench/bare.rs"]
mod bare;
#[path = "kafka_bench/broker.rs"]
mod broker;
#[path = "kafka_bench/report.rs"]
mod report;

/// Whatever goes wrong ends the run with its message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    println!("{}", bare::run(&arguments::Arguments::read(std::env::args().skip(1))?)?);
    Ok(())
}
