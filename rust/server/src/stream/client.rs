//! One client of the stream.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::TAKING;
use super::messages::HelloView;
use crate::hub::{Drawn, Hub};
use crate::service::Shared;

/// How often a client is asked for a sign of life.
const PING: Duration = Duration::from_secs(10);
/// A client that has given none for this long is gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// Given to a client to answer the server's goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What is sent to one client, and what it has been sent.
pub(super) struct Client {
    shared: Arc<Shared>,
    hub: Arc<Hub>,
    place: usize,
    period: Duration,
    /// Sequence of the publication sent last.
    sequence: Option<u64>,
    /// The scene sent last.
    drawn: Option<Arc<Drawn>>,
    heard: Instant,
}

/// Why a connection ends.
enum Ending {
    /// The client has said goodbye or is gone.
    Gone,
    /// It takes nothing, or gives no sign of life.
    Stalled,
    /// The server stops.
    Stopping,
}

type Step = Result<(), Ending>;

impl Client {
    pub(super) fn new(shared: Arc<Shared>, hub: Arc<Hub>, place: usize, rate: u32) -> Self {
        let period = Duration::from_secs(1) / rate;
        Self { shared, hub, place, period, sequence: None, drawn: None, heard: Instant::now() }
    }

    /// Serves until either side ends it.
    pub(super) async fn serve(mut self, mut socket: WebSocket) {
        let meters = self.shared.meters.clone();
        meters.clients.inc();
        let mut stopping = self.shared.stopping.clone();
        let ending = tokio::select! {
            Err(ending) = self.talk(&mut socket) => ending,
            _ = stopping.wait_for(|stop| *stop) => Ending::Stopping,
        };
        match ending {
            Ending::Gone => {}
            Ending::Stalled => drop(meters.stalled.inc()),
            // Who is gone or takes nothing does not hear it; the server's end does not wait for them long.
            Ending::Stopping => drop(tokio::time::timeout(GOODBYE, say_goodbye(&mut socket)).await),
        }
        meters.clients.dec();
    }

    /// Ends with the reason only.
    async fn talk(&mut self, socket: &mut WebSocket) -> Step {
        let Some(mut states) = self.shared.pulse.follow(self.place) else { return Err(Ending::Gone) };
        states.mark_changed();
        let hello = HelloView::new(&self.hub.live, &self.shared.version);
        let hello = serde_json::to_string(&hello).map_err(|_| Ending::Gone)?;
        self.send(socket, Message::Text(hello.into())).await?;
        let mut updates = every(self.period);
        let mut pings = every(PING);
        loop {
            tokio::select! {
                received = socket.recv() => self.receive(received)?,
                changed = states.changed() => {
                    changed.map_err(|_| Ending::Stopping)?;
                    self.state(socket, &mut states).await?;
                }
                _ = updates.tick() => self.update(socket).await?,
                _ = pings.tick() => self.ping(socket).await?,
            }
        }
    }

    /// Whatever comes is a sign of life and nothing else. The library answers pings.
    fn receive(&mut self, received: Option<Result<Message, axum::Error>>) -> Step {
        match received {
            None | Some(Err(_) | Ok(Message::Close(_))) => Err(Ending::Gone),
            Some(Ok(_)) => {
                self.heard = Instant::now();
                Ok(())
            }
        }
    }

    async fn state(&self, socket: &mut WebSocket, states: &mut watch::Receiver<Utf8Bytes>) -> Step {
        let state = states.borrow_and_update().clone();
        if state.as_str().is_empty() { Ok(()) } else { self.send(socket, Message::Text(state)).await }
    }

    /// What is newest, if the client does not have it.
    async fn update(&mut self, socket: &mut WebSocket) -> Step {
        if let Some(update) = self.hub.update()
            && self.sequence != Some(update.sequence)
        {
            self.sequence = Some(update.sequence);
            for message in &update.messages {
                self.send(socket, Message::Binary(message.clone())).await?;
            }
        }
        self.scene(socket).await
    }

    async fn scene(&mut self, socket: &mut WebSocket) -> Step {
        let Some(drawn) = self.hub.scene(&self.shared.meters).await else { return Ok(()) };
        if self.drawn.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, &drawn)) {
            return Ok(());
        }
        if let Some(pictures) = drawn.pictures(&self.hub.live) {
            for message in &pictures.messages {
                self.send(socket, Message::Binary(message.clone())).await?;
            }
        }
        self.drawn = Some(drawn);
        Ok(())
    }

    async fn ping(&self, socket: &mut WebSocket) -> Step {
        if self.heard.elapsed() > SIGN_OF_LIFE {
            return Err(Ending::Stalled);
        }
        self.send(socket, Message::Ping(axum::body::Bytes::new())).await
    }

    /// One message, written out before the next is thought of.
    async fn send(&self, socket: &mut WebSocket, message: Message) -> Step {
        let bytes = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => 0,
        };
        match tokio::time::timeout(TAKING, socket.send(message)).await {
            Ok(Ok(())) => {
                self.shared.meters.messages.inc();
                self.shared.meters.message_bytes.inc_by(bytes as u64);
                Ok(())
            }
            Ok(Err(_)) => Err(Ending::Gone),
            Err(_) => Err(Ending::Stalled),
        }
    }
}

/// Says that the server stops, and waits for the answer: bytes unread at the end would take it back.
async fn say_goodbye(socket: &mut WebSocket) {
    let reason = Utf8Bytes::from_static("the server stops");
    let frame = CloseFrame { code: close_code::AWAY, reason };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
