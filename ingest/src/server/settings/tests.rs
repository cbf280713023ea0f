//! Settings against what users write.

use super::*;

#[test]
fn defaults_can_be_used() {
    ServerSettings::default().check().unwrap();
}

#[test]
fn settings_that_cannot_work_are_named() {
    let check = |change: fn(&mut ServerSettings)| {
        let mut settings = ServerSettings::default();
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    };
    assert_eq!(
        check(|settings| settings.connections = 0),
        "ingest.connections: 0 is too small, use at least 1"
    );
    assert_eq!(
        check(|settings| settings.in_flight_bytes = 1),
        "ingest.in_flight_bytes: 1 is too small, use at least 134217728"
    );
    assert_eq!(
        check(|settings| settings.idle_timeout_ms = u64::MAX),
        "ingest.idle_timeout_ms: 18446744073709551615 is too large, use at most 604800000"
    );
    assert_eq!(
        check(|settings| settings.retry_after_max_seconds = 0),
        "ingest.retry_after_max_seconds: 0 is too small, use at least 1"
    );
}

#[test]
fn a_secret_is_not_shown() {
    let settings =
        ServerSettings { redaction_hash_key: Secret("hunter2".into()), ..Default::default() };
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(!serde_json::to_string(&settings).unwrap().contains("hunter2"));
}

#[test]
fn rules_are_read_from_text() {
    let text = r#"{
        "max_request_bytes": 1000,
        "redaction": [
            {"key": "user.email", "action": "hash"},
            {"key_prefix": "http.request.header.", "action": "drop"},
            {"value_regex": "[0-9]{16}", "action": "mask"}
        ],
        "redaction_hash_key": "k"
    }"#;
    let settings: ServerSettings = serde_json::from_str(text).unwrap();
    assert_eq!(settings.redaction.len(), 3);
    assert_eq!(settings.max_request_bytes, 1000);
    assert!(serde_json::from_str::<ServerSettings>(r#"{"max_request_byte": 1}"#).is_err());
}
