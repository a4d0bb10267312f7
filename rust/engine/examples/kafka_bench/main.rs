//! The Rust half of `make bench-kafka`, one sub-command a role; benchmarks/kafka/run.py puts them together.
//!
//! ```text
//! kafka_bench dump    --out DIR --population K                     the closed bars and the population, for Flink
//! kafka_bench produce --brokers B --topic T --messages N --rate R  a price every 1/R s, stamped with when it was due
//! kafka_bench produce --brokers B --topic T --messages N           a backlog, as fast as the broker takes it
//! kafka_bench bare    --brokers B --topic T --messages N [--skip N] [--count-only yes]
//! kafka_bench ours    --brokers B --topic T --messages N [--skip N] --population K [--bar 1s] [--rate R] [--receipts FILE]
//! kafka_bench expect  --brokers B --topic T --messages N --population K
//! ```
//!
//! `bare` and `ours` print `ready` when they wait for messages, and each command ends with one line of JSON. Times
//! are nanoseconds; a latency is UTC now less the time the message was due, both on this machine's clock.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod arguments;
mod bare;
mod broker;
mod expect;
mod market;
mod ours;
mod produce;
mod reader;
mod receipts;
mod report;

use arguments::Arguments;

/// That of `silverbullet`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever goes wrong ends the run with its message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let arguments = Arguments::read(words)?;
    let report = match command.as_str() {
        "dump" => market::dump(&arguments)?,
        "produce" => produce::run(&arguments)?,
        "bare" => bare::run(&arguments)?,
        "ours" => ours::run(&arguments)?,
        "expect" => expect::run(&arguments)?,
        other => return Err(format!("unknown command {other:?}; see the top of kafka_bench/main.rs").into()),
    };
    println!("{report}");
    Ok(())
}
