//! A stream that can be told to let no more than a byte at a time through.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// After so many bytes, each of which comes alone.
const BYTES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(1);

/// Writes slowly while its switch is on.
pub(crate) struct Drip<S> {
    stream: S,
    is_slow: Arc<AtomicBool>,
    pause: Option<Pin<Box<Sleep>>>,
    written: u32,
}

impl<S> Drip<S> {
    pub(crate) fn new(stream: S, is_slow: Arc<AtomicBool>) -> Self {
        Self { stream, is_slow, pause: None, written: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Drip<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Drip<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_slow.load(Ordering::Acquire) {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len().min(1)]));
        self.written += 1;
        if self.written.is_multiple_of(BYTES) {
            self.pause = Some(Box::pin(sleep(PAUSE)));
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
