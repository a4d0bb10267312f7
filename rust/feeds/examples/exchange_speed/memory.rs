//! A socket in memory: it answers the handshake, and then has all its bytes to give at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use silverbullet_feeds::exchange::{Address, ByteStream, Connect, Opening};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Connects to these bytes.
pub(crate) struct Memory(Arc<[u8]>);

impl Memory {
    pub(crate) fn new(bytes: Arc<[u8]>) -> Self {
        Self(bytes)
    }
}

impl Connect for Memory {
    fn connect(&self, _: &Address) -> Opening {
        let stream = Stream { request: Vec::new(), answer: Vec::new(), bytes: Arc::clone(&self.0), at: 0 };
        Box::pin(async { Ok(Box::new(stream) as Box<dyn ByteStream>) })
    }
}

struct Stream {
    request: Vec<u8>,
    answer: Vec<u8>,
    bytes: Arc<[u8]>,
    at: usize,
}

impl Stream {
    /// What a server says to the key of the request.
    fn answer(&mut self) {
        let request = String::from_utf8_lossy(&self.request);
        let key = request.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("Sec-WebSocket-Key").then(|| value.trim().to_owned())
        });
        let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
        self.answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.answer.is_empty() {
            let answer = std::mem::take(&mut self.answer);
            buf.put_slice(&answer);
            return Poll::Ready(Ok(()));
        }
        let (at, count) = (self.at, (self.bytes.len() - self.at).min(buf.remaining()));
        if count == 0 {
            // Nothing more comes, and nobody has to be woken for it.
            return Poll::Pending;
        }
        buf.put_slice(&self.bytes[at..at + count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // What follows the handshake (what is asked for, goodbyes) goes nowhere.
        if !self.request.ends_with(b"\r\n\r\n") {
            self.request.extend_from_slice(bytes);
            if self.request.ends_with(b"\r\n\r\n") {
                self.answer();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
