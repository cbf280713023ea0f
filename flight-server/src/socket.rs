//! A connection that does not take the last answer from its client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

/// A TCP connection whose end waits for the client.
///
/// A socket that is closed while something in it has not been read resets the connection, and the
/// client loses what it has not read yet: the last rows and the reason why there are no more.
/// Clients of HTTP/2 send window updates at any time, so there is nearly always something.
/// This socket says that it is done, and reads on until the client closes too.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    linger: Duration,
    /// Set once the client has been told that nothing more comes.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// The client has `linger` to read what was sent and to close its side.
    pub(crate) fn new(tcp: TcpStream, linger: Duration) -> Self {
        Self { tcp, linger, patience: None }
    }
}

impl Connected for Socket {
    type ConnectInfo = <TcpStream as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.tcp.connect_info()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.patience.is_none() {
            ready!(Pin::new(&mut this.tcp).poll_shutdown(cx))?;
        }
        let linger = this.linger;
        let patience = this.patience.get_or_insert_with(|| Box::pin(sleep(linger)));
        let mut ignored = [0; 4096];
        while patience.as_mut().poll(cx).is_pending() {
            let mut into = ReadBuf::new(&mut ignored);
            // An error means that the client is gone, which is what is waited for.
            if ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut into)).is_err()
                || into.filled().is_empty()
            {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
