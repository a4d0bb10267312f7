//! A listener that bounds how many connections are open and how long one may be silent.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Connections open at once; the next one waits in the system's queue.
pub(crate) const CONNECTIONS: usize = 256;
/// A connection on which nothing moves for this long is closed: a half-sent request holds no place for ever.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes the system may hold for a client that does not read. More would be a queue of old news in front of
/// what is new.
const SEND_BUFFER: usize = 128 << 10;

/// Hands out at most [`CONNECTIONS`] connections at a time.
pub(crate) struct Limited {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Limited {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed, so there is always a permit in the end.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // A delayed answer or a longer queue is the only harm where an option is not to be had.
        let _ = stream.set_nodelay(true);
        let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        (Connection::new(stream, place), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Says of a connection that the server is at work on its request: that it reads nothing meanwhile is no
/// reason to close it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work(Arc<AtomicUsize>);

impl Work {
    /// At work until what is returned is dropped.
    pub(crate) fn begin(&self) -> Working {
        self.0.fetch_add(1, Ordering::AcqRel);
        Working(self.clone())
    }

    fn under_way(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

/// See [`Work::begin`].
pub(crate) struct Working(Work);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Connected<IncomingStream<'_, Limited>> for Work {
    fn connect_info(stream: IncomingStream<'_, Limited>) -> Self {
        stream.io().work.clone()
    }
}

/// One connection with its place among the [`CONNECTIONS`].
pub(crate) struct Connection {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    work: Work,
    stalled: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn new(stream: TcpStream, place: Option<OwnedSemaphorePermit>) -> Self {
        let silence = Box::pin(tokio::time::sleep(SILENCE));
        Self { stream, silence, work: Work::default(), stalled: false, _place: place }
    }

    /// Passes what was read on. While nothing comes the silence counts, except while the server is at work.
    fn after_read(&mut self, poll: Poll<io::Result<()>>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if poll.is_ready() {
            self.listen_anew();
            return poll;
        }
        while self.silence.as_mut().poll(context).is_ready() {
            if !self.work.under_way() || self.stalled {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.listen_anew();
        }
        Poll::Pending
    }

    /// The same for what was written: a client that takes nothing is silent, whoever is at work.
    fn after_write<T>(
        &mut self,
        poll: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.listen_anew();
            return poll;
        }
        if !std::mem::replace(&mut self.stalled, true) {
            self.silence.as_mut().reset(Instant::now() + SILENCE);
        }
        self.silence.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn listen_anew(&mut self) {
        self.stalled = false;
        self.silence.as_mut().reset(Instant::now() + SILENCE);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.after_read(poll, context)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.after_write(poll, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.after_write(poll, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
