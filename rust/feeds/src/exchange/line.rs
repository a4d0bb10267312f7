//! Carries out what supervision decides: opens sockets, reads and writes them. Nothing is decided here.
//!
//! All frames that have come are taken with one wake-up and one look at the clock; then it is seen to what else is due.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Sink as _, Stream as _};
use silverbullet_market::{Nanos, StopFlag};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::desk::Desk;
use super::reader::Reader;
use super::socket::{self, Address, Connect, Opened, Socket};
use super::supervise::{Action, Fact, Id, Loss, Supervisor};
use super::told::{Connection, Step};
use super::venue::{Said, Venue};

/// Frames taken before it is looked at what else is due.
const AT_ONCE: usize = 256;
/// How soon a raised stop flag is seen.
const TICK: Nanos = 50_000_000;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(250);
/// Characters of a refusal that are told.
const WORDS: usize = 200;

/// What all connections of a source have in common.
pub(crate) struct Common<'a> {
    pub(crate) desk: &'a RefCell<Desk>,
    pub(crate) connect: &'a dyn Connect,
    pub(crate) address: &'a Address,
    /// Makes the venue anew, for each connection.
    pub(crate) make: fn() -> Box<dyn Venue>,
}

/// Some symbols of a venue, and the connections that their prices come by: one, and its replacement at times.
pub(crate) struct Line<'a> {
    number: u32,
    common: &'a Common<'a>,
    supervisor: Supervisor,
    /// What asks for the prices.
    frames: Vec<String>,
    keep_alive: Option<&'static str>,
    links: Vec<Link>,
    goodbyes: Vec<JoinHandle<()>>,
}

/// A connection.
struct Link {
    id: Id,
    reader: Reader,
    state: State,
    outgoing: VecDeque<Message>,
    unflushed: bool,
}

enum State {
    Opening(Pin<Box<dyn Future<Output = Result<Opened, Loss>>>>),
    Open(Box<Socket>),
}

impl<'a> Line<'a> {
    /// The line with this number of a source, for `frames`, which ask for its prices.
    pub(crate) fn new(
        number: u32,
        common: &'a Common<'a>,
        supervisor: Supervisor,
        frames: Vec<String>,
        keep_alive: Option<&'static str>,
    ) -> Self {
        Self { number, common, supervisor, frames, keep_alive, links: Vec::new(), goodbyes: Vec::new() }
    }

    /// Brings prices until `stop` is raised.
    pub(crate) async fn run(mut self, stop: &StopFlag) {
        while !stop.is_raised() {
            let now = self.now();
            self.supervisor.due(now);
            self.act();
            self.common.desk.borrow_mut().settle(now);
            let wake = self.supervisor.wake_at().clamp(now, now + TICK);
            let mut sleep = pin!(tokio::time::sleep(Duration::from_nanos((wake - now).unsigned_abs())));
            poll_fn(|cx| if self.poll(cx) { Poll::Ready(()) } else { sleep.as_mut().poll(cx) }).await;
        }
        self.supervisor.stop();
        self.act();
        for goodbye in self.goodbyes {
            // It has an end of its own.
            let _ = goodbye.await;
        }
    }

    fn now(&self) -> Nanos {
        self.common.desk.borrow().now()
    }

    /// Takes what has come on any connection; true where it is to be seen to what is due.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut is_due = false;
        let mut index = 0;
        // A fact may have a connection removed: then all are looked at again.
        while index < self.links.len() && !is_due {
            is_due = self.poll_link(index, cx);
            index += 1;
        }
        is_due
    }

    fn poll_link(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let link = &mut self.links[index];
        match &mut link.state {
            State::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => false,
                Poll::Ready(outcome) => self.opened(index, outcome),
            },
            State::Open(socket) => {
                let sent = send(socket, &mut link.outgoing, &mut link.unflushed, cx);
                match sent {
                    Err(error) => self.lost(index, socket::of_error(error)),
                    Ok(()) => self.read(index, cx),
                }
            }
        }
    }

    fn opened(&mut self, index: usize, outcome: Result<Opened, Loss>) -> bool {
        let now = self.now();
        let Opened { socket, time } = match outcome {
            Ok(opened) => opened,
            Err(loss) => return self.lost(index, loss),
        };
        let link = &mut self.links[index];
        let id = link.id;
        if let Some(time) = time {
            self.common.desk.borrow_mut().step(&mut link.reader, now, Step::Answered(time));
        }
        link.state = State::Open(socket);
        self.fact(id, Fact::Opened, now)
    }

    fn lost(&mut self, index: usize, loss: Loss) -> bool {
        let (id, now) = (self.links[index].id, self.now());
        self.fact(id, Fact::Lost(loss), now)
    }

    fn fact(&mut self, id: Id, fact: Fact, now: Nanos) -> bool {
        self.supervisor.fact(id, fact, now);
        self.act();
        true
    }

    /// Takes the frames that have come.
    fn read(&mut self, index: usize, cx: &mut Context<'_>) -> bool {
        let now = self.now();
        let id = self.links[index].id;
        for taken in 0..AT_ONCE {
            let State::Open(socket) = &mut self.links[index].state else { return false };
            let message = match Pin::new(&mut **socket).poll_next(cx) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return self.lost(index, socket::of_error(error)),
                Poll::Ready(None) => return self.lost(index, socket::of_error(Error::ConnectionClosed)),
            };
            if taken == 0 {
                self.supervisor.heard(id, now);
            }
            let is_due = match message {
                Message::Text(text) => self.frame(index, now, &text),
                Message::Binary(bytes) => self.binary(index, now, bytes.len()),
                Message::Close(frame) => {
                    // The answer is on its way with the next flush.
                    let _ = Pin::new(&mut **socket).poll_flush(cx);
                    self.lost(index, socket::of_close(frame.as_ref()))
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => false,
            };
            if is_due {
                return true;
            }
        }
        true
    }

    fn binary(&mut self, index: usize, now: Nanos, length: usize) -> bool {
        let reader = &mut self.links[index].reader;
        self.common.desk.borrow_mut().step(reader, now, Step::Binary(length));
        false
    }

    /// Takes a frame; true where it says something of the connection.
    fn frame(&mut self, index: usize, now: Nanos, text: &str) -> bool {
        let link = &mut self.links[index];
        let id = link.id;
        let outcome = self.common.desk.borrow_mut().step(&mut link.reader, now, Step::Frame(text));
        if outcome.awaits {
            // A gap is told before the price that ends it.
            self.fact(id, Fact::Priced, now);
            self.common.desk.borrow_mut().step(&mut self.links[index].reader, now, Step::Taken);
        }
        match outcome.said {
            Some(Said::Closing) => self.fact(id, Fact::Closing, now),
            Some(Said::Refused) => {
                let words = text.chars().take(WORDS).flat_map(char::escape_debug).collect();
                self.fact(id, Fact::Refused(words), now)
            }
            Some(Said::Prices | Said::Other(_)) | None => false,
        }
    }

    /// Does what supervision has decided.
    fn act(&mut self) {
        while let Some(action) = self.supervisor.action() {
            match action {
                Action::Connect(id) => self.connect(id),
                Action::Subscribe(id, number) => {
                    let frame = self.frames[number].clone();
                    self.send(id, frame);
                }
                Action::KeepAlive(id) => self.send(id, self.keep_alive.unwrap_or_default().to_owned()),
                Action::Switch(id) => self.switch(id),
                Action::Close(id) => self.close(id),
                Action::Drop(id) => drop(self.remove(id)),
                Action::Tell(kind, reason, detail) => {
                    self.common.desk.borrow_mut().tell(kind, reason, &detail);
                }
                Action::Gap { from, to, why } => self.common.desk.borrow_mut().gap(from, to, why),
                Action::Show(status, reason) => {
                    let losses = self.supervisor.losses();
                    self.common.desk.borrow_mut().board.line(self.number as usize, status, reason, losses);
                }
            }
        }
    }

    fn connect(&mut self, id: Id) {
        let Common { connect, address, make, .. } = *self.common;
        let opening = Box::pin(socket::open(connect.connect(address), address.clone()));
        let mut reader = Reader::new(Connection { line: self.number, number: id }, make());
        // Beside another one it is a replacement.
        let begun = Step::Begun { held: !self.links.is_empty() };
        let mut desk = self.common.desk.borrow_mut();
        let now = desk.now();
        desk.step(&mut reader, now, begun);
        let state = State::Opening(opening);
        self.links.push(Link { id, reader, state, outgoing: VecDeque::new(), unflushed: false });
    }

    fn send(&mut self, id: Id, text: String) {
        if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
            link.outgoing.push_back(Message::text(text));
        }
    }

    fn switch(&mut self, id: Id) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == id) else { return };
        let mut desk = self.common.desk.borrow_mut();
        let now = desk.now();
        desk.step(&mut link.reader, now, Step::Switched);
    }

    /// Takes a connection away.
    fn remove(&mut self, id: Id) -> Option<Link> {
        let index = self.links.iter().position(|link| link.id == id)?;
        let mut link = self.links.remove(index);
        let mut desk = self.common.desk.borrow_mut();
        let now = desk.now();
        desk.step(&mut link.reader, now, Step::Ended);
        Some(link)
    }

    fn close(&mut self, id: Id) {
        let Some(link) = self.remove(id) else { return };
        if let State::Open(socket) = link.state {
            self.goodbyes.retain(|goodbye| !goodbye.is_finished());
            self.goodbyes.push(tokio::spawn(say_goodbye(socket)));
        }
    }
}

/// Sends what waits to be sent, as far as the other side takes it.
fn send(
    socket: &mut Socket,
    outgoing: &mut VecDeque<Message>,
    unflushed: &mut bool,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    while !outgoing.is_empty() {
        match Pin::new(&mut *socket).poll_ready(cx)? {
            Poll::Pending => return Ok(()),
            Poll::Ready(()) => {
                if let Some(message) = outgoing.pop_front() {
                    Pin::new(&mut *socket).start_send(message)?;
                    *unflushed = true;
                }
            }
        }
    }
    if *unflushed && Pin::new(&mut *socket).poll_flush(cx)?.is_ready() {
        *unflushed = false;
    }
    Ok(())
}

/// Closes a connection as is proper: with a frame, and the other side's answer to it.
async fn say_goodbye(mut socket: Box<Socket>) {
    let goodbye = async {
        if socket.close(None).await.is_ok() {
            while poll_fn(|cx| Pin::new(&mut *socket).poll_next(cx))
                .await
                .is_some_and(|message| message.is_ok())
            {}
        }
    };
    // Whoever does not answer is left without.
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}
