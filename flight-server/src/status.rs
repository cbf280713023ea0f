//! What a client is told when something fails: a code it can act on and one clear line.

use std::error::Error as StdError;

use arrow_flight::sql::{Any, Command};
use engine::Error;
use tonic::{Code, Status};

/// Longer messages are cut: they travel in a header, which clients limit to a few KiB.
const MAX_CHARS: usize = 1_000;

/// The status for an engine failure. Paths and details of the server stay here.
pub(crate) fn of_engine(error: Error) -> Status {
    match error {
        Error::BadQuery(text) => invalid(in_words(&text)),
        Error::Refused { .. } | Error::QueryFailed(_) | Error::Attach { .. } => {
            invalid(error.to_string())
        }
        Error::ResourcesExhausted(_) => exhausted(error.to_string()),
        Error::Store(_) | Error::Log(_) => {
            Status::unavailable("the lake cannot be read at the moment; try again")
        }
        Error::Corrupt { .. } => {
            Status::data_loss("a stored object is corrupt; `spanlake check` names it")
        }
        Error::NewerFormat { .. } => Status::failed_precondition(one_line(&error.to_string())),
        _ => internal(),
    }
}

/// The caller's mistake.
pub(crate) fn invalid(message: impl Into<String>) -> Status {
    Status::invalid_argument(one_line(&message.into()))
}

/// More than one caller may take.
pub(crate) fn exhausted(message: impl Into<String>) -> Status {
    Status::resource_exhausted(one_line(&message.into()))
}

/// Our own mistake. The details are of no use to a client and might tell too much.
pub(crate) fn internal() -> Status {
    Status::internal(
        "internal error; please report it with the query (`spanlake sql` may say more about it)",
    )
}

/// Something that cannot fail, failed.
pub(crate) fn unexpected<E: StdError>(_: E) -> Status {
    internal()
}

/// A call that this server does not have.
pub(crate) fn unsupported(what: &str) -> Status {
    Status::unimplemented(one_line(&format!("{what} is not supported")))
}

/// A command that this server does not have, or that nobody has.
pub(crate) fn unsupported_command(command: Command) -> Status {
    match command {
        Command::Unknown(_) => invalid("this is no Flight SQL command"),
        known => {
            let name = known.type_url().rsplit('.').next().unwrap_or_default();
            unsupported(&format!("`{name}`"))
        }
    }
}

/// As [`unsupported_command`], for one that is packed.
pub(crate) fn unsupported_message(message: Any) -> Status {
    Command::try_from(message)
        .map_or_else(|_| invalid("this is no Flight SQL command"), unsupported_command)
}

/// Puts the errors of the Flight library, which show Rust values, into words.
///
/// The library decodes the outermost message itself, before any code of ours sees the request.
pub(crate) fn clean(status: Status) -> Status {
    let message = status.message();
    match status.code() {
        Code::InvalidArgument if message.starts_with("DecodeError") => {
            invalid("the command or ticket is not a protobuf `Any` message")
        }
        Code::Internal if message.starts_with("ParseError(") => {
            invalid("the command or ticket holds a malformed Flight SQL message")
        }
        _ => status,
    }
}

/// Without the Rust value that the SQL parser shows its message in.
fn in_words(text: &str) -> String {
    let inner = ["ParserError(\"", "TokenizerError(\""].iter().find_map(|open| {
        let (before, rest) = text.split_once(open)?;
        Some(format!("{before}{}", rest.strip_suffix("\")")?.replace("\\\"", "\"")))
    });
    inner.unwrap_or_else(|| text.to_string())
}

/// On one line, without control characters, and not too long.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((cut, _)) => format!("{} ...", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
