//! A running `spanlake serve`, and a client that needs no library.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::fixtures::Folder;

/// A server on free ports; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) flight: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) ops: SocketAddr,
}

impl Server {
    /// Starts on the lake of `folder` and waits until it listens.
    pub(crate) fn start(folder: &Folder, more: &[&str]) -> Self {
        Self::try_start(folder, more).expect("the server starts")
    }

    /// As [`Self::start`]; `None` if it ends before it listens.
    pub(crate) fn try_start(folder: &Folder, more: &[&str]) -> Option<Self> {
        Self::spawn(folder.command(), more)
    }

    /// As [`Self::try_start`], with a command that names the lake.
    pub(crate) fn spawn(mut command: Command, more: &[&str]) -> Option<Self> {
        let free = "127.0.0.1:0";
        let mut child = command
            .args(["serve", "--flight", free, "--otlp-grpc", free, "--otlp-http", free])
            .args(["--ops", free])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut address = |what: &str| -> Option<SocketAddr> {
            let line = lines.next()?.expect("text");
            let (name, address) = line.split_once(" listens on ").expect("an address");
            assert!(name.starts_with(what), "{line}");
            Some(address.parse().expect("an address"))
        };
        let addresses = ["Flight SQL", "OTLP/gRPC", "OTLP/HTTP", "Operations"].map(&mut address);
        let [Some(flight), Some(grpc), Some(http), Some(ops)] = addresses else {
            child.wait().expect("ended");
            return None;
        };
        // Nobody reads the rest, and it is too short to fill the pipe.
        Some(Self { child, flight, grpc, http, ops })
    }

    /// Ends it without a chance to tidy up, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Asks it to stop, and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.end("-TERM")
    }

    /// Sends a signal that ends it, and gives its exit code.
    pub(crate) fn end(&mut self, signal: &str) -> Option<i32> {
        let kill = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
        self.child.wait().expect("ended").code()
    }

    /// Number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        Client::connect(self.ops).expect("a connection").get(path).expect("an answer")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP/1.1 connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(address)?)))
    }

    /// Sends a trace request in JSON; gives the status and the body.
    pub(crate) fn export(&mut self, request: &serde_json::Value) -> std::io::Result<(u16, String)> {
        let body = request.to_string();
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.exchange(format!("{head}{body}").as_bytes())
    }

    pub(crate) fn get(&mut self, path: &str) -> std::io::Result<(u16, String)> {
        self.exchange(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes())
    }

    /// Sends a PUT without a body.
    pub(crate) fn put(&mut self, path: &str) -> std::io::Result<(u16, String)> {
        self.exchange(
            format!("PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
                .as_bytes(),
        )
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<(u16, String)> {
        self.0.get_mut().write_all(request)?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("no status line"))?;
        let mut length = 0;
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::Error::other("the headers end early"));
            }
            if line == "\r\n" {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}
