//! The `\` commands, in the words of psql.

/// What `\?` prints.
pub(super) const HELP: &str = "\
Queries end with ; and may span lines. TAB completes, Ctrl-C cancels, Ctrl-D leaves.
  \\d                tables and views
  \\d NAME           columns of a table
  \\dt, \\dv          only tables, only views
  \\df [TEXT]        functions whose name contains TEXT
  \\x [on|off|auto]  one column per line
  \\all [on|off]     show all rows, not only the first 1,000
  \\timing [on|off]  show how long queries take
  \\q                leave";

/// A parsed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meta {
    /// `\q`
    Quit,
    /// `\?`
    Help,
    /// `\d`, `\dt`, `\dv`
    Tables(TableKind),
    /// `\d NAME`
    Columns(String),
    /// `\df [TEXT]`
    Functions(String),
    /// `\timing`; `None` turns it over.
    Timing(Option<bool>),
    /// `\x`; `None` turns it over.
    Expanded(Option<Switch>),
    /// `\all`; `None` turns it over.
    AllRows(Option<bool>),
}

/// Which tables to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    /// Tables and views.
    Any,
    /// Tables only.
    Table,
    /// Views only.
    View,
}

/// A setting with a third value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    /// Always.
    On,
    /// Never.
    Off,
    /// As it fits.
    Auto,
}

impl Meta {
    /// Reads a command; `None` if the text is SQL.
    pub(super) fn parse(text: &str) -> Option<Result<Self, String>> {
        let text = text.trim();
        let bare = text.trim_end_matches(';').trim_end();
        if ["quit", "exit"].iter().any(|word| bare.eq_ignore_ascii_case(word)) {
            return Some(Ok(Meta::Quit));
        }
        if bare.eq_ignore_ascii_case("help") {
            return Some(Ok(Meta::Help));
        }
        let command = bare.strip_prefix('\\')?;
        let (name, argument) = match command.split_once(char::is_whitespace) {
            Some((name, argument)) => (name, argument.trim()),
            None => (command, ""),
        };
        Some(Self::of(name, argument))
    }

    fn of(name: &str, argument: &str) -> Result<Self, String> {
        let wrong = || format!("\\{name} {argument}: write on or off");
        let on_off = || match argument {
            "" => Ok(None),
            "on" => Ok(Some(true)),
            "off" => Ok(Some(false)),
            _ => Err(wrong()),
        };
        match name {
            "q" | "quit" => Ok(Meta::Quit),
            "?" | "h" | "help" => Ok(Meta::Help),
            "d" | "d+" if !argument.is_empty() => Ok(Meta::Columns(argument.to_owned())),
            "d" | "d+" => Ok(Meta::Tables(TableKind::Any)),
            "dt" => Ok(Meta::Tables(TableKind::Table)),
            "dv" => Ok(Meta::Tables(TableKind::View)),
            "df" => Ok(Meta::Functions(argument.to_lowercase())),
            "timing" => on_off().map(Meta::Timing),
            "all" => on_off().map(Meta::AllRows),
            "x" => match argument {
                "auto" => Ok(Meta::Expanded(Some(Switch::Auto))),
                "on" => Ok(Meta::Expanded(Some(Switch::On))),
                "off" => Ok(Meta::Expanded(Some(Switch::Off))),
                "" => Ok(Meta::Expanded(None)),
                _ => Err(format!("{}, or auto", wrong())),
            },
            _ => Err(format!("there is no command \\{name}; \\? lists them")),
        }
    }
}

#[cfg(test)]
mod tests;
