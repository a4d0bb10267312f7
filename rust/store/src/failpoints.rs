//! Places where tests make the store fail or die. Without the feature `failpoints` they are nothing.

/// A fail point: does what a test has set for `$name`, where `return` fails the call with [`Error::FailPoint`],
/// `return(full)` with what a full disk gives, and `return(kill)` ends the process by SIGKILL at once.
///
/// [`Error::FailPoint`]: crate::Error::FailPoint
macro_rules! point {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        {
            fail::fail_point!($name, |argument: Option<String>| {
                Err($crate::failpoints::failure($name, argument.as_deref()))
            });
        }
    };
}
pub(crate) use point;

/// Every fail point, in the order in which a flush comes by them.
pub const POINTS: [&str; 24] = [
    "spool-before-write",
    "spool-after-write",
    "portfolios-before-commit",
    "portfolios-after-commit",
    "frontiers-before-commit",
    "frontiers-after-commit",
    "assets-before-commit",
    "assets-after-commit",
    "bars-before-commit",
    "bars-after-commit",
    "events-before-commit",
    "events-after-commit",
    "latency-before-commit",
    "latency-after-commit",
    "runs-before-commit",
    "runs-after-commit",
    "checkpoint-before-write",
    "checkpoint-after-write",
    "spool-before-delete",
    "spool-after-delete",
    "compaction-before-commit",
    "compaction-after-commit",
    "retention-before-commit",
    "retention-after-commit",
];

/// Fail point that, when set to `return`, lets tables take rows that they have already: what happens without the
/// application transaction.
pub const KEEP_STORED_ROWS: &str = "tables-keep-stored-rows";

/// Reads `FAILPOINTS` from the environment and sets what it says until the result is dropped.
#[cfg(feature = "failpoints")]
#[must_use]
pub fn from_environment() -> fail::FailScenario<'static> {
    fail::FailScenario::setup()
}

#[cfg(feature = "failpoints")]
pub(crate) fn failure(name: &'static str, argument: Option<&str>) -> crate::Error {
    /// No space left on device.
    const ENOSPC: i32 = 28;
    match argument {
        Some("full") => {
            let path = std::path::Path::new(name);
            crate::Error::io("cannot write", path, std::io::Error::from_raw_os_error(ENOSPC))
        }
        Some("kill") => kill(),
        _ => crate::Error::FailPoint(name),
    }
}

/// Ends this process as `kill -9` does: nothing of it runs any more.
#[cfg(feature = "failpoints")]
fn kill() -> ! {
    let me = std::process::id().to_string();
    loop {
        // The signal comes while this waits for the program that sends it.
        let _ = std::process::Command::new("kill").args(["-KILL", &me]).status();
    }
}

/// Nothing: there are no fail points in this build.
#[cfg(not(feature = "failpoints"))]
#[derive(Debug)]
pub struct NoScenario;

/// Nothing: there are no fail points in this build.
#[cfg(not(feature = "failpoints"))]
#[must_use]
pub const fn from_environment() -> NoScenario {
    NoScenario
}

/// Whether tables take rows that they have already; only a test can make it so.
#[cfg(feature = "delta")]
pub(crate) fn keeps_stored_rows() -> bool {
    #[cfg(feature = "failpoints")]
    return fail::eval(KEEP_STORED_ROWS, |_| ()).is_some();
    #[cfg(not(feature = "failpoints"))]
    false
}

/// The fail point whose name is made of a table's and `$suffix`.
#[cfg(all(feature = "failpoints", feature = "delta"))]
pub(crate) fn of_table(table: crate::Table, before: bool) -> crate::Result<()> {
    let suffix = if before { "before-commit" } else { "after-commit" };
    let name = format!("{}-{suffix}", table.name());
    match fail::eval(&name, |argument| argument) {
        Some(argument) => {
            let known = POINTS.into_iter().find(|known| *known == name).unwrap_or("a table's commit");
            Err(failure(known, argument.as_deref()))
        }
        None => Ok(()),
    }
}

/// Nothing.
#[cfg(all(not(feature = "failpoints"), feature = "delta"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as with fail points")]
pub(crate) const fn of_table(_: crate::Table, _: bool) -> crate::Result<()> {
    Ok(())
}
