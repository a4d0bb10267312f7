//! How a failed command ends: one line on standard error and an exit code.

use std::io;
use std::process::ExitCode;

use silverbullet_feeds::FeedError;

/// The exit code after Ctrl-C and a clean end.
pub(crate) const INTERRUPTED: u8 = 130;
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

/// A mistake in what was asked, not in what happened: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// A usage error as `anyhow` carries it.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Usage(message.into()))
}

/// Says what went wrong in one line. A reader that closed our standard output is no failure.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let closed = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    if closed {
        return ExitCode::SUCCESS;
    }
    if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(FeedError::Stopped))) {
        crate::output::note(&message(error));
        return ExitCode::from(INTERRUPTED);
    }
    crate::output::note(&format!("error: {}", message(error)));
    let wrong_usage = error.chain().any(|cause| cause.is::<Usage>());
    ExitCode::from(if wrong_usage { WRONG_USAGE } else { FAILED })
}

/// What went wrong and why, without what a cause only repeats.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = one_line(&cause.to_string());
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    without_echo(&text)
}

/// `bounds: bounds: the rest` to `bounds: the rest`, for any run of parts that stands there twice in a row.
fn without_echo(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split(": ") {
        parts.push(part);
        let count = parts.len();
        if let Some(run) =
            (1..=count / 2).find(|run| parts[count - run..] == parts[count - 2 * run..count - run])
        {
            parts.truncate(count - run);
        }
    }
    parts.join(": ")
}

/// Folds line breaks, so that a message is one line whatever a library wrote.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_only_repeat_are_left_out() {
        let full = || io::Error::from_raw_os_error(28);
        let error = anyhow::Error::new(silverbullet_engine::Error::Output(full())).context("rows.jsonl");
        assert_eq!(message(&error), "rows.jsonl: cannot write rows: No space left on device (os error 28)");
        let error = anyhow::Error::new(full()).context("rows.jsonl");
        assert_eq!(message(&error), "rows.jsonl: No space left on device (os error 28)");
        assert_eq!(without_echo("a: bounds: bounds: b"), "a: bounds: b");
        assert_eq!(without_echo("vic.csv: changed: vic.csv: changed"), "vic.csv: changed");
    }

    #[test]
    fn a_message_of_several_lines_becomes_one() {
        assert_eq!(one_line("first\n\n  second\n"), "first; second");
    }
}
