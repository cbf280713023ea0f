//! Failures: one line that says what to do, and an exit code that says whose fault it was.

mod wording;

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::terminal::escape;

/// The work failed.
const FAILED: u8 = 1;
/// The command, the query or the lake is wrong.
const WRONG_USAGE: u8 = 2;
/// Stopped by Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

/// The command cannot work as it was typed.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

/// The user pressed Ctrl-C.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// The work failed, and what there is to say was said while it ran.
#[derive(Debug)]
pub(crate) struct Reported;

/// What was watched is not well. What there is to say was said.
#[derive(Debug)]
pub(crate) struct Alert;

/// Something could not be watched: to a cron job that is not the same as an alert.
#[derive(Debug)]
pub(crate) struct NotWatched;

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is an alert, see above")
    }
}

impl fmt::Display for NotWatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not watched")
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some of the work failed, see above")
    }
}

impl StdError for Usage {}
impl StdError for Interrupted {}
impl StdError for Reported {}
impl StdError for Alert {}
impl StdError for NotWatched {}

/// Fails because of what was typed.
pub(crate) fn usage<T>(what: impl Into<String>) -> anyhow::Result<T> {
    Err(Usage(what.into()).into())
}

/// Prints the failure, unless there is nobody to read it, and gives the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    if !error.is::<Reported>() && !error.is::<Alert>() {
        // stderr may be closed too; the exit code still tells.
        let _ = writeln!(io::stderr(), "error: {}", message(error));
    }
    ExitCode::from(code(error))
}

/// The causes on one line, each said once, control characters made visible.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = wording::plain(&cause.to_string());
        // Some libraries put the cause into their own text as well.
        if line.contains(text.trim()) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    escape(&line).into_owned()
}

fn code(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<Interrupted>()) {
        return INTERRUPTED;
    }
    if error.is::<NotWatched>() || error.chain().any(is_callers_fault) {
        WRONG_USAGE
    } else {
        FAILED
    }
}

fn is_callers_fault(cause: &(dyn StdError + 'static)) -> bool {
    cause.is::<Usage>()
        || cause.downcast_ref::<engine::Error>().is_some_and(engine::Error::is_caller_fault)
        || cause.downcast_ref::<reports::Error>().is_some_and(is_wrong_range)
        || cause.downcast_ref::<datasets::Error>().is_some_and(is_wrong_data_set)
}

/// A range without data is not wrong: data may come.
fn is_wrong_range(error: &reports::Error) -> bool {
    error.is_caller_fault() && !matches!(error, reports::Error::NoData { .. })
}

fn is_wrong_data_set(error: &datasets::Error) -> bool {
    use datasets::Error::{InvalidSettings, UnknownFormat};
    matches!(error, InvalidSettings { .. } | UnknownFormat { .. })
}

/// Whether the reader of our output went away, as `head` does: that is no failure of ours.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests;
