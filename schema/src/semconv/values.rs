//! Single values: numbers, URLs, and old spellings of enumerated values.

/// An integer, also if it is written as `200.0` or `2e2`.
pub(super) fn integer(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    // A leading digit or sign keeps out `inf` and `NaN`.
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    let number: f64 = text.parse().ok().filter(|_| numeric)?;
    // Above 2^53 a double no longer tells integers apart.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

/// Path and query of a URL or of an HTTP request target; `None` where empty.
pub(super) fn split_url(url: &str) -> (Option<&str>, Option<&str>) {
    let find = |text: &str, wanted: u8| memchr::memchr(wanted, text.as_bytes());
    let before_query = &url[..find(url, b'?').unwrap_or(url.len())];
    let before = before_query.as_bytes();
    let scheme = memchr::memchr_iter(b':', before).find(|at| before[at + 1..].starts_with(b"//"));
    let (mut target, has_authority) = match scheme {
        Some(scheme) => {
            let rest = &url[scheme + 3..];
            let authority = memchr::memchr3(b'/', b'?', b'#', rest.as_bytes());
            (&rest[authority.unwrap_or(rest.len())..], true)
        }
        None => (url, false),
    };
    // A request target has no fragment; only a URL does.
    if has_authority && let Some(fragment) = find(target, b'#') {
        target = &target[..fragment];
    }
    let (path, query) = match find(target, b'?') {
        Some(query) => (&target[..query], Some(&target[query + 1..])),
        None => (target, None),
    };
    // `http://host` and `http://host/` are the same resource.
    let path = if path.is_empty() && has_authority { "/" } else { path };
    (Some(path).filter(|path| !path.is_empty()), query.filter(|query| !query.is_empty()))
}

/// The current spelling of an HTTP version.
pub(super) fn http_version(flavor: &str) -> &str {
    match flavor {
        "2.0" => "2",
        "3.0" => "3",
        other => other,
    }
}

/// The current name of a database system (database migration guide).
pub(super) fn db_system(old: &str) -> &str {
    match old {
        "adabas" => "softwareag.adabas",
        "intersystems_cache" => "intersystems.cache",
        "cosmosdb" => "azure.cosmosdb",
        "db2" => "ibm.db2",
        "dynamodb" => "aws.dynamodb",
        "firebird" => "firebirdsql",
        "h2" => "h2database",
        "hanadb" => "sap.hana",
        "informix" => "ibm.informix",
        "ingres" => "actian.ingres",
        "maxdb" => "sap.maxdb",
        "mssql" => "microsoft.sql_server",
        "netezza" => "ibm.netezza",
        "oracle" => "oracle.db",
        "redshift" => "aws.redshift",
        "spanner" => "gcp.spanner",
        other => other,
    }
}

/// The name of a gRPC status code; text that is no known number stays as it is.
pub(super) fn grpc_status(code: &str) -> &str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let index = integer(code).and_then(|code| usize::try_from(code).ok());
    index.and_then(|index| NAMES.get(index)).copied().unwrap_or(code)
}
