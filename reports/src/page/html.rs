//! A page as HTML.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Page, Section, Table};
use crate::render::STYLE;

/// Rows of a table at most; the rest is counted. JSON and SQL have them all.
const MOST_ROWS: usize = 50;

/// The whole page.
pub(super) fn page(page: &Page) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="Spanlake";
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (page.title) }
                    p.range { (page.scope) }
                }
                main {
                    section #answers aria-label="Answers" {
                        ul.levels {
                            @for answer in &page.answers {
                                li {
                                    span.level.(answer.level.word().to_lowercase()) { (answer.level.word()) }
                                    span { (answer.text) }
                                }
                            }
                        }
                    }
                    @for (number, section) in (1..).zip(&page.sections) { (part(section, number)) }
                }
            }
        }
    }
    .into_string()
}

fn part(section: &Section, number: usize) -> Markup {
    html! {
        section aria-labelledby={ "s" (number) } {
            h2 #{ "s" (number) } { (section.title) }
            @if let Some(text) = &section.text { p { (text) } }
            @if let Some(figure) = &section.figure {
                div.scroll tabindex="0" { (PreEscaped(figure)) }
            }
            @if let Some(table) = &section.table { (rows(table, &section.title)) }
        }
    }
}

fn rows(table: &Table, title: &str) -> Markup {
    let is_text: Vec<bool> = (0..table.columns.len())
        .map(|at| table.cells.iter().any(|row| row[at].is_text()))
        .collect();
    html! {
        @if table.is_empty() {
            p.muted { "Nothing." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr {
                        @for (name, is_text) in table.columns.iter().zip(&is_text) {
                            th scope="col" class=[is_text.then_some("text")] { (heading(name)) }
                        }
                    } }
                    tbody {
                        @for row in table.cells.iter().take(MOST_ROWS) {
                            tr {
                                @for ((cell, name), is_text) in row.iter().zip(&table.columns).zip(&is_text) {
                                    td class=[is_text.then_some("text")] { (cell.shown(name)) }
                                }
                            }
                        }
                    }
                }
            }
            @if table.len() > MOST_ROWS {
                p.muted { (table.len() - MOST_ROWS) " more rows." }
            }
        }
        details.sql {
            summary { "SQL" }
            pre tabindex="0" { code { (table.sql.trim()) } }
        }
    }
}

/// The name of a column in words; the values say their unit.
fn heading(name: &str) -> String {
    let name = name.strip_suffix("_ns").or_else(|| name.strip_suffix("_minutes")).unwrap_or(name);
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}
