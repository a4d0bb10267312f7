//! The command `sql`: one query to standard output, or a prompt.
//!
//! It reads the tables that runs have stored and starts nothing else; a run that goes on at the same time is
//! seen up to its last flush. With `--connect` that run itself is asked, which knows what is live, too.

mod answerer;
mod complete;
mod meta;
mod prompt;

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use arrow::array::RecordBatch;
use silverbullet_query::{Error, Sql, format};
use silverbullet_store::Tables;
use tokio::runtime::Runtime;

use answerer::Answerer;

use crate::args::{ResultFormat, SqlArguments};
use crate::failure::usage;
use crate::output;
use crate::settings::Loaded;
use crate::store;

/// Longer than this is no query; what is read from standard input is bounded by it.
const MOST_BYTES: u64 = 1 << 20;

/// Answers one query, or asks for them.
pub(crate) fn run(arguments: &SqlArguments, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let settings = &loaded.settings;
    let runtime = runtime()?;
    let mut answerer = match &arguments.connect {
        Some(address) => {
            let authority = arguments.authority.as_ref().map(std::fs::read).transpose();
            let authority = authority.context("--authority: the file cannot be read")?;
            let token = &settings.server.token;
            runtime.block_on(Answerer::connect(address, token, authority.as_deref()))?
        }
        None => folder(loaded)?,
    };
    match query_of(arguments)? {
        Some(query) => print(&runtime, &mut answerer, &query, arguments.format).map(|()| ExitCode::SUCCESS),
        None => prompt::run(&runtime, &mut answerer, arguments.format),
    }
}

/// The tables of the data directory.
fn folder(loaded: &Loaded) -> anyhow::Result<Answerer> {
    let settings = &loaded.settings;
    let directory = settings.store.directory.clone();
    // Cassandra can be asked without any.
    if !directory.is_dir() && store::cassandra(&settings.store, settings.seed)?.is_none() {
        let directory = directory.display();
        return Err(anyhow!(
            "there are no results in {directory}; store some by `silverbullet run --data {directory}`, or name another folder by --data"
        ));
    }
    let sql = store::sql(settings, Tables::open(&directory), None, Vec::new())?;
    Ok(Answerer::Folder { sql: Box::new(sql), directory })
}

/// What a query is waited for on.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("the threads of the query cannot be started")
}

/// The query asked for; `None` where a person is to be asked.
fn query_of(arguments: &SqlArguments) -> anyhow::Result<Option<String>> {
    match arguments.query.as_deref() {
        Some("-") => read_query().map(Some),
        Some(query) => Ok(Some(query.to_owned())),
        None if std::io::stdin().is_terminal() && output::on_terminal() => Ok(None),
        None if std::io::stdin().is_terminal() => {
            Err(usage("give a query; there is no terminal to ask for one on"))
        }
        None => read_query().map(Some),
    }
}

fn read_query() -> anyhow::Result<String> {
    let mut query = String::new();
    std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut query).context("standard input")?;
    if query.trim().is_empty() {
        return Err(usage("standard input has no query"));
    }
    Ok(query)
}

fn print(
    runtime: &Runtime,
    answerer: &mut Answerer,
    query: &str,
    format: ResultFormat,
) -> anyhow::Result<()> {
    let (batches, cut_at) = runtime.block_on(answerer.answer(query))?;
    output::line(text_of(&batches, format).map_err(explain)?.trim_end())?;
    if let Some(rows) = cut_at {
        output::note(&cut(rows));
    }
    Ok(())
}

/// All rows of a query, and whether the limit left some out. There is always a batch, so that the columns of
/// an empty answer are known.
pub(crate) async fn answer(sql: &Sql, query: &str) -> Result<(Vec<RecordBatch>, bool), Error> {
    let mut answer = sql.query(query).await?;
    let mut batches = Vec::new();
    while let Some(batch) = answer.next().await {
        batches.push(batch?);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(answer.schema()));
    }
    Ok((batches, answer.truncated()))
}

/// Rows as a person wants them.
pub(crate) fn text_of(batches: &[RecordBatch], format: ResultFormat) -> Result<String, Error> {
    match format {
        ResultFormat::Table => format::table(batches),
        ResultFormat::Json => format::json(batches),
        ResultFormat::Csv => format::csv(batches),
    }
}

fn cut(rows: usize) -> String {
    format!("there are more rows than {rows}; add a limit, or raise sql.rows in the settings")
}

/// A query that makes no sense is wrong usage; anything else is a failure.
pub(crate) fn explain(error: Error) -> anyhow::Error {
    if error.kind().is_usage() { usage(error.to_string()) } else { error.into() }
}
