//! Redaction at the door: what the sink gets, and what a log would hold.

use ingest::server::{Action, Rule, Secret, ServerSettings};
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::grpc_client::{Client, EXPORT, framed};
use super::http_client::{JSON, PROTOBUF, export};
use super::requests::{attribute, encoded, gzip, request, span};
use super::setup::Server;
use crate::it::support::cell;

/// Scenario: a password, a mail address and a card number, over both transports and encodings.
/// Guarantees: neither the payload nor the rows have them; the rest is there.
#[tokio::test]
async fn secrets_reach_neither_payload_nor_rows() {
    let rule = |rule: Rule, action| Rule { action, ..rule };
    let key = Rule { key: Some("db.password".into()), ..Rule::default() };
    let prefix = Rule { key_prefix: Some("user.".into()), ..Rule::default() };
    let value = Rule { value_regex: Some(r"\b4[0-9]{15}\b".into()), ..Rule::default() };
    let settings = ServerSettings {
        redaction: vec![
            rule(key, Action::Drop),
            rule(prefix, Action::Hash),
            rule(value, Action::Mask),
        ],
        redaction_hash_key: Secret("pepper".into()),
        ..ServerSettings::default()
    };
    let server = Server::with(settings).await;
    let secrets = ["hunter2", "ada@example.com", "4111111111111111"];
    let mut secretive = span(1);
    let text = |text: &str| Value::StringValue(text.into());
    secretive.attributes = vec![
        attribute("db.password", text(secrets[0])),
        attribute("user.email", text(secrets[1])),
        attribute("note", text("paid with 4111111111111111")),
        attribute("plain", text("stays")),
    ];
    let body = encoded(vec![secretive.clone()]);
    let json = serde_json::to_vec(&request(vec![secretive])).unwrap();
    let client = Client::connect(server.address).await;
    client.export(&body).await;
    client.call(EXPORT, &[("grpc-encoding", "gzip")], framed(1, &gzip(&body))).await;
    export(server.address, PROTOBUF, &body).await;
    export(server.address, JSON, &json).await;
    let stored = server.sink.take();
    assert_eq!(stored.len(), 4);
    for accepted in stored {
        for secret in secrets {
            let found = memchr::memmem::find(&accepted.payload, secret.as_bytes());
            assert_eq!(found, None, "{secret}");
        }
        let attributes = cell(&accepted.batches[0].to_stored(), "attributes", 0);
        let (mail, rest) = attributes.split_once(", ").unwrap();
        assert!(mail.starts_with("{user.email: ") && mail.len() == 13 + 32, "{attributes}");
        assert_eq!(rest, "note: ***, plain: stays}");
    }
    assert_eq!(server.stats().redacted_attributes, 4 * 3);
}
