//! The settings file and its reference.

use super::*;

/// Scenario: a setting is added to a struct.
/// Guarantees: the reference has it with its meaning, and is itself a valid settings file.
#[test]
fn the_reference_has_every_setting() {
    let text = Config::reference().unwrap();
    let read: toml::Table = toml::from_str(&text).unwrap();
    let defaults = toml::Table::try_from(Config::default()).unwrap();
    assert_eq!(read, defaults);
    let config: Config = toml::from_str(&text).unwrap();
    assert_eq!(toml::Table::try_from(config).unwrap(), defaults);
    for (section, source) in SECTIONS {
        for (name, doc) in documented_fields(source) {
            assert!(!doc.is_empty(), "{section}.{name} has no meaning");
        }
    }
}

#[test]
fn a_wrong_setting_is_named() {
    let error = toml::from_str::<Config>("[wal]\nflush_agems = 1").unwrap_err().to_string();
    assert!(error.contains("flush_agems"), "{error}");
}
