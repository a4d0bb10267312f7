//! How fast the live loop is: `make bench-live` runs it and prints a table and one line of JSON for each measurement.
//!
//! Each time is put beside that of an empty loop: a thread that takes the same inputs from the same kind of ring and
//! publishes a record of the same size, computing nothing. What is left is what the answer costs; what both have in
//! common is the machine. All runs alternate, and the figures are medians over them.
//!
//! `throughput [MEASUREMENT…] [--name value…]`; `--help` lists both.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it timed")]

mod arguments;
mod core;
mod empty;
mod file;
mod market;
mod memory;
mod paced;
mod report;
mod sustained;
mod window;

use arguments::Arguments;

/// That of `silverbullet`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever ends a measurement.
type Failure = Box<dyn std::error::Error>;

/// A measurement's name, what it measures, and how.
type Measurement = (&'static str, &'static str, fn(&Arguments) -> Result<(), Failure>);

const MEASUREMENTS: [Measurement; 8] = [
    ("core", "how much of a core there is, in a loop that nothing else slows", core::measure),
    ("answer-16", "tick to publication, 16 assets, at a steady rate", |arguments| {
        paced::measure(arguments, 16)
    }),
    ("answer-50", "the same with 50 assets", |arguments| paced::measure(arguments, 50)),
    ("answer-large", "the same with ten times the portfolios at a tenth of the rate", paced::measure_large),
    ("sustained", "ticks a second with each of them answered", sustained::measure),
    ("window", "bars a second into window and moments", window::measure),
    ("file", "ticks a second from a CSV file at full speed (--csv)", file::measure),
    ("memory", "resident memory as ticks pass", memory::measure),
];

fn main() -> Result<(), Failure> {
    let arguments = Arguments::from_command_line()?;
    if arguments.help {
        println!("throughput [MEASUREMENT…] [--name value…]\n\nMeasurements (all, unless some are named):");
        for (name, what, _) in MEASUREMENTS {
            println!("  {name:14} {what}");
        }
        println!("\nNumbers, with their defaults:\n{}", Arguments::default());
        return Ok(());
    }
    if let Some(unknown) =
        arguments.measurements.iter().find(|name| MEASUREMENTS.iter().all(|(known, ..)| known != name))
    {
        return Err(format!("no measurement is called `{unknown}`; --help lists them").into());
    }
    for (name, what, measure) in MEASUREMENTS {
        if arguments.measurements.is_empty() || arguments.measurements.iter().any(|given| given == name) {
            println!("\n{name}: {what}");
            measure(&arguments)?;
        }
    }
    Ok(())
}
