//! What the file of a table function says about it.

use std::str::FromStr;

use datafusion::logical_expr::{DocSection, Documentation};

/// A table function.
#[derive(Debug, Clone)]
pub struct TableFunction {
    /// Its name.
    pub name: &'static str,
    /// What it answers, in sentences.
    pub description: String,
    /// In the order of positional arguments.
    pub parameters: Vec<Parameter>,
    /// A statement that calls it.
    pub example: String,
    /// The query, with `$name` for each parameter.
    pub sql: &'static str,
}

/// A parameter of a table function.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What can be given.
    pub kind: ParameterKind,
    /// The only texts that can be, if not all can.
    pub choices: Vec<String>,
    /// The least and the greatest number that can be, if not all can.
    pub range: Option<(f64, f64)>,
    /// SQL that counts if nothing is given; `None` if something must be.
    pub default: Option<String>,
    /// What it means.
    pub meaning: String,
}

/// What can be given for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A moment; text is taken as one.
    Timestamp,
    /// A length of time.
    Interval,
    /// A whole number.
    Bigint,
    /// A number.
    Double,
    /// Text.
    Text,
    /// Yes or no.
    Boolean,
    /// A condition on the rows of a table, as text.
    Predicate,
    /// The name of a service level objective that the engine knows.
    Slo,
    /// The name of a time zone.
    Zone,
}

impl FromStr for ParameterKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "TIMESTAMP" => Self::Timestamp,
            "INTERVAL" => Self::Interval,
            "BIGINT" => Self::Bigint,
            "DOUBLE" => Self::Double,
            "TEXT" => Self::Text,
            "BOOLEAN" => Self::Boolean,
            "PREDICATE" => Self::Predicate,
            "SLO" => Self::Slo,
            "ZONE" => Self::Zone,
            other => return Err(format!("{other} is no type of a parameter")),
        })
    }
}

impl ParameterKind {
    /// As it is written in a declaration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "TIMESTAMP",
            Self::Interval => "INTERVAL",
            Self::Bigint => "BIGINT",
            Self::Double => "DOUBLE",
            Self::Text => "TEXT",
            Self::Boolean => "BOOLEAN",
            Self::Predicate => "PREDICATE",
            Self::Slo => "SLO",
            Self::Zone => "ZONE",
        }
    }
}

/// The parameters that come with `since`.
fn bounds() -> [Parameter; 2] {
    let bound = |name: &str, default: &str, meaning: &str| Parameter {
        name: name.into(),
        kind: ParameterKind::Timestamp,
        choices: Vec::new(),
        range: None,
        default: Some(default.into()),
        meaning: meaning.into(),
    };
    [
        bound("from", "$to - $since", "Where to begin."),
        bound("to", "now()", "Where to end: times before it count."),
    ]
}

impl TableFunction {
    /// Reads a file.
    pub(super) fn read(name: &'static str, text: &'static str) -> Result<Self, String> {
        let header = text.lines().take_while(|line| line.starts_with("--"));
        let length: usize = header.clone().map(|line| line.len() + 1).sum();
        let sql = text.get(length..).ok_or("it has no query")?.trim();
        let lines: Vec<&str> =
            header.map(|line| line.trim_start_matches("--").trim_start()).collect();
        let mut paragraphs = lines.split(|line| line.is_empty());
        let description = paragraphs.next().unwrap_or_default().join(" ");
        let mut declared = paragraphs.next().ok_or("it has no example")?;
        let mut example = paragraphs.next().unwrap_or_default().join(" ");
        if example.is_empty() {
            // Some take no arguments.
            (declared, example) = (&[], declared.join(" "));
        }
        let example = example.strip_prefix("example: ").ok_or("it has no example")?;
        let mut parameters = Vec::new();
        for line in joined(declared) {
            let parameter = Parameter::read(&line)?;
            if parameter.name == "since" {
                parameters.extend(bounds());
            }
            parameters.push(parameter);
        }
        Ok(Self { name, description, parameters, example: example.into(), sql })
    }

    /// What it says about itself, in the form in which all functions do.
    pub fn documentation(&self) -> Documentation {
        let section = DocSection { label: "Table Functions", ..DocSection::default() };
        let example = format!("```sql\n> {};\n```", self.example);
        let mut documentation = Documentation::builder(section, &self.description, self.syntax())
            .with_sql_example(example);
        for Parameter { name, kind, range, default, meaning, .. } in &self.parameters {
            let default = match default {
                Some(default) => format!(", by default `{default}`"),
                None => String::new(),
            };
            let range =
                range.map_or(String::new(), |(least, most)| format!(" from {least} to {most}"));
            let meaning = format!("{meaning} {}{range}{default}.", kind.name());
            documentation = documentation.with_argument(name, meaning);
        }
        documentation.build()
    }

    /// How it is called.
    pub fn syntax(&self) -> String {
        let parameters = self.parameters.iter().map(|parameter| match &parameter.default {
            None => parameter.name.clone(),
            Some(_) => format!("[{}]", parameter.name),
        });
        format!("{}({})", self.name, parameters.collect::<Vec<_>>().join(", "))
    }
}

/// Each declaration in one line: the lines that go on with one are set in.
fn joined(lines: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines {
        let begins = line.split(' ').nth(1).is_some_and(|word| {
            let word = word.trim_end_matches(':');
            let word = word.split('(').next().unwrap_or(word);
            word.parse::<ParameterKind>().is_ok()
        });
        match all.last_mut() {
            Some(last) if !begins => {
                last.push(' ');
                last.push_str(line);
            }
            _ => all.push((*line).into()),
        }
    }
    all
}

impl Parameter {
    /// Reads `name KIND = default: meaning`, where TEXT may be followed by choices, `TEXT('one', 'other')`, and a
    /// number by its range, `DOUBLE(0 to 1)`.
    fn read(line: &str) -> Result<Self, String> {
        let (declared, meaning) =
            line.split_once(": ").ok_or_else(|| format!("`{line}` says no meaning"))?;
        let (declared, default) = match declared.split_once(" = ") {
            Some((declared, default)) => (declared, Some(default.to_owned())),
            None => (declared, None),
        };
        let (name, kind) =
            declared.split_once(' ').ok_or_else(|| format!("`{declared}` has no type"))?;
        let (kind, allowed) = match kind.strip_suffix(')').and_then(|kind| kind.split_once('(')) {
            Some((kind, allowed)) => (kind, Some(allowed)),
            None => (kind, None),
        };
        let kind: ParameterKind = kind.parse()?;
        let (mut choices, mut range) = (Vec::new(), None);
        match (kind, allowed) {
            (ParameterKind::Bigint | ParameterKind::Double, Some(allowed)) => {
                let number =
                    |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
                let (least, most) =
                    allowed.split_once(" to ").ok_or_else(|| format!("`{allowed}` is no range"))?;
                range = Some((number(least)?, number(most)?));
            }
            (_, Some(allowed)) => choices = allowed.split(", ").map(unquoted).collect(),
            (_, None) => {}
        }
        let (name, meaning) = (name.into(), meaning.into());
        Ok(Self { name, kind, choices, range, default, meaning })
    }
}

fn unquoted(text: &str) -> String {
    text.trim_matches('\'').into()
}
