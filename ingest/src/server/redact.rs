//! Takes what must not be stored out of a payload.
//!
//! In: the bytes of a request. Out: bytes of a request of the same format, in
//! which the attributes that a rule names are gone, hashed or masked. It runs
//! before anything is written, logs included.
//!
//! Rules look at the attributes of resources, scopes, spans, events and links, and
//! at the keys and values inside them. Names of spans and messages are not looked
//! at. What is nested too deeply to be stored is emptied.

mod json;
mod protobuf;
mod rule;

use std::borrow::Cow;

use bytes::Bytes;

use crate::error::Result;
use crate::server::PayloadFormat;
use crate::server::settings::{Secret, SettingsError};
use rule::RuleSet;
pub use rule::{Action, Rule};

/// Rules that are ready to be applied.
#[derive(Debug)]
pub(super) struct Redactor {
    rules: RuleSet,
}

/// A redacted payload.
#[derive(Debug)]
pub(super) struct Redacted {
    pub(super) payload: Bytes,
    /// How many attributes were changed or removed.
    pub(super) attributes: u64,
}

impl Redactor {
    /// Prepares rules; `None` if there are none.
    pub(super) fn new(rules: &[Rule], key: &Secret) -> Result<Option<Self>, SettingsError> {
        if rules.is_empty() {
            return Ok(None);
        }
        RuleSet::new(rules, key).map(|rules| Some(Self { rules }))
    }

    /// Applies the rules.
    ///
    /// # Errors
    ///
    /// If the payload is broken where it has to be read.
    pub(super) fn apply(&self, format: PayloadFormat, payload: Bytes) -> Result<Redacted> {
        let changed = match format {
            PayloadFormat::Protobuf => protobuf::rewrite(&payload, &self.rules)?,
            PayloadFormat::Json => json::rewrite(&payload, &self.rules)?,
        };
        Ok(match changed {
            Some((bytes, attributes)) => Redacted { payload: bytes.into(), attributes },
            None => Redacted { payload, attributes: 0 },
        })
    }
}

/// The text by which a scalar is matched and hashed, which is the same in both encodings.
type Text<'a> = Cow<'a, [u8]>;

#[cfg(test)]
mod tests;
