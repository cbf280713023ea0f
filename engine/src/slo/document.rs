//! A YAML document whose parts know their line.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::Place;

/// What is wrong, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) place: Place,
    pub(super) reason: String,
}

pub(super) type Result<T> = std::result::Result<T, Wrong>;

/// A document of a file, and how many lines are before it.
#[derive(Debug)]
pub(super) struct Document<'a> {
    yaml: MarkedYaml<'a>,
    file: &'a str,
    lines_before: usize,
}

impl<'a> Document<'a> {
    /// The documents of a file, each by itself: one that does not parse leaves the others alone.
    pub(super) fn all(file: &'a str, text: &'a str) -> Vec<Result<Self>> {
        let mut documents = Vec::new();
        let (mut begin, mut lines_before) = (0, 0);
        let (mut offset, mut line) = (0, 0);
        for full in text.split_inclusive('\n') {
            if full.trim_end() == "---" || full.starts_with("--- ") {
                documents.extend(Self::one(file, &text[begin..offset], lines_before));
                // The line itself is left out, so that each part is one document.
                begin = offset + full.len();
                lines_before = line + 1;
            }
            offset += full.len();
            line += 1;
        }
        documents.extend(Self::one(file, &text[begin..], lines_before));
        documents
    }

    fn one(file: &'a str, text: &'a str, lines_before: usize) -> Option<Result<Self>> {
        match MarkedYaml::load_from_str(text) {
            Ok(documents) => {
                let yaml = documents.into_iter().next()?;
                Some(Ok(Self { yaml, file, lines_before }))
            }
            Err(error) => {
                let line = lines_before + error.marker().line();
                let place = Place { file: file.into(), line };
                let reason = format!("this is not YAML: {}", error.info());
                Some(Err(Wrong { place, reason }))
            }
        }
    }

    /// Its outermost value.
    pub(super) fn root(&self) -> Node<'_> {
        let Self { yaml, file, lines_before } = self;
        Node { yaml, file, lines_before: *lines_before, path: String::new() }
    }
}

/// A value in a document.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    yaml: &'a MarkedYaml<'a>,
    file: &'a str,
    lines_before: usize,
    path: String,
}

impl<'a> Node<'a> {
    /// Its line.
    pub(super) fn place(&self) -> Place {
        self.place_of(self.yaml)
    }

    fn place_of(&self, part: &MarkedYaml<'_>) -> Place {
        let line = self.lines_before + part.span.start.line().max(1);
        Place { file: self.file.into(), line }
    }

    pub(super) fn wrong(&self, reason: impl Into<String>) -> Wrong {
        Wrong { place: self.place(), reason: reason.into() }
    }

    fn within(&self, yaml: &'a MarkedYaml<'a>, path: String) -> Self {
        Self { yaml, path, ..*self }
    }

    /// The document, if it is one that has a value.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.yaml.data, YamlData::Value(Scalar::Null))
    }

    fn shown(&self) -> &str {
        if self.path.is_empty() { "the document" } else { &self.path }
    }

    /// The value under a key, unless there is none or it is null.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        let value = self.yaml.data.as_mapping_get(key)?;
        if matches!(value.data, YamlData::Value(Scalar::Null)) {
            return None;
        }
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        Some(self.within(value, path))
    }

    /// The value under a key that must be there.
    pub(super) fn need(&self, key: &str) -> Result<Node<'a>> {
        self.get(key).ok_or_else(|| self.wrong(format!("{} needs `{key}`", self.shown())))
    }

    /// Refuses keys that nobody reads: they would be typing errors without effect.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        let Some(mapping) = self.yaml.data.as_mapping() else {
            return Err(self.wrong(format!("{} must have named fields", self.shown())));
        };
        for key in mapping.keys() {
            let name = key.data.as_str().unwrap_or("?");
            if !known.contains(&name) {
                let (shown, known) = (self.shown(), known.join(", "));
                let reason = format!("{shown} has no field `{name}`; fields are {known}");
                return Err(Wrong { place: self.place_of(key), reason });
            }
        }
        Ok(())
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Result<Vec<Node<'a>>> {
        let Some(items) = self.yaml.data.as_sequence() else {
            return Err(self.wrong(format!("{} must be a list", self.shown())));
        };
        let item = |(at, yaml)| self.within(yaml, format!("{}[{at}]", self.path));
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// A scalar as text.
    pub(super) fn text(&self) -> Result<String> {
        match &self.yaml.data {
            YamlData::Value(Scalar::String(text)) => Ok(text.to_string()),
            YamlData::Value(Scalar::Integer(number)) => Ok(number.to_string()),
            YamlData::Value(Scalar::FloatingPoint(number)) => Ok(number.to_string()),
            YamlData::Value(Scalar::Boolean(truth)) => Ok(truth.to_string()),
            _ => Err(self.wrong(format!("{} must be text", self.shown()))),
        }
    }

    /// A number.
    pub(super) fn number(&self) -> Result<f64> {
        let number = match &self.yaml.data {
            YamlData::Value(Scalar::Integer(number)) => Some(*number as f64),
            YamlData::Value(Scalar::FloatingPoint(number)) => Some(number.0),
            YamlData::Value(Scalar::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.wrong(format!("{} must be a number", self.shown())))
    }

    /// Yes or no.
    pub(super) fn truth(&self) -> Result<bool> {
        match &self.yaml.data {
            YamlData::Value(Scalar::Boolean(truth)) => Ok(*truth),
            _ => Err(self.wrong(format!("{} must be true or false", self.shown()))),
        }
    }

    /// What `read` makes of the value under a key, if there is one.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Node<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.get(key).as_ref().map(read).transpose()
    }
}
