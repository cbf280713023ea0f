//! `spanlake serve`: it starts, tells where, and stops when told to.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use crate::fixtures::Folder;

/// Scenario: the server starts on a free port, is reached, and gets SIGTERM.
/// Guarantees: it prints the real port, accepts connections, and ends with exit code 0.
#[test]
fn it_listens_and_stops() {
    let folder = Folder::with_lake();
    for signal in ["-TERM", "-INT"] {
        let mut child = folder
            .command()
            .args(["serve", "--flight", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let (_, address) = line.trim_end().split_once("listens on ").expect("an address");
        let address: SocketAddr = address.parse().expect("an address");
        assert_ne!(address.port(), 0);
        drop(TcpStream::connect(address).expect("a connection"));
        let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
        let output = child.wait_with_output().expect("the binary ends");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

/// Scenario: an address that others can reach, that is none, or that is taken; and no lake.
/// Guarantees: one clear line; nothing is served.
#[test]
fn it_refuses_what_is_not_safe_or_not_there() {
    let folder = Folder::with_lake();
    let serve = |address: &str| folder.run(["serve", "--flight", address]);
    for address in ["0.0.0.0:0", "[::]:0"] {
        let error = serve(address).fails(2);
        assert!(error.contains("no authentication"), "{error}");
    }
    assert!(serve("here").fails(2).contains("write HOST:PORT"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let error = serve(&taken.local_addr().expect("an address").to_string()).fails(1);
    assert!(error.contains("cannot listen on"), "{error}");
    let error = Folder::new().run(["serve", "--flight", "127.0.0.1:0"]).fails(2);
    assert!(error.contains("./lake is not a lake"), "{error}");
}
