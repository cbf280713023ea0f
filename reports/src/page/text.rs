//! A page as text: in columns for a terminal, and as Markdown for a pull request or a chat.

use std::fmt::Write;

use super::{Page, Section, Table};
use crate::render::escape;

/// Rows of a table at most; JSON has them all.
const MOST_ROWS: usize = 30;

/// The answers, one in each line.
pub(super) fn answers(page: &Page) -> String {
    let mut text = String::new();
    for answer in &page.answers {
        let _ = writeln!(text, "{:<5}  {}", answer.level.word(), one_line(&answer.text));
    }
    text
}

/// The answers, and the tables in columns.
pub(super) fn columns(page: &Page) -> String {
    let mut text =
        format!("{}\n{}\n\n{}", one_line(&page.title), one_line(&page.scope), answers(page));
    for section in &page.sections {
        let _ = write!(text, "\n{}\n", one_line(&section.title));
        if let Some(about) = &section.text {
            let _ = writeln!(text, "{}", one_line(about));
        }
        if let Some(table) = &section.table {
            add_columns(table, &mut text);
        }
    }
    text
}

fn add_columns(table: &Table, text: &mut String) {
    if table.is_empty() {
        text.push_str("  nothing\n");
        return;
    }
    let head = table.columns.clone();
    let rows = table.cells.iter().take(MOST_ROWS).map(|row| {
        let shown = row.iter().zip(&table.columns).map(|(cell, name)| one_line(&cell.shown(name)));
        shown.collect::<Vec<String>>()
    });
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let is_text: Vec<bool> =
        (0..widths.len()).map(|at| table.cells.iter().any(|row| row[at].is_text())).collect();
    for line in &lines {
        let mut shown = String::new();
        for ((cell, width), is_text) in line.iter().zip(&widths).zip(&is_text) {
            let _ = match is_text {
                true => write!(shown, "  {cell:<width$}"),
                false => write!(shown, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", shown.trim_end());
    }
    if table.len() > MOST_ROWS {
        let _ = writeln!(text, "  {} more", table.len() - MOST_ROWS);
    }
}

/// The whole page as Markdown.
pub(super) fn document(page: &Page) -> String {
    let mut text = format!("# {}\n\n{}\n\n", one_line(&page.title), one_line(&page.scope));
    for answer in &page.answers {
        let _ = writeln!(text, "- **{}** {}", answer.level.word(), escape(&answer.text));
    }
    for section in &page.sections {
        add(section, &mut text);
    }
    text
}

fn add(section: &Section, text: &mut String) {
    let _ = write!(text, "\n## {}\n\n", escape(&section.title));
    if let Some(about) = &section.text {
        let _ = write!(text, "{}\n\n", escape(about));
    }
    if let Some(table) = &section.table {
        add_table(table, text);
    }
}

fn add_table(table: &Table, text: &mut String) {
    if table.is_empty() {
        text.push_str("Nothing.\n");
    } else {
        let _ = writeln!(text, "| {} |", table.columns.join(" | "));
        let kinds = table.columns.iter().enumerate().map(|(at, _)| {
            let is_text = table.cells.iter().any(|row| row[at].is_text());
            if is_text { "---" } else { "---:" }
        });
        let _ = writeln!(text, "| {} |", kinds.collect::<Vec<_>>().join(" | "));
        for row in table.cells.iter().take(MOST_ROWS) {
            let cells =
                row.iter().zip(&table.columns).map(|(cell, name)| escape(&cell.shown(name)));
            let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        if table.len() > MOST_ROWS {
            let _ = writeln!(text, "\n{} more.", table.len() - MOST_ROWS);
        }
    }
    let _ = write!(text, "\n```sql\n{}\n```\n", table.sql.trim());
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
