//! The rules of redaction, and which of them an attribute meets.

use std::collections::HashMap;
use std::fmt::Write;

use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::server::settings::{Secret, SettingsError};

/// Which attributes, and what is done with them. Exactly one of the three ways to choose is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Attributes of this key.
    pub key: Option<String>,
    /// Attributes whose key begins so.
    pub key_prefix: Option<String>,
    /// Attributes whose value, as text, contains a match of this regular expression.
    pub value_regex: Option<String>,
    /// What is done.
    pub action: Action,
}

/// What is done with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The attribute is removed.
    Drop,
    /// The value becomes 32 hex digits: a hash with the key `redaction_hash_key`. Equal values stay equal.
    Hash,
    /// The value becomes `***`.
    #[default]
    Mask,
}

/// What an attribute becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is removed.
    Drop,
    /// Its value becomes this text.
    Text(String),
}

/// Rules that are ready to be asked.
#[derive(Debug)]
pub(super) struct RuleSet {
    actions: Vec<Action>,
    keys: HashMap<String, usize>,
    prefixes: Vec<(String, usize)>,
    patterns: RegexSet,
    /// The rule of each pattern.
    pattern_rules: Vec<usize>,
    hash: KeyedHash,
}

impl RuleSet {
    pub(super) fn new(rules: &[Rule], secret: &Secret) -> Result<Self, SettingsError> {
        let error = |index: usize, reason: String| SettingsError {
            name: "redaction",
            reason: format!("rule {}: {reason}", index + 1),
        };
        let (mut keys, mut prefixes) = (HashMap::new(), Vec::new());
        let (mut patterns, mut pattern_rules) = (Vec::new(), Vec::new());
        for (index, rule) in rules.iter().enumerate() {
            match (&rule.key, &rule.key_prefix, &rule.value_regex) {
                (Some(key), None, None) => {
                    keys.entry(key.clone()).or_insert(index);
                }
                (None, Some(prefix), None) => prefixes.push((prefix.clone(), index)),
                (None, None, Some(pattern)) => {
                    patterns.push(pattern.as_str());
                    pattern_rules.push(index);
                }
                _ => {
                    let reason = "set exactly one of key, key_prefix and value_regex";
                    return Err(error(index, reason.to_owned()));
                }
            }
            if rule.action == Action::Hash && secret.0.is_empty() {
                let reason = "the action hash needs ingest.redaction_hash_key";
                return Err(error(index, reason.to_owned()));
            }
        }
        let patterns = RegexSetBuilder::new(patterns).build().map_err(|cause| SettingsError {
            name: "redaction",
            // The message of the crate has several lines, to show the place.
            reason: format!("value_regex: {}", cause.to_string().replace('\n', " ")),
        })?;
        Ok(Self {
            actions: rules.iter().map(|rule| rule.action).collect(),
            keys,
            prefixes,
            patterns,
            pattern_rules,
            hash: KeyedHash::new(secret.0.as_bytes()),
        })
    }

    /// What becomes of an attribute with this key, or of a value without one. `text` is the value
    /// if it is a scalar, `raw` is what is hashed otherwise.
    pub(super) fn judge(
        &self,
        key: Option<&[u8]>,
        text: Option<&[u8]>,
        raw: &[u8],
    ) -> Option<Found> {
        let by_key = key.and_then(|key| self.by_key(key));
        let by_value = text.and_then(|text| self.by_value(text));
        let first = match (by_key, by_value) {
            (Some(key), Some(value)) => key.min(value),
            (Some(rule), None) | (None, Some(rule)) => rule,
            (None, None) => return None,
        };
        Some(match self.actions[first] {
            Action::Drop => Found::Drop,
            Action::Mask => Found::Text("***".to_owned()),
            Action::Hash => Found::Text(self.hash.of(text.unwrap_or(raw))),
        })
    }

    fn by_key(&self, key: &[u8]) -> Option<usize> {
        let exact = str::from_utf8(key).ok().and_then(|key| self.keys.get(key)).copied();
        let prefix = self.prefixes.iter().find(|(prefix, _)| key.starts_with(prefix.as_bytes()));
        let prefix = prefix.map(|(_, rule)| *rule);
        exact.into_iter().chain(prefix).min()
    }

    fn by_value(&self, text: &[u8]) -> Option<usize> {
        if self.pattern_rules.is_empty() {
            return None;
        }
        // Patterns stand in the order of their rules.
        self.patterns.matches(text).iter().map(|pattern| self.pattern_rules[pattern]).next()
    }
}

/// HMAC-SHA256 (RFC 2104), of which the first 16 bytes are used.
struct KeyedHash {
    inner: Sha256,
    outer: Sha256,
}

impl KeyedHash {
    fn new(key: &[u8]) -> Self {
        const BLOCK: usize = 64;
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            let digest = Sha256::digest(key);
            block[..digest.len()].copy_from_slice(&digest);
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let padded = |pad: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ pad));
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    fn of(&self, value: &[u8]) -> String {
        let inner = self.inner.clone().chain_update(value).finalize();
        let digest = self.outer.clone().chain_update(inner).finalize();
        let mut text = String::with_capacity(32);
        for byte in &digest[..16] {
            write!(text, "{byte:02x}").expect("writing to a String does not fail");
        }
        text
    }
}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash")
    }
}

#[cfg(test)]
mod tests;
