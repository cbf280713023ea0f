//! The line editor: history, completion, and statements of several lines.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper, Highlighter, Hinter};

use super::completion::Words;
use super::{history, meta::Meta};
use crate::statements;

const HISTORY_LINES: usize = 10_000;

/// Reads statements from the terminal.
pub(super) struct LineEditor {
    editor: Editor<SqlHelper, DefaultHistory>,
    history: Option<PathBuf>,
}

impl LineEditor {
    pub(super) fn new(words: Words) -> rustyline::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY_LINES)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(SqlHelper { words }));
        let history = history::path();
        if let Some(path) = &history {
            // There is none at the first start, and an unreadable one is no reason to stop.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }

    /// The next statement or command.
    pub(super) fn read(&mut self, prompt: &str) -> Result<String, ReadlineError> {
        let text = self.editor.readline(prompt)?;
        if !text.trim().is_empty() && self.editor.add_history_entry(text.as_str())? {
            // Written at once, so that a killed shell remembers too.
            if let Some(path) = &self.history {
                let _ = self.editor.append_history(path);
            }
        }
        Ok(text)
    }
}

#[derive(Helper, Hinter, Highlighter)]
struct SqlHelper {
    words: Words,
}

impl Validator for SqlHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let is_complete = Meta::parse(text).is_some() || statements::split(text).rest_is_blank;
        Ok(if is_complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for SqlHelper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.words.complete(line, position))
    }
}
