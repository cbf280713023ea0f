//! What TAB offers: tables after FROM, columns of the tables in the statement,
//! functions and keywords elsewhere.

use std::collections::BTreeSet;

const KEYWORDS: &[&str] = &[
    "ALL",
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FILTER",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "RECURSIVE",
    "RIGHT",
    "SELECT",
    "SHOW",
    "TABLES",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "UNION",
    "UNNEST",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
];

/// After these a table comes.
const BEFORE_TABLES: &[&str] = &["from", "join", "describe", "\\d", "\\d+"];

/// The words that TAB knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// Tables and their columns.
    pub(super) tables: Vec<(String, Vec<String>)>,
    /// Functions.
    pub(super) functions: Vec<String>,
}

impl Words {
    /// Where the word at `position` begins, and what it may become.
    pub(super) fn complete(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = &line[..position];
        let start = before
            .rfind(|c| !is_word(c))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let prefix = &before[start..];
        // Text between quotes is data.
        if before.matches('\'').count() % 2 == 1 {
            return (start, Vec::new());
        }
        let lead = before[..start].trim_end();
        let last = lead.rsplit(char::is_whitespace).next().unwrap_or("").to_lowercase();
        let candidates = if BEFORE_TABLES.contains(&last.as_str()) {
            self.table_names().collect()
        } else if let Some(qualifier) = before[..start].strip_suffix('.') {
            let table = qualifier.rsplit(|c| !is_word(c)).next().unwrap_or("");
            self.columns(|name| name == table)
        } else if prefix.is_empty() {
            // Everything is possible here, which is no help.
            BTreeSet::new()
        } else {
            self.anything(line, prefix)
        };
        let lower = prefix.to_lowercase();
        let fitting = candidates.into_iter().filter(|word| word.to_lowercase().starts_with(&lower));
        (start, fitting.collect())
    }

    fn anything(&self, line: &str, prefix: &str) -> BTreeSet<String> {
        let is_upper = prefix.starts_with(|c: char| c.is_uppercase());
        let keyword = |word: &&str| if is_upper { (*word).into() } else { word.to_lowercase() };
        let words: BTreeSet<&str> = line.split(|c| !is_word(c)).collect();
        let mut candidates = self.columns(|table| words.contains(table));
        candidates.extend(KEYWORDS.iter().map(keyword));
        candidates.extend(self.functions.iter().map(|name| format!("{name}(")));
        candidates.extend(self.table_names());
        candidates
    }

    fn table_names(&self) -> impl Iterator<Item = String> {
        self.tables.iter().map(|(name, _)| name.clone())
    }

    /// The columns of the tables that are meant; of all if none is.
    fn columns(&self, is_meant: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let any = self.tables.iter().any(|(name, _)| is_meant(name));
        let meant = self.tables.iter().filter(|(name, _)| !any || is_meant(name));
        meant.flat_map(|(_, columns)| columns.iter().cloned()).collect()
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
