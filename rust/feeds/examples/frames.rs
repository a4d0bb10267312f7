//! Shows what a venue's frames are read as: frames VENUE < FRAMES
//!
//! Frames are read one a line; `python/tests/test_exchange_recordings.py` compares what comes out with a reading of its own.
//! Each price is a row of CSV on standard output. What else was said is counted on standard error, as is each price and
//! frame that cannot be used, with its reason: one name a line, after its count and a space.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use silverbullet_feeds::exchange::{
    Binance, Bybit, Coinbase, CoinbaseAdvanced, Kraken, Okx, Print, Said, Stream, Venue,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let mut venue =
        venue(&name).ok_or_else(|| format!("usage: frames VENUE < FRAMES; no venue is called `{name}`"))?;
    let mut rows = std::io::BufWriter::new(std::io::stdout().lock());
    writeln!(rows, "line,symbol,stream,price,bid,ask,size,time_ns,number")?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (line, frame) in (1..).zip(std::io::stdin().lock().lines()) {
        let mut written = Ok(());
        let mut faults: Vec<&str> = Vec::new();
        let said = venue.read(&frame?, &mut |print| match print {
            Ok(print) if written.is_ok() => written = writeln!(rows, "{line},{}", row(&print)),
            Ok(_) => {}
            Err(fault) => faults.push(fault.reason),
        });
        written?;
        faults.extend(match said {
            Ok(Said::Prices) => None,
            Ok(Said::Other(name)) => Some(name),
            Ok(Said::Closing) => Some("closing"),
            Ok(Said::Refused) => Some("refused"),
            Err(fault) => Some(fault.reason),
        });
        for name in faults {
            *counts.entry(name).or_default() += 1;
        }
    }
    rows.flush()?;
    for (name, count) in counts {
        writeln!(std::io::stderr(), "{count} {name}")?;
    }
    Ok(())
}

fn venue(name: &str) -> Option<Box<dyn Venue>> {
    let all: [Box<dyn Venue>; 7] = [
        Box::new(Binance::international()),
        Box::new(Binance::united_states()),
        Box::new(Bybit::default()),
        Box::new(Coinbase::default()),
        Box::new(CoinbaseAdvanced::default()),
        Box::new(Kraken),
        Box::new(Okx::default()),
    ];
    all.into_iter().find(|venue| venue.name() == name)
}

/// The fields after the line; numbers in the shortest form that is read back as the same, nothing where there is none.
fn row(print: &Print<'_>) -> String {
    let stream = match print.stream {
        Stream::Trade => "trade",
        Stream::Quote => "quote",
    };
    let [bid, ask, size] = [print.bid, print.ask, print.size].map(text);
    let (time, number) = (text(print.time), text(print.number.value()));
    format!("{},{stream},{},{bid},{ask},{size},{time},{number}", print.symbol, print.price)
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
