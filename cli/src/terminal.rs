//! stdout and stderr: where they go, how wide they are, and what must not reach a terminal.

use std::borrow::Cow;
use std::fmt::{Arguments, Write as _};
use std::io::{self, BufWriter, IsTerminal, Write};

use terminal_size::{Width, terminal_size};

/// Whether stdout is read by a person.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether stderr is read by a person.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Columns of the terminal behind stdout, if it is one.
pub(crate) fn width() -> Option<usize> {
    if !stdout_is_terminal() {
        return None;
    }
    terminal_size().map(|(Width(columns), _)| usize::from(columns))
}

/// stdout for a result: buffered, and free of control characters if it is a terminal.
pub(crate) fn stdout() -> Box<dyn Write + Send> {
    let buffered = BufWriter::with_capacity(64 << 10, io::stdout());
    if stdout_is_terminal() { Box::new(Printable(buffered)) } else { Box::new(buffered) }
}

/// Prints a line to stdout.
pub(crate) fn say(line: Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", escape(&line.to_string()))?;
    out.flush()
}

/// Prints text of our own, which may have several lines, to stdout.
pub(crate) fn say_lines(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints a line to stderr. That nobody reads it is no reason to stop working.
pub(crate) fn note(line: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{}", escape(&line.to_string()));
}

/// The text with control characters made visible, which could move the cursor or hide text.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_control(c) => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Control characters, and the marks that turn the direction of writing around.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Replaces control bytes other than line feed and tab by `?` on their way out.
///
/// For formats that must keep their text as it is (csv, json, Markdown): only their
/// display on a terminal is made safe, a file or pipe gets every byte.
struct Printable<W>(W);

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let safe: String = text
            .chars()
            .map(|c| if is_control(c) && c != '\n' && c != '\t' { '?' } else { c })
            .collect();
        self.0.write_all(safe.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;
