//! Once a second the state of every universe is taken, for all clients of the stream at once.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::messages::{Counted, StateView};
use crate::service::Shared;

/// How often a state is taken.
const PERIOD: Duration = Duration::from_secs(1);

/// The newest state of each universe as a message.
pub(crate) struct Pulse(Vec<watch::Sender<Utf8Bytes>>);

impl Pulse {
    /// Nothing yet for `universes` universes.
    pub(crate) fn new(universes: usize) -> Self {
        Self((0..universes).map(|_| watch::channel(Utf8Bytes::default()).0).collect())
    }

    /// Follows the universe at `place`; `None` where there is none.
    pub(crate) fn follow(&self, place: usize) -> Option<watch::Receiver<Utf8Bytes>> {
        self.0.get(place).map(watch::Sender::subscribe)
    }
}

/// Takes states until it is dropped.
pub(crate) async fn beat(shared: Arc<Shared>) {
    let mut ticker = tokio::time::interval(PERIOD);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut counted: Vec<_> = shared.hubs.iter().map(|hub| Counted::of(&hub.live)).collect();
    let mut before = shared.clock.monotonic();
    loop {
        ticker.tick().await;
        let now = shared.clock.monotonic();
        let seconds = Duration::from_nanos(now.saturating_sub(before).max(0).unsigned_abs()).as_secs_f64();
        // The very first comes at once, when there is no second to speak of.
        let seconds = if seconds < PERIOD.as_secs_f64() / 2.0 { 0.0 } else { seconds };
        for ((hub, counted), sender) in shared.hubs.iter().zip(&mut counted).zip(&shared.pulse.0) {
            let next = Counted::of(&hub.live);
            let state = StateView::new(&shared, &hub.live, std::mem::replace(counted, next), seconds);
            match serde_json::to_string(&state) {
                Ok(text) => drop(sender.send_replace(text.into())),
                Err(error) => tracing::error!(%error, "a state could not be written"),
            }
        }
        before = now;
    }
}
