//! Text from the data inside Markdown.

/// Running text or a table cell: nothing in it is markup, and it stays on one line.
pub(crate) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '~' | '#' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // A mention or a bare link would notify somebody or invite a click.
            '@' => escaped.push_str("&#64;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped.replace("://", ":&#47;&#47;")
}

/// Text as it is, in a fixed-width font; also inside a table.
pub(super) fn code(content: &str) -> String {
    let content: String = content.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let fence = "`".repeat(longest_run(&content) + 1);
    // A pipe would end the cell, and an escaped one would show its backslash elsewhere.
    let content = content.replace('|', "\u{2502}");
    match content.starts_with('`') || content.ends_with('`') {
        true => format!("{fence} {content} {fence}"),
        false => format!("{fence}{content}{fence}"),
    }
}

/// A block of SQL.
pub(super) fn block(sql: &str) -> String {
    let fence = "`".repeat((longest_run(sql) + 1).max(3));
    format!("{fence}sql\n{sql}\n{fence}")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
