//! DoGet below the level of messages: what is kept is sent as it is, without a copy.
//!
//! A task hands on one message after the other. Where the client takes nothing for long it lets the answer go, so
//! that nobody holds memory by standing still.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::{Buf, Bytes};
use http_body::Frame;
use prost::Message;
use tokio::sync::mpsc;
use tonic::Status;

use super::Flight;
use super::ticket::Wanted;

/// Messages ahead of the connection.
const AHEAD: usize = 2;
/// Most bytes of a request: a ticket.
const MOST_REQUEST: usize = 64 << 10;

/// What a task sends towards a connection.
pub(crate) enum Piece {
    Message(Bytes),
    End(Result<(), Status>),
}

/// Where pieces are sent, and how long somebody must take one.
pub(crate) struct Line {
    pieces: mpsc::Sender<Piece>,
    patience: Duration,
}

impl Line {
    /// Hands a message on; whether somebody still takes them.
    pub(crate) async fn send(&self, message: Bytes) -> bool {
        self.pieces.send_timeout(Piece::Message(message), self.patience).await.is_ok()
    }

    /// Until nobody takes them any longer.
    pub(crate) async fn closed(&self) {
        self.pieces.closed().await;
    }

    /// Nothing more comes.
    pub(crate) async fn end(self, outcome: Result<(), Status>) {
        // A client that has gone needs no end.
        drop(self.pieces.send_timeout(Piece::End(outcome), self.patience).await);
    }
}

/// Messages on their way.
pub(crate) struct Pieces {
    line: mpsc::Receiver<Piece>,
    patience: Duration,
    ended: bool,
}

impl Pieces {
    /// A line and its other end, which is given up where nothing is taken for so long.
    pub(crate) fn new(patience: Duration) -> (Line, Self) {
        let (pieces, line) = mpsc::channel(AHEAD);
        (Line { pieces, patience }, Self { line, patience, ended: false })
    }

    /// The next message; an error ends it.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = ready!(self.line.poll_recv(context));
        self.ended = !matches!(piece, Some(Piece::Message(_)));
        Poll::Ready(match piece {
            Some(Piece::Message(message)) => Some(Ok(message)),
            Some(Piece::End(Ok(()))) => None,
            Some(Piece::End(Err(status))) => Some(Err(status)),
            None => Some(Err(Status::deadline_exceeded(format!(
                "nothing was read for {} s: ask again, and read faster",
                self.patience.as_secs_f64()
            )))),
        })
    }
}

/// The body of an answer: messages, then the status.
struct Frames {
    pieces: Pieces,
    told: bool,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.told {
            return Poll::Ready(None);
        }
        let status = match ready!(self.pieces.poll(context)) {
            Some(Ok(message)) => return Poll::Ready(Some(Ok(Frame::data(message)))),
            Some(Err(status)) => status,
            None => Status::ok(""),
        };
        self.told = true;
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }
}

/// Answers a DoGet.
pub(crate) async fn do_get(State(flight): State<Arc<Flight>>, request: Request) -> Response<Body> {
    match wanted(request).await.and_then(|wanted| flight.begin(&wanted)) {
        Ok(pieces) => {
            let mut response = Response::new(Body::new(Frames { pieces, told: false }));
            let kind = HeaderValue::from_static("application/grpc");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(status) => status.into_http(),
    }
}

/// What the ticket of a request is for.
async fn wanted(request: Request) -> Result<Wanted, Status> {
    let wrong = |what: &str| Status::invalid_argument(format!("{what}: send one ticket"));
    let mut bytes =
        to_bytes(request.into_body(), MOST_REQUEST).await.map_err(|_| wrong("the request is too long"))?;
    if bytes.remaining() < 5 {
        return Err(wrong("the request has no message"));
    }
    if bytes.get_u8() != 0 {
        return Err(Status::unimplemented("compressed requests are not read: send it as it is"));
    }
    if bytes.get_u32() as usize != bytes.remaining() {
        return Err(wrong("the request is not as long as it says"));
    }
    let ticket = arrow_flight::Ticket::decode(bytes).map_err(|_| wrong("the request is no ticket"))?;
    Wanted::read(&ticket.ticket)
}
