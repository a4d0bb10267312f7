//! What can be set on the command line.

use std::fmt;
use std::path::PathBuf;

use crate::Failure;

/// Every parameter of the measurements.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    /// Print what there is and measure nothing.
    pub(crate) help: bool,
    /// Those named; all where none is.
    pub(crate) measurements: Vec<String>,
    /// Runs that medians are taken over.
    pub(crate) runs: u64,
    /// Seconds each paced run takes.
    pub(crate) seconds: u64,
    /// Ticks a second of paced runs.
    pub(crate) rate: u64,
    /// Portfolios of paced runs.
    pub(crate) portfolios: u64,
    /// Assets of the large paced run, of the sustained one and of the window.
    pub(crate) assets: u64,
    /// Portfolios of the sustained run.
    pub(crate) sustained_portfolios: u64,
    /// Ticks of each sustained run.
    pub(crate) ticks: u64,
    /// Bars in the window.
    pub(crate) window: u64,
    /// Bars that the window's measurement closes.
    pub(crate) bars: u64,
    /// Ticks of the measurement of memory, and how often it looks.
    pub(crate) memory_ticks: u64,
    pub(crate) memory_every: u64,
    /// Milliseconds between two pauses of paced runs, and that each takes.
    pub(crate) pause_every: u64,
    pub(crate) pause: u64,
    /// The hot thread never sleeps.
    pub(crate) busy_poll: u64,
    /// The file to be read.
    pub(crate) csv: Option<PathBuf>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            help: false,
            measurements: Vec::new(),
            runs: 5,
            seconds: 5,
            rate: 20_000,
            portfolios: 10_000,
            assets: 50,
            sustained_portfolios: 1_000,
            ticks: 400_000,
            window: 600,
            bars: 200_000,
            memory_ticks: 10_000_000,
            memory_every: 1_000_000,
            pause_every: 400,
            pause: 0,
            busy_poll: 0,
            csv: None,
        }
    }
}

impl Arguments {
    /// Those the program was started with.
    pub(crate) fn from_command_line() -> Result<Self, Failure> {
        let mut arguments = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                arguments.measurements.push(word);
                continue;
            };
            match name {
                "help" => arguments.help = true,
                "quick" => arguments.make_quick(),
                _ => {
                    let value = words.next().ok_or_else(|| format!("--{name} needs a value"))?;
                    arguments.set(name, &value)?;
                }
            }
        }
        Ok(arguments)
    }

    /// Every measurement in a second or two: to see that they work.
    fn make_quick(&mut self) {
        (self.runs, self.seconds, self.ticks, self.bars) = (1, 1, 20_000, 2_000);
        (self.memory_ticks, self.memory_every) = (200_000, 50_000);
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        if name == "csv" {
            self.csv = Some(value.into());
            return Ok(());
        }
        let mut numbers = self.numbers();
        let number = numbers.iter_mut().find(|(known, _)| *known == name);
        let (_, number) = number.ok_or_else(|| format!("no parameter is called --{name}"))?;
        **number = value.parse().map_err(|_| format!("--{name} takes a whole number, not `{value}`"))?;
        Ok(())
    }

    fn numbers(&mut self) -> [(&'static str, &mut u64); 14] {
        [
            ("runs", &mut self.runs),
            ("seconds", &mut self.seconds),
            ("rate", &mut self.rate),
            ("portfolios", &mut self.portfolios),
            ("assets", &mut self.assets),
            ("sustained-portfolios", &mut self.sustained_portfolios),
            ("ticks", &mut self.ticks),
            ("window", &mut self.window),
            ("bars", &mut self.bars),
            ("memory-ticks", &mut self.memory_ticks),
            ("memory-every", &mut self.memory_every),
            ("pause-every", &mut self.pause_every),
            ("pause", &mut self.pause),
            ("busy-poll", &mut self.busy_poll),
        ]
    }
}

impl fmt::Display for Arguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, number) in self.clone().numbers() {
            writeln!(formatter, "  --{name} {number}")?;
        }
        write!(formatter, "  --csv FILE\n  --quick")
    }
}
