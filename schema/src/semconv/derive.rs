//! The derivations: values that a list of attribute names cannot describe.

use std::borrow::Cow;

use super::values;
use crate::promoted::Derivation;

/// The values of [`Derivation::sources`], in that order.
pub(super) type Sources<'a> = [Option<&'a str>; 3];

/// The value under deprecated names, translated to what the current name would hold.
/// It is compared with the current value, so it holds nothing that may rightly differ.
pub(super) fn renamed<'a>(
    rule: Derivation,
    kind: &str,
    [first, second, third]: Sources<'a>,
) -> Option<Cow<'a, str>> {
    match rule {
        Derivation::UrlPath => values::split_url(first?).0.map(Cow::Borrowed),
        Derivation::UrlQuery => values::split_url(first?).1.map(Cow::Borrowed),
        Derivation::ServerAddress | Derivation::ServerPort => match kind {
            "client" | "producer" | "consumer" => first.map(Cow::Borrowed),
            "server" => second.map(Cow::Borrowed),
            _ => None,
        },
        Derivation::ClientAddress => first.map(Cow::Borrowed),
        Derivation::HttpFlavor => first.map(values::http_version).map(Cow::Borrowed),
        Derivation::DbSystem => first.map(values::db_system).map(Cow::Borrowed),
        Derivation::RpcMethod => qualified(first?, second, '/', |method| method.contains('/')),
        Derivation::RpcStatus => {
            first.map(values::grpc_status).or(second).or(third).map(Cow::Borrowed)
        }
        Derivation::CodeFunction => {
            // Some SDKs already wrote the qualified name into `code.function`.
            qualified(first?, second, '.', |function| {
                second.is_some_and(|namespace| function.starts_with(namespace))
            })
        }
        Derivation::ErrorType | Derivation::Exception => None,
    }
}

/// The value that other attributes imply. It is a fallback only: behind a proxy, say, the
/// peer of the connection is rightly not the client.
pub(super) fn inferred<'a>(
    rule: Derivation,
    kind: &str,
    [_, second, third]: Sources<'a>,
) -> Option<&'a str> {
    let url = || [second, third].into_iter().flatten().map(values::split_url);
    match rule {
        Derivation::UrlPath => url().find_map(|(path, _)| path),
        Derivation::UrlQuery => url().find_map(|(_, query)| query),
        Derivation::ServerAddress => third,
        Derivation::ClientAddress if kind == "server" => second.or(third),
        _ => None,
    }
}

fn qualified<'a>(
    name: &'a str,
    prefix: Option<&str>,
    separator: char,
    is_qualified: impl Fn(&str) -> bool,
) -> Option<Cow<'a, str>> {
    match prefix {
        Some(prefix) if !is_qualified(name) => {
            Some(Cow::Owned(format!("{prefix}{separator}{name}")))
        }
        _ => Some(Cow::Borrowed(name)),
    }
}

/// The attributes of an `exception` event that have columns.
pub(super) struct Exception<'a>([(&'static str, Option<&'a str>); 3]);

impl<'a> Exception<'a> {
    /// `None` if the event says nothing.
    pub(super) fn read(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut slots =
            [("exception.type", None), ("exception.message", None), ("exception.stacktrace", None)];
        for (name, value) in attributes {
            if let Some((_, slot)) = slots.iter_mut().find(|(known, _)| *known == name) {
                *slot = (!value.is_empty()).then_some(value);
            }
        }
        slots.iter().any(|(_, value)| value.is_some()).then_some(Self(slots))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value)
    }
}
