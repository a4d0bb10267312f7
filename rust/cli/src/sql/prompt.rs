//! The prompt: history, completion, several lines, and Ctrl-C for what takes too long.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use tokio::runtime::Runtime;

use super::answerer::Answerer;
use super::complete::Assistant;
use super::meta::{self, Asked};
use super::{cut, text_of};
use crate::args::ResultFormat;
use crate::output;

/// Queries remembered.
const REMEMBERED: usize = 1_000;

/// Asks for queries until the person has enough.
pub(super) fn run(
    runtime: &Runtime,
    answerer: &mut Answerer,
    mut format: ResultFormat,
) -> anyhow::Result<ExitCode> {
    let mut editor = editor()?;
    let history = history_file();
    if let Some(file) = &history {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    output::note(&format!("results in {}; \\? helps, \\q ends", answerer.place()));
    loop {
        let line = match editor.readline("sql> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("the terminal"),
        };
        if line.trim().is_empty() {
            continue;
        }
        // A history that cannot be kept is no reason to refuse a query.
        let _ = editor.add_history_entry(line.trim());
        match meta::asked(&line) {
            Some(Asked::End) => break,
            Some(Asked::Text(text)) => output::line(&text)?,
            Some(Asked::Format(wanted)) => format = wanted,
            None => show(runtime, answerer, &line, format)?,
        }
    }
    if let Some(file) = &history {
        let kept = editor.save_history(file);
        if let Err(error) = kept {
            output::note(&format!("the history cannot be kept in {}: {error}", file.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn editor() -> anyhow::Result<Editor<Assistant, FileHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .history_ignore_space(true)
        .max_history_size(REMEMBERED)
        .and_then(|config| config.history_ignore_dups(true))
        .context("the prompt")?
        .build();
    let mut editor = Editor::with_config(config).context("the prompt")?;
    editor.set_helper(Some(Assistant::new()));
    Ok(editor)
}

/// Prints the answer or what was wrong; Ctrl-C ends the query and not the prompt.
fn show(runtime: &Runtime, answerer: &mut Answerer, query: &str, format: ResultFormat) -> anyhow::Result<()> {
    let answered = runtime.block_on(async {
        tokio::select! {
            answered = answerer.answer(query) => Some(answered),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    match answered {
        None => output::note("stopped"),
        Some(Err(error)) => output::note(&format!("error: {error}")),
        Some(Ok((batches, cut_at))) => {
            match text_of(&batches, format) {
                Ok(text) => output::line(text.trim_end())?,
                Err(error) => output::note(&format!("error: {error}")),
            }
            let rows: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
            output::note(&crate::format::counted(rows as u64, "row"));
            if let Some(rows) = cut_at {
                output::note(&cut(rows));
            }
        }
    }
    Ok(())
}

/// `silverbullet/sql_history` in the folder for state of the person who asks, made where it is not there.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let folder = state.join("silverbullet");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql_history"))
}
