//! How a failed command ends: one line on standard error and an exit code.

use std::io;
use std::process::ExitCode;

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
    crate::output::note(&format!("error: {}", one_line(&format!("{error:#}"))));
    let wrong_usage = error.chain().any(|cause| cause.is::<Usage>());
    ExitCode::from(if wrong_usage { WRONG_USAGE } else { FAILED })
}

/// Folds line breaks, so that a message is one line whatever a library wrote.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_several_lines_becomes_one() {
        assert_eq!(one_line("first\n\n  second\n"), "first; second");
    }
}
