//! A report as text: HTML, Markdown, JSON, and a few lines for a terminal.
//!
//! Rendering is a function of the model alone. Names come from the data and may be
//! anything: every format escapes them.

mod glossary;
mod html;
mod markdown;
mod sentences;
mod since;

pub(crate) use html::STYLE;
pub(crate) use markdown::escape::text as escape;

use crate::tuesday::model::TuesdayReport;

/// The report as one HTML page that needs nothing else: no script, no font, no other file.
pub fn html(report: &TuesdayReport) -> String {
    html::page(report)
}

/// The report as Markdown with tables, for a pull request or a chat.
pub fn markdown(report: &TuesdayReport) -> String {
    markdown::document(report)
}

/// The report as JSON: the contract that [`crate::model`] documents. Ends with a line break.
///
/// # Errors
///
/// None in practice: every value of the model has a JSON form.
pub fn json(report: &TuesdayReport) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// What the report says in a few lines of plain text: one sentence per root operation.
pub fn headline(report: &TuesdayReport) -> String {
    let mut lines = vec![sentences::title(report), sentences::scope(report)];
    for (place, review) in report.reviews.iter().enumerate() {
        lines.push(format!("{}. {}", place + 1, sentences::verdict(review)));
    }
    lines.push(String::new());
    // A name with a line break must not look like another line, nor steer the terminal.
    let plain = |line: String| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    lines.into_iter().map(plain).collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests;
