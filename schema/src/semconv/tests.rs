//! The coalescing rules, case by case.

use std::collections::{BTreeMap, BTreeSet};

use super::{PromotedValue, SpanFacts, SpanPlan, promote_resource, promote_span};
use crate::promoted::{Derivation, Origin, PROMOTED, PromotedType};

type Attributes<'a> = &'a [(&'a str, &'a str)];

#[derive(Debug, Clone, PartialEq)]
struct Promoted {
    values: BTreeMap<&'static str, String>,
    conflict: bool,
}

fn span(kind: &str, failed: bool, attributes: Attributes, exception: Attributes) -> Promoted {
    let mut values = BTreeMap::new();
    let conflict = promote_span(
        SpanFacts { kind, failed },
        attributes.iter().copied(),
        exception.iter().copied(),
        |column, value| insert(&mut values, column, value),
    );
    let plain = Promoted { values, conflict };
    assert_eq!(planned(kind, failed, attributes, exception).unwrap_or(plain.clone()), plain);
    plain
}

/// The same by a plan, which only lists without a repeated name can have.
fn planned(
    kind: &str,
    failed: bool,
    attributes: Attributes,
    exception: Attributes,
) -> Option<Promoted> {
    let names: BTreeSet<_> = attributes.iter().map(|(name, _)| name).collect();
    if names.len() < attributes.len() {
        return None;
    }
    let mut values = BTreeMap::new();
    let conflict = SpanPlan::new(attributes.iter().map(|(name, _)| *name)).promote(
        SpanFacts { kind, failed },
        |place| Some(attributes[place].1),
        |place| {
            let number = attributes[place].1.parse::<i64>().ok()?;
            (number.to_string() == attributes[place].1).then_some(number)
        },
        exception.iter().copied(),
        |column, value| insert(&mut values, column, value),
    );
    Some(Promoted { values, conflict })
}

fn insert(values: &mut BTreeMap<&'static str, String>, column: usize, value: PromotedValue<'_>) {
    let column = &PROMOTED[column];
    let text = match value {
        PromotedValue::Text(text) => {
            assert_eq!(column.data_type, PromotedType::Text, "{}", column.name);
            text.to_owned()
        }
        PromotedValue::Int(number) => {
            assert_eq!(column.data_type, PromotedType::Int, "{}", column.name);
            number.to_string()
        }
    };
    assert!(values.insert(column.name, text).is_none(), "{} twice", column.name);
}

/// Exactly these columns have a value, and nothing disagrees.
fn check(kind: &str, attributes: Attributes, expected: Attributes) {
    let promoted = span(kind, false, attributes, &[]);
    let values: Vec<_> = promoted.values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(values, expected, "{kind} {attributes:?}");
    assert!(!promoted.conflict, "{attributes:?}");
}

/// T10.2 of semantics.md.
#[test]
fn published_examples() {
    let both = span("", false, &[("http.method", "GET"), ("http.request.method", "POST")], &[]);
    assert_eq!(both.values["http_request_method"], "POST");
    assert!(both.conflict);
    check("", &[("http.target", "/a?x=1")], &[("url_path", "/a"), ("url_query", "x=1")]);
    check(
        "",
        &[
            ("rpc.system", "grpc"),
            ("rpc.service", "shop.Cart"),
            ("rpc.method", "Add"),
            ("rpc.grpc.status_code", "14"),
        ],
        &[
            ("rpc_system", "grpc"),
            ("rpc_method", "shop.Cart/Add"),
            ("rpc_status_code", "UNAVAILABLE"),
        ],
    );
    check("", &[("db.system", "mssql")], &[("db_system", "microsoft.sql_server")]);

    let mut values = BTreeMap::new();
    let conflict = promote_resource([("deployment.environment", "prod")], |column, value| {
        insert(&mut values, column, value);
    });
    assert_eq!(values["deployment_environment"], "prod");
    assert!(!conflict);
}

#[test]
fn every_name_fills_its_column() {
    for column in PROMOTED {
        for key in column.keys {
            let mut values = BTreeMap::new();
            let attributes = [(*key, "7")];
            match column.origin {
                Origin::Resource => {
                    promote_resource(attributes, |c, value| insert(&mut values, c, value));
                }
                Origin::Span => {
                    let facts = SpanFacts { kind: "server", failed: false };
                    promote_span(facts, attributes, [], |c, value| insert(&mut values, c, value));
                }
            }
            assert_eq!(values.get(column.name).map(String::as_str), Some("7"), "{key}");
        }
    }
}

#[test]
fn current_names_win_and_order_decides() {
    check(
        "",
        &[("db.redis.database_index", "3"), ("db.name", "shop")],
        &[("db_namespace", "shop")],
    );
    check(
        "",
        &[("http.method", "GET"), ("http.request.method", "")],
        &[("http_request_method", "GET")],
    );
    check("", &[("http.request.method", "")], &[]);
    let same = span("", false, &[("http.method", "GET"), ("http.request.method", "GET")], &[]);
    assert!(!same.conflict);
    let last = span("", false, &[("db.query.text", "a"), ("db.query.text", "b")], &[]);
    assert_eq!(last.values["db_query_text"], "b");
}

#[test]
fn numeric_columns_take_numeric_text() {
    for (text, expected) in [
        ("200", Some("200")),
        (" 200 ", Some("200")),
        ("200.0", Some("200")),
        ("2e2", Some("200")),
        ("-1", Some("-1")),
        ("abc", None),
        ("200.5", None),
        ("inf", None),
        ("true", None),
        ("9223372036854775807", Some("9223372036854775807")),
        ("1e30", None),
    ] {
        let promoted = span("", false, &[("http.response.status_code", text)], &[]);
        let value = promoted.values.get("http_response_status_code").map(String::as_str);
        assert_eq!(value, expected, "{text}");
    }
    let fallback = [("http.response.status_code", "n/a"), ("http.status_code", "404")];
    check("", &fallback, &[("http_response_status_code", "404")]);
    let spelling = [("http.response.status_code", "404"), ("http.status_code", "404.0")];
    check("", &spelling, &[("http_response_status_code", "404")]);
}

#[test]
fn urls_are_split() {
    let cases: &[(&str, Option<&str>, Option<&str>)] = &[
        ("/a?x=1", Some("/a"), Some("x=1")),
        ("/a?x=?&y", Some("/a"), Some("x=?&y")),
        ("/a", Some("/a"), None),
        ("*", Some("*"), None),
        ("?x", None, Some("x")),
        ("http://h/a/b?x=1#f", Some("/a/b"), Some("x=1")),
        ("http://h", Some("/"), None),
        ("http://h?x", Some("/"), Some("x")),
        ("http://h#f", Some("/"), None),
        ("/r?to=http://h/z", Some("/r"), Some("to=http://h/z")),
    ];
    for (url, path, query) in cases {
        let promoted = span("", false, &[("http.target", url)], &[]);
        assert_eq!(promoted.values.get("url_path").map(String::as_str), *path, "{url}");
        assert_eq!(promoted.values.get("url_query").map(String::as_str), *query, "{url}");
    }
    check(
        "",
        &[("http.url", "https://h:8/p?q")],
        &[("url_full", "https://h:8/p?q"), ("url_path", "/p"), ("url_query", "q")],
    );
    // The URL holds what the target does not say.
    let both = [("http.target", "/t"), ("url.full", "http://h/p?q")];
    check("", &both, &[("url_full", "http://h/p?q"), ("url_path", "/t"), ("url_query", "q")]);
}

#[test]
fn network_names_depend_on_the_kind() {
    let net = [
        ("net.peer.name", "peer"),
        ("net.peer.port", "1"),
        ("net.host.name", "host"),
        ("net.host.port", "2"),
    ];
    let as_client = [("server_address", "peer"), ("server_port", "1")];
    check("client", &net, &as_client);
    check("producer", &net, &as_client);
    check(
        "server",
        &net,
        &[("server_address", "host"), ("server_port", "2"), ("client_address", "peer")],
    );
    check("internal", &net, &[]);
    check("internal", &[("http.server_name", "s")], &[("server_address", "s")]);
    let sock = [("net.sock.peer.addr", "10.0.0.1"), ("http.client_ip", "1.2.3.4")];
    let peer = ("network_peer_address", "10.0.0.1");
    check("server", &sock, &[("client_address", "1.2.3.4"), peer]);
    check("server", &sock[..1], &[("client_address", "10.0.0.1"), peer]);
    check("client", &sock[..1], &[peer]);
}

#[test]
fn proxies_and_duplicate_emission_are_no_conflict() {
    let proxied = [("client.address", "1.2.3.4"), ("net.sock.peer.addr", "10.0.0.1")];
    assert!(!span("server", false, &proxied, &[]).conflict);
    let database = [("db.system", "mssql"), ("db.system.name", "microsoft.sql_server")];
    assert!(!span("client", false, &database, &[]).conflict);
    let http = [("url.path", "/a"), ("http.target", "/a?x"), ("url.query", "x")];
    assert!(!span("client", false, &http, &[]).conflict);
    let flavor = [("network.protocol.version", "2"), ("http.flavor", "2.0")];
    assert!(!span("client", false, &flavor, &[]).conflict);
    let differ = [("db.system", "mysql"), ("db.system.name", "mariadb")];
    assert!(span("client", false, &differ, &[]).conflict);
    let differ = [("server.address", "a"), ("net.peer.name", "b")];
    assert!(span("client", false, &differ, &[]).conflict);
    assert!(!span("server", false, &differ, &[]).conflict);
}

#[test]
fn protocol_values_are_translated() {
    check("", &[("http.flavor", "2.0")], &[("network_protocol_version", "2")]);
    check("", &[("http.flavor", "1.1")], &[("network_protocol_version", "1.1")]);
    check("", &[("db.system", "postgresql")], &[("db_system", "postgresql")]);
    check("", &[("db.system", "cache")], &[("db_system", "cache")]);
    check("", &[("rpc.grpc.status_code", "0")], &[("rpc_status_code", "OK")]);
    check("", &[("rpc.grpc.status_code", "16")], &[("rpc_status_code", "UNAUTHENTICATED")]);
    check("", &[("rpc.grpc.status_code", "17")], &[("rpc_status_code", "17")]);
    check("", &[("rpc.connect_rpc.error_code", "aborted")], &[("rpc_status_code", "aborted")]);
    check("", &[("rpc.jsonrpc.error_code", "-32700")], &[("rpc_status_code", "-32700")]);
    check("", &[("rpc.response.status_code", "OK")], &[("rpc_status_code", "OK")]);
    let agree = [("rpc.status_code", "UNAVAILABLE"), ("rpc.grpc.status_code", "14")];
    check("", &agree, &[("rpc_status_code", "UNAVAILABLE")]);
}

#[test]
fn names_are_qualified_once() {
    check("", &[("rpc.service", "s.S"), ("rpc.method", "s.S/M")], &[("rpc_method", "s.S/M")]);
    check("", &[("rpc.method", "M")], &[("rpc_method", "M")]);
    check("", &[("rpc.service", "s.S")], &[]);
    let code = [("code.namespace", "com.shop.Cart"), ("code.function", "add")];
    check("", &code, &[("code_function_name", "com.shop.Cart.add")]);
    check("", &code[1..], &[("code_function_name", "add")]);
    let qualified = [("code.namespace", "shop"), ("code.function", "shop.add")];
    check("", &qualified, &[("code_function_name", "shop.add")]);
    let both = [("code.function.name", "shop.add"), code[1]];
    assert!(span("", false, &both, &[]).conflict);
}

#[test]
fn error_type_is_stated_or_derived() {
    let exception = [("exception.type", "E"), ("exception.message", "m"), ("other", "x")];
    let cases: &[(Attributes, Attributes, bool, Option<&str>)] = &[
        (&[("error.type", "timeout")], &exception, true, Some("timeout")),
        (&[("http.status_code", "500")], &exception, true, Some("E")),
        (&[], &exception, false, Some("E")),
        (&[("http.status_code", "500")], &[], true, Some("500")),
        (&[("http.response.status_code", "404")], &[], true, Some("404")),
        (&[("http.status_code", "500")], &[], false, None),
        (&[("http.status_code", "200")], &[], true, None),
        (&[("rpc.grpc.status_code", "4")], &[], true, Some("DEADLINE_EXCEEDED")),
        (&[("rpc.grpc.status_code", "0")], &[], true, None),
        (&[("db.response.status_code", "08P01")], &[], true, Some("08P01")),
        (&[], &[], true, None),
    ];
    for (attributes, exception, failed, expected) in cases {
        let promoted = span("", *failed, attributes, exception);
        let value = promoted.values.get("error_type").map(String::as_str);
        assert_eq!(value, *expected, "{attributes:?} {exception:?} {failed}");
    }
}

#[test]
fn exception_columns_come_from_the_event() {
    let event =
        [("exception.type", "E"), ("exception.message", ""), ("exception.stacktrace", "at")];
    let promoted = span("", false, &[], &event);
    assert_eq!(promoted.values["exception_type"], "E");
    assert_eq!(promoted.values["exception_stacktrace"], "at");
    assert!(!promoted.values.contains_key("exception_message"));
    let promoted = span("", false, &[("exception.type", "own")], &event);
    assert_eq!(promoted.values["exception_type"], "own");
    assert!(!promoted.conflict);
}

#[test]
fn declarations_fit_the_table() {
    assert!(PROMOTED.len() <= 128, "one bit per column");
    for column in PROMOTED {
        let sources = column.derivation.map_or(&[][..], Derivation::sources);
        assert!(sources.len() <= 3, "{}", column.name);
        assert!(!column.keys.is_empty() || !sources.is_empty(), "{}", column.name);
    }
    assert!(super::SPAN.find("no.such.attribute").is_none());
    assert!(super::SPAN.find("").is_none());
    assert!(super::SPAN.find("service.version").is_none(), "a resource attribute");
}
