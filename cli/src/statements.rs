//! Cuts a text into SQL statements at the semicolons that are not inside a string,
//! a quoted name or a comment.
//!
//! Nothing is understood or checked here: each statement goes through the engine's
//! guard by itself.

/// A text, cut.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split<'t> {
    /// The statements that a semicolon ends, without it.
    pub(crate) complete: Vec<&'t str>,
    /// What follows the last semicolon: blank, a comment, or an unfinished statement.
    pub(crate) rest: &'t str,
    /// Whether there is anything to run in `rest`.
    pub(crate) rest_is_blank: bool,
}

impl<'t> Split<'t> {
    /// Every statement, the last of which needs no semicolon.
    pub(crate) fn all(self) -> Vec<&'t str> {
        let mut all = self.complete;
        if !self.rest_is_blank {
            all.push(self.rest.trim());
        }
        all
    }
}

/// Cuts `text`. Statements without any word are left out.
pub(crate) fn split(text: &str) -> Split<'_> {
    let mut complete = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut blank = true;
    while at < text.len() {
        let rest = &text[at..];
        let piece = piece_length(rest);
        match piece {
            Piece::End => {
                if !blank {
                    complete.push(text[start..at].trim());
                }
                at += 1;
                start = at;
                blank = true;
            }
            Piece::Blank(length) => at += length,
            Piece::Word(length) => {
                at += length;
                blank = false;
            }
        }
    }
    Split { complete, rest: &text[start..], rest_is_blank: blank }
}

/// The next piece of a text, with its length in bytes.
enum Piece {
    /// A semicolon.
    End,
    /// White space or a comment.
    Blank(usize),
    /// Anything else.
    Word(usize),
}

fn piece_length(text: &str) -> Piece {
    let first = text.chars().next().unwrap_or(' ');
    match first {
        ';' => Piece::End,
        c if c.is_whitespace() => Piece::Blank(c.len_utf8()),
        '-' if text.starts_with("--") => Piece::Blank(text.find('\n').unwrap_or(text.len())),
        '/' if text.starts_with("/*") => Piece::Blank(comment_length(text)),
        // A doubled quote inside is two strings side by side, as far as cutting goes.
        quote @ ('\'' | '"' | '`') => {
            Piece::Word(text[1..].find(quote).map_or(text.len(), |end| end + 2))
        }
        '$' => Piece::Word(dollar_string_length(text)),
        c => Piece::Word(c.len_utf8()),
    }
}

/// Length of a `/* */` comment, which may hold others.
fn comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of `$tag$ ... $tag$`, or of the `$` of a parameter.
fn dollar_string_length(text: &str) -> usize {
    let Some(tag) = text[1..].find('$').map(|end| &text[..end + 2]) else { return 1 };
    let is_name = tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_number = tag[1..].starts_with(|c: char| c.is_ascii_digit());
    if !is_name || is_number {
        return 1;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |end| end + 2 * tag.len())
}

#[cfg(test)]
mod tests;
