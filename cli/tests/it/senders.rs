//! Real senders (`tests/python`) against a server.

use std::path::Path;
use std::process::Command;

use crate::fixtures::Folder;
use crate::server::Server;

/// Scenario: the OpenTelemetry SDK and a collector send to a server, over gRPC and HTTP.
/// Guarantees: every span is there, attributes included, for the next query; sketches are read and written as
/// OpenTelemetry and Datadog have them.
#[test]
fn sdk_and_collector() {
    let Some(python) = std::env::var_os("SPANLAKE_PYTHON") else {
        eprintln!("SKIPPED sdk_and_collector: set SPANLAKE_PYTHON, as ./run-tests does");
        return;
    };
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let output = Command::new(python)
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python"))
        .env("SPANLAKE_FLIGHT", server.flight.to_string())
        .env("SPANLAKE_OTLP_GRPC", server.grpc.to_string())
        .env("SPANLAKE_OTLP_HTTP", server.http.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python starts");
    let text = String::from_utf8_lossy(&output.stdout);
    eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the Python tests failed:\n{text}");
    assert_eq!(server.stop(), Some(0));
}
