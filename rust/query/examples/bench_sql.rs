//! How long SQL takes on ten million stored rows: the newest portfolio, and an aggregate over all of them.
//!
//! `bench_sql DIRECTORY [--repeat N] [--prepare]` writes the rows into the directory once, two universes with
//! three variants each, in files as compaction leaves them, and prints one JSON object with medians in
//! milliseconds. `--serve` answers each line of the input with the time its query took, for measuring in turns.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program prints")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::error::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use deltalake::kernel::Transaction;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTableBuilder, ensure_table_uri};
use silverbullet_query::{Limits, Sql};
use silverbullet_store::delta::writer_properties;
use silverbullet_store::schema::WeightsBuilder;
use silverbullet_store::{Table, Tables};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROWS: i64 = 10_000_000;
const ROWS_OF_A_FILE: i64 = 500_000;
const OBJECTIVES: [(&str, &str); 4] = [
    ("max-sharpe", "exact"),
    ("min-variance", "exact"),
    ("max-sharpe", "monte-carlo"),
    ("min-variance", "monte-carlo"),
];
const VARIANTS: [(&str, &str); 6] = [
    ("crypto", "0a1b2c3d4e5f"),
    ("crypto", "1a1b2c3d4e5f"),
    ("crypto", "2a1b2c3d4e5f"),
    ("majors", "3a1b2c3d4e5f"),
    ("majors", "4a1b2c3d4e5f"),
    ("majors", "5a1b2c3d4e5f"),
];
const ASSETS: [&str; 4] = ["BTC", "ETH", "SOL", "XRP"];
const QUERIES: [(&str, &str); 3] = [
    ("newest_by_order", "select * from portfolios order by bar desc limit 1"),
    ("newest_by_max", "select * from portfolios where bar = (select max(bar) from portfolios)"),
    ("aggregate", "select objective, method, count(*), avg(gap) from history.portfolios group by 1, 2"),
];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let directory = arguments.first().map(PathBuf::from).ok_or("give a directory")?;
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build()?;
    runtime.block_on(prepare(&directory))?;
    if arguments.iter().any(|argument| argument == "--prepare") {
        return Ok(());
    }
    let sql = Sql::new(Tables::open(&directory), None, Vec::new(), Limits::default())?;
    if arguments.iter().any(|argument| argument == "--serve") {
        return serve(&runtime, &sql);
    }
    let repeat = after("--repeat").map_or(Ok(51), |text| text.parse())?;
    let mut report = serde_json::Map::new();
    for (name, query) in QUERIES {
        let mut times = Vec::new();
        for _ in 0..=repeat {
            times.push(runtime.block_on(timed(&sql, query))?);
        }
        // The first one reads the log and the footers.
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        let measured = serde_json::json!({ "first_ms": first, "p50_ms": at(50), "p99_ms": at(99) });
        report.insert(name.to_owned(), measured);
    }
    println!("{}", serde_json::Value::Object(report));
    Ok(())
}

/// Answers each line's query with its time in milliseconds, so that a peer can be measured in turns with it.
fn serve(runtime: &tokio::runtime::Runtime, sql: &Sql) -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        println!("{}", runtime.block_on(timed(sql, &line?))?);
    }
    Ok(())
}

async fn timed(sql: &Sql, query: &str) -> Outcome<f64> {
    let start = Instant::now();
    let rows: usize = sql.collect(query).await?.iter().map(RecordBatch::num_rows).sum();
    let elapsed = start.elapsed().as_secs_f64() * 1e3;
    if rows == 0 { Err("no rows".into()) } else { Ok(elapsed) }
}

async fn prepare(directory: &Path) -> Outcome<()> {
    let done = directory.join("complete");
    if done.exists() {
        return Ok(());
    }
    let path = directory.join("tables").join(Table::Portfolios.name());
    std::fs::create_dir_all(&path)?;
    let location = ensure_table_uri(path.to_string_lossy())?;
    let mut table = DeltaTableBuilder::from_url(location)?.build()?;
    let properties = writer_properties();
    let bars_of_a_file = ROWS_OF_A_FILE / i64::try_from(OBJECTIVES.len())?;
    let files = ROWS / ROWS_OF_A_FILE;
    for file in 0..files {
        let position = usize::try_from(file)? % VARIANTS.len();
        let (universe, variant) = VARIANTS[position];
        let first = 1_700_000_000 + file / i64::try_from(VARIANTS.len())? * bars_of_a_file;
        let batch = rows(universe, variant, first..first + bars_of_a_file)?;
        let application = Transaction::new(format!("{universe}/{variant}"), first + bars_of_a_file - 1);
        table = table
            .write([batch])
            .with_save_mode(SaveMode::Append)
            .with_partition_columns(Table::Portfolios.partitions().to_vec())
            .with_writer_properties(properties.clone())
            .with_commit_properties(CommitProperties::default().with_application_transaction(application))
            .await?;
        eprintln!("{} of {ROWS} rows written", (file + 1) * ROWS_OF_A_FILE);
    }
    std::fs::write(done, "")?;
    Ok(())
}

fn rows(universe: &str, variant: &str, bars: std::ops::Range<i64>) -> Outcome<RecordBatch> {
    let mut weights = WeightsBuilder::default();
    let keys: Vec<(i64, (&str, &str))> =
        bars.flat_map(|bar| OBJECTIVES.iter().map(move |objective| (bar, *objective))).collect();
    for (bar, _) in &keys {
        let share = |(position, asset)| (asset, noise(*bar, position) / 2.0);
        weights.push(ASSETS.iter().enumerate().map(share))?;
    }
    let constant = |text: &str| Arc::new(StringArray::from(vec![text; keys.len()])) as ArrayRef;
    let text = |part: fn(&(i64, (&'static str, &'static str))) -> &'static str| {
        Arc::new(keys.iter().map(|key| Some(part(key))).collect::<StringArray>()) as ArrayRef
    };
    let number = |scale: f64, salt: usize| {
        Arc::new(keys.iter().map(|(bar, _)| Some(scale * noise(*bar, salt))).collect::<Float64Array>())
            as ArrayRef
    };
    let times: TimestampMicrosecondArray = keys.iter().map(|(bar, _)| Some(bar * 1_000_000)).collect();
    let columns: Vec<ArrayRef> = vec![
        constant(universe),
        constant(variant),
        Arc::new(keys.iter().map(|(bar, _)| Some(*bar)).collect::<Int64Array>()),
        text(|(_, (objective, _))| objective),
        text(|(_, (_, method))| method),
        Arc::new(times.with_timezone("UTC")),
        constant("bench"),
        number(1e-5, 11),
        number(1e-3, 12),
        number(1e-2, 13),
        number(1e-9, 14),
        number(0.1, 15),
        constant("ok"),
        weights.finish(),
    ];
    Ok(RecordBatch::try_new(Table::Portfolios.schema(), columns)?)
}

/// Numbers in [0, 1) that compress as badly as real ones.
fn noise(bar: i64, salt: usize) -> f64 {
    let mut bits = bar.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (salt as u64).rotate_left(32);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits ^= bits >> 27;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let unit = (bits >> 11) as f64 / (1_u64 << 53) as f64;
    unit
}
