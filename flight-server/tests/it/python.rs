//! Runs the Python clients (`tests/python`) against a server.

use std::path::{Path, PathBuf};
use std::process::Command;

use engine::{Engine, Location};
use flight_server::Settings;

use crate::it::fixtures::{TRACES, TestServer, append, spans};

/// Scenario: the ADBC driver and `pyarrow.flight` use a server on a lake in a folder.
/// Guarantees: they can do what `tests/python` says, and get the rows that `spanlake sql` prints.
#[tokio::test(flavor = "multi_thread")]
async fn python_clients() {
    let Some(python) = std::env::var_os("SPANLAKE_PYTHON") else {
        eprintln!(
            "SKIPPED python_clients: set SPANLAKE_PYTHON to a Python with the packages of \
             flight-server/tests/python/requirements.txt"
        );
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = folder.path().join("lake");
    std::fs::create_dir(&lake).expect("a folder for the lake");
    let location = Location::parse(lake.to_str().expect("UTF-8")).expect("a location");
    let engine = Engine::open_or_create(&location, engine::Settings::default()).await;
    let engine = engine.expect("a lake");
    append(&engine, spans(0..TRACES)).await;
    let settings = Settings { max_result_rows: u64::MAX, ..Settings::default() };
    let server = TestServer::on(engine, settings).await;

    let mut pytest = Command::new(python);
    pytest
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python"))
        .env("SPANLAKE_FLIGHT", format!("grpc://{}", server.address))
        .env("SPANLAKE_LAKE", &lake)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    match command_line() {
        Some(program) => pytest.env("SPANLAKE_BIN", program),
        None => {
            eprintln!("SKIPPED a part of python_clients: `spanlake` is not built");
            pytest.env_remove("SPANLAKE_BIN")
        }
    };
    let outcome = tokio::task::spawn_blocking(move || pytest.output()).await;
    let outcome = outcome.expect("the thread ends").expect("Python starts");
    let text = String::from_utf8_lossy(&outcome.stdout);
    eprintln!("{text}{}", String::from_utf8_lossy(&outcome.stderr));
    assert!(outcome.status.success(), "the Python tests failed:\n{text}");
}

/// `SPANLAKE_BIN`, or the program that was built beside this test.
fn command_line() -> Option<PathBuf> {
    let given = std::env::var_os("SPANLAKE_BIN").map(PathBuf::from);
    let test = std::env::current_exe().ok()?;
    let built = test.parent()?.parent()?.join("spanlake");
    given.or_else(|| built.is_file().then_some(built))
}
