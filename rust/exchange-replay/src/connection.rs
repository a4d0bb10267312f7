//! One connection: asks are answered, prices are sent as they are published, and something goes wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::fault::Fault;
use crate::log::Delivered;
use crate::market::Published;
use crate::protocol::{self, Request};
use crate::server::Shared;
use crate::shift::shifted;
use crate::venue::Venue;

/// Frames that something is wrong with, where it is wrong with several.
const SEVERAL: usize = 10;
/// More than any frame of prices.
const OVERSIZED: usize = 2 * 1024 * 1024;
const BURST: usize = 2_000;
const LATE: Duration = Duration::from_millis(100);
/// Between the notice that it shuts down and the end.
const NOTICE: Duration = Duration::from_millis(400);
/// What was sent has arrived by then, in this machine.
const ARRIVED: Duration = Duration::from_millis(150);

/// How a connection goes on.
enum Next {
    Go,
    End,
}

pub(crate) struct Connection<S> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) socket: WebSocketStream<S>,
    /// Its place in the log.
    pub(crate) number: usize,
    pub(crate) fault: Fault,
    pub(crate) is_slow: Arc<AtomicBool>,
    /// Has the connection reset when it is dropped.
    pub(crate) reset: Box<dyn Fn() + Send>,
    channels: BTreeSet<(String, bool)>,
    /// Place in the market of the frame to be sent next.
    place: usize,
    /// Frames of prices that were sent.
    sent: usize,
    /// Of frames that are numbered over all channels.
    sequence: u64,
    /// So many are sent in another way, or left out.
    several: usize,
    /// It has said that it closes then.
    close_at: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        socket: WebSocketStream<S>,
        number: usize,
        fault: Fault,
        is_slow: Arc<AtomicBool>,
        reset: Box<dyn Fn() + Send>,
    ) -> Self {
        let channels = BTreeSet::new();
        Self {
            shared,
            socket,
            number,
            fault,
            is_slow,
            reset,
            channels,
            place: 0,
            sent: 0,
            sequence: 0,
            several: 0,
            close_at: None,
        }
    }

    /// Serves it until either side ends it.
    pub(crate) async fn serve(mut self) -> Result<(), Error> {
        let mut publish = interval(Duration::from_millis(1));
        let mut beat = interval(self.shared.options.heartbeat);
        publish.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = self.socket.next() => match message {
                    Some(message) => if let Next::End = self.heard(message?).await? { return Ok(()) },
                    None => return Ok(()),
                },
                _ = publish.tick() => if self.is_over() {
                    self.close(1012).await?;
                    return Ok(());
                } else if let Next::End = self.publish().await? { return Ok(()) },
                _ = beat.tick() => self.beat().await?,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.close_at.is_some_and(|at| Instant::now() >= at)
    }

    fn log(&self, note: impl FnOnce(&mut Delivered)) {
        self.shared.log(self.number, note);
    }

    async fn heard(&mut self, message: Message) -> Result<Next, Error> {
        let venue = self.shared.options.venue;
        let text = match message {
            Message::Text(text) => text,
            Message::Pong(_) => {
                self.log(|log| log.pongs += 1);
                return Ok(Next::Go);
            }
            Message::Close(_) => {
                self.log(|log| log.goodbye = true);
                // The answer is flushed.
                let _ = self.socket.flush().await;
                return Ok(Next::End);
            }
            _ => return Ok(Next::Go),
        };
        match protocol::request(venue, &text) {
            Request::Ping(pong) => {
                self.log(|log| log.kept_alive += 1);
                self.say(pong).await?;
            }
            Request::Subscribe(channels) => {
                self.log(|log| log.requests += 1);
                let known = channels.iter().all(|(symbol, _)| self.shared.knows(symbol));
                if self.fault == Fault::Refused || !known {
                    self.say(protocol::refused(venue)).await?;
                } else {
                    self.subscribe(&text, channels).await?;
                }
            }
            Request::Nonsense => self.say(protocol::refused(venue)).await?,
        }
        Ok(Next::Go)
    }

    async fn subscribe(&mut self, text: &str, channels: Vec<(String, bool)>) -> Result<(), Error> {
        let venue = self.shared.options.venue;
        for answer in protocol::granted(venue, text, &channels) {
            self.say(&answer).await?;
        }
        for (symbol, is_trade) in &channels {
            // What was before the subscription, as the venue sends it.
            let before = self.shared.first(symbol, *is_trade);
            let before = match (venue, is_trade) {
                (Venue::Coinbase, true) => before.map(|frame| frame.replace("\"match\"", "\"last_match\"")),
                (Venue::Coinbase, false) | (Venue::Okx, true) => before,
                _ => None,
            };
            if let Some(before) = before {
                self.say(&before).await?;
            }
        }
        self.shared.start();
        if self.channels.is_empty() {
            self.place = self.shared.published();
        }
        self.channels.extend(channels);
        Ok(())
    }

    /// Sends a text, numbered where the venue numbers all.
    async fn say(&mut self, text: &str) -> Result<(), Error> {
        let message = self.numbered(text);
        self.socket.send(Message::text(message)).await
    }

    fn numbered(&mut self, text: &str) -> String {
        if self.shared.options.venue != Venue::CoinbaseAdvanced {
            return text.to_owned();
        }
        let numbered = text.replace("\"sequence_num\":0", &format!("\"sequence_num\":{}", self.sequence));
        self.sequence += 1;
        numbered
    }

    async fn beat(&mut self) -> Result<(), Error> {
        match self
            .channels
            .first()
            .and_then(|(symbol, _)| protocol::heartbeat(self.shared.options.venue, symbol))
        {
            Some(beat) => self.say(&beat).await,
            None => self.socket.send(Message::Ping(b"1723161255343".to_vec().into())).await,
        }
    }

    /// Sends what was published since.
    async fn publish(&mut self) -> Result<Next, Error> {
        let shared = Arc::clone(&self.shared);
        let until = shared.published_before(if self.fault == Fault::Late { LATE } else { Duration::ZERO });
        while self.place < until && !self.channels.is_empty() {
            let place = self.place;
            self.place += 1;
            let Published { channel, text, .. } = shared.frame(place);
            if !self.channels.contains(channel) {
                continue;
            }
            if self.sent == shared.options.after && self.fault != Fault::None {
                self.sent += 1;
                if let Next::End = self.misbehave().await? {
                    return Ok(Next::End);
                }
            }
            self.deliver(place, channel.1, text).await?;
        }
        self.socket.flush().await?;
        Ok(Next::Go)
    }

    /// Sends a frame of prices, in the way that is wrong at the time.
    async fn deliver(&mut self, place: usize, is_trade: bool, frame: &str) -> Result<(), Error> {
        if self.fault == Fault::Skipped && self.several > 0 && is_trade {
            self.several = 0;
            self.sequence += 1;
            return Ok(());
        }
        let hours = self.shared.hours.load(Ordering::Acquire);
        let frame = if hours == 0 { frame.to_owned() } else { shifted(frame, hours) };
        let frame = self.numbered(&frame);
        let is_other = self.several > 0;
        self.several = self.several.saturating_sub(1);
        match self.fault {
            Fault::Fragmented if is_other => self.in_pieces(&frame).await?,
            Fault::Repeated if is_other => {
                self.socket.feed(Message::text(frame.clone())).await?;
                self.socket.feed(Message::text(frame)).await?;
            }
            Fault::Drip => {
                self.socket.send(Message::text(frame)).await?;
                self.is_slow.store(self.several > 0, Ordering::Release);
            }
            _ => self.socket.feed(Message::text(frame)).await?,
        }
        self.sent += 1;
        self.log(|log| log.frames.push((place, hours)));
        Ok(())
    }

    /// One message in three frames, with a ping in between.
    async fn in_pieces(&mut self, text: &str) -> Result<(), Error> {
        let bytes = text.as_bytes();
        let (first, rest) = bytes.split_at(bytes.len() / 3);
        let (second, third) = rest.split_at(rest.len() / 2);
        for (number, piece) in [first, second, third].into_iter().enumerate() {
            let opcode = if number == 0 { Data::Text } else { Data::Continue };
            let header =
                FrameHeader { is_final: number == 2, opcode: OpCode::Data(opcode), ..FrameHeader::default() };
            self.socket.feed(Message::Frame(Frame::from_payload(header, piece.to_vec().into()))).await?;
            if number == 0 {
                self.socket.feed(Message::Ping(Vec::new().into())).await?;
            }
        }
        Ok(())
    }

    /// Does what is wrong with this connection.
    async fn misbehave(&mut self) -> Result<Next, Error> {
        self.socket.flush().await?;
        match self.fault {
            Fault::Silence => {
                // It is read, and nothing is said.
                while let Some(message) = self.socket.next().await {
                    if message?.is_close() {
                        break;
                    }
                }
                return Ok(Next::End);
            }
            Fault::HalfOpen => std::future::pending().await,
            Fault::Reset => {
                sleep(ARRIVED).await;
                (self.reset)();
                return Ok(Next::End);
            }
            Fault::Close(code) => return self.close(code).await,
            Fault::Compressed => {
                let header =
                    FrameHeader { rsv1: true, opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
                let frame =
                    Frame::from_payload(header, b"\xaa\x56\x4a\x2e\x4a\x2c\x29\x56\x02\x00".to_vec().into());
                self.socket.send(Message::Frame(frame)).await?;
                return self.linger().await;
            }
            Fault::Oversized => {
                let text = format!("{{\"data\":\"{}\"}}", "x".repeat(OVERSIZED));
                // The other side may end it before all is sent.
                let _ = self.socket.send(Message::text(text)).await;
                return self.linger().await;
            }
            Fault::WrongJson => {
                for text in ["{\"e\":", "neither", "{\"e\":\"trade\",\"s\":1}"] {
                    self.socket.send(Message::text(text)).await?;
                }
                self.socket.send(Message::Binary(vec![0, 159, 146, 150].into())).await?;
            }
            Fault::Drip | Fault::Fragmented | Fault::Repeated | Fault::Skipped => {
                self.several = if self.fault == Fault::Drip { 3 } else { SEVERAL };
                self.is_slow.store(self.fault == Fault::Drip, Ordering::Release);
            }
            Fault::Skewed(hours) => self.shared.hours.store(hours, Ordering::Release),
            Fault::Burst => self.shared.publish_more(BURST),
            Fault::Shutdown => return self.shut_down().await,
            Fault::None | Fault::Late | Fault::Extension | Fault::Http(..) | Fault::Refused => {}
        }
        Ok(Next::Go)
    }

    /// Says that it is about to close, and does after a while; at once where the venue has no words for it.
    async fn shut_down(&mut self) -> Result<Next, Error> {
        let Some(notice) = protocol::notice(self.shared.options.venue) else { return self.close(1012).await };
        self.say(notice).await?;
        self.close_at = Some(Instant::now() + NOTICE);
        Ok(Next::Go)
    }

    async fn close(&mut self, code: u16) -> Result<Next, Error> {
        let frame = CloseFrame { code: code.into(), reason: "as it was told to".into() };
        self.socket.close(Some(frame)).await?;
        self.linger().await
    }

    /// Waits for the other side to end it, so that what was sent is not cut off.
    async fn linger(&mut self) -> Result<Next, Error> {
        let read = async { while self.socket.next().await.is_some_and(|message| message.is_ok()) {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
        Ok(Next::End)
    }
}
