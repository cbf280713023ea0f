//! `?` placeholders, as JDBC and Python write them.
//!
//! The engine knows `$1`, `$2`, ... and `$name`. A bare `?` is numbered in the order of
//! the text, where it stands for a value and not within a string, a name or a comment.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use tonic::Status;

use crate::status;

/// The SQL with every `?` replaced by `$1`, `$2`, ...
///
/// A text that does not tokenize, or is longer than `max_bytes`, comes back as it is: the
/// engine refuses it with a better message.
pub(crate) fn number(sql: String, max_bytes: usize) -> Result<String, Status> {
    if !sql.contains('?') || sql.len() > max_bytes {
        return Ok(sql);
    }
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, &sql).tokenize_with_location() else {
        return Ok(sql);
    };
    let mut marks = Vec::new();
    let mut has_other = false;
    for token in tokens {
        match token.token {
            Token::Placeholder(name) if name == "?" => marks.push(token.span.start),
            Token::Placeholder(_) => has_other = true,
            _ => {}
        }
    }
    if !marks.is_empty() && has_other {
        return Err(status::invalid("use either `?` or `$1` for parameters, not both"));
    }
    Ok(replace(&sql, &marks))
}

/// Replaces the character at each of `marks`, which are in the order of the text.
fn replace(sql: &str, marks: &[Location]) -> String {
    let mut numbered = String::with_capacity(sql.len() + marks.len() * 2);
    let mut next = marks.iter().zip(1..).peekable();
    let (mut line, mut column) = (1, 1);
    for c in sql.chars() {
        match next.next_if(|(mark, _)| (mark.line, mark.column) == (line, column)) {
            Some((_, number)) => numbered.push_str(&format!("${number}")),
            None => numbered.push(c),
        }
        if c == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    numbered
}

#[cfg(test)]
mod tests;
