//! One column per line: for rows that are too wide to stand side by side.

use unicode_width::UnicodeWidthStr;

use super::Row;

/// Appends one row: a line with its number, then a line per column.
pub(super) fn push_row(titles: &Row, row: &Row, number: u64, text: &mut String) {
    let width = titles.iter().map(super::Value::width).max().unwrap_or(0);
    let head = format!("-[ {number} ]");
    text.push_str(&head);
    text.push_str(&"-".repeat((width + 1).saturating_sub(head.len())));
    text.push_str("+---\n");
    for (title, value) in titles.iter().zip(row) {
        let title = title.0.join(" ");
        for (line, content) in value.0.iter().enumerate() {
            let title = if line == 0 { title.as_str() } else { "" };
            let padding = " ".repeat(width.saturating_sub(title.width()));
            text.push_str(format!("{title}{padding} | {content}").trim_end());
            text.push('\n');
        }
    }
}
