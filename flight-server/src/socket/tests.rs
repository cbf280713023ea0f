//! The end of a connection, seen by its client.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Socket;

/// Scenario: the server answers and closes, while bytes of the client have not been read; the client
/// reads only after more of them were sent.
/// Guarantees: the client gets the whole answer and then the end, no reset.
#[tokio::test]
async fn the_last_answer_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.write_all(b"never read").await.unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    tcp.readable().await.unwrap();
    let server = tokio::spawn(async move {
        let mut socket = Socket::new(tcp, Duration::from_secs(60));
        socket.write_all(&[7; 100_000]).await.unwrap();
        socket.shutdown().await.unwrap();
    });
    // The answer begins: the rest of it and the end come while the client is slow.
    let mut answer = vec![0; 1];
    client.read_exact(&mut answer).await.unwrap();
    client.write_all(b"nor this").await.unwrap();
    tokio::task::yield_now().await;
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [7; 100_000]);
    drop(client);
    server.await.unwrap();
}

/// Scenario: a client neither reads nor closes.
/// Guarantees: the connection ends without it.
#[tokio::test]
async fn a_client_that_stays_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    Socket::new(tcp, Duration::from_millis(1)).shutdown().await.unwrap();
    drop(client);
}
