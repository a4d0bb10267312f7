//! Plays an exchange until it is ended.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use silverbullet_exchange_replay::{Exchange, Fault, Market, Options, Venue};

/// Plays recorded or made-up prices as an exchange would say them, over TLS WebSockets.
#[derive(Debug, Parser)]
struct Arguments {
    /// binance, binance-us, coinbase, coinbase-advanced, kraken, okx or bybit.
    #[arg(long, default_value = "binance")]
    venue: Venue,
    /// Port at 127.0.0.1; 0 picks one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where to write the certificate to trust (PEM).
    #[arg(long)]
    certificate: Option<PathBuf>,
    /// Recordings of Binance (`<local ns> <frame>` a line, gzip); prices are made up where there is none.
    #[arg(long)]
    recording: Vec<PathBuf>,
    /// Assets whose prices are made up.
    #[arg(long, value_delimiter = ',', default_value = "BTC,ETH")]
    assets: Vec<String>,
    /// Milliseconds between two frames; the recording's own pace where it is left out.
    #[arg(long)]
    pause: Option<u64>,
    /// How many times as fast as the recording.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// What goes wrong with the first connection, the second, and so on.
    #[arg(long)]
    fault: Vec<Fault>,
    /// Frames of prices before something goes wrong.
    #[arg(long, default_value_t = 100)]
    after: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let market = if arguments.recording.is_empty() {
        let assets: Vec<&str> = arguments.assets.iter().map(String::as_str).collect();
        Market::made_up(&assets, 1_000_000, 0)
    } else {
        let files: Vec<&Path> = arguments.recording.iter().map(PathBuf::as_path).collect();
        Market::recorded(&files)?
    };
    let mut options = match arguments.pause {
        Some(pause) => Options::new(arguments.venue, &market, Duration::from_millis(pause)),
        None => Options::new(arguments.venue, &market, Duration::ZERO).at_its_pace(arguments.speed),
    };
    options.after = arguments.after;
    let exchange = Exchange::start(
        options.with_faults(arguments.fault),
        SocketAddr::from(([127, 0, 0, 1], arguments.port)),
    )
    .await?;
    if let Some(path) = arguments.certificate {
        std::fs::write(&path, exchange.certificate()).with_context(|| path.display().to_string())?;
    }
    write_line(exchange.url())?;
    write_line(&exchange.list_url())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// An address, for whoever has started this.
fn write_line(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
