//! One connection, as far as supervision knows it.

use silverbullet_market::{Nanos, format_duration};

use super::{Id, Loss};
use crate::exchange::policy::Policy;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Open,
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) id: Id,
    pub(super) stage: Stage,
    /// When it came to its stage.
    pub(super) since: Nanos,
    /// When something came last.
    pub(super) heard: Nanos,
    /// The first price came then.
    pub(super) priced: Option<Nanos>,
    /// Something that it was asked for was refused.
    pub(super) refused: bool,
    /// Frames that have asked for prices.
    pub(super) asked: usize,
    /// Nothing may be sent before.
    pub(super) send_at: Nanos,
    pub(super) kept_alive: Nanos,
}

impl Conn {
    pub(super) fn new(id: Id, now: Nanos) -> Self {
        Self {
            id,
            stage: Stage::Connecting,
            since: now,
            heard: now,
            priced: None,
            refused: false,
            asked: 0,
            send_at: now,
            kept_alive: now,
        }
    }

    pub(super) fn open(&mut self, now: Nanos) {
        (self.stage, self.since) = (Stage::Open, now);
        (self.send_at, self.kept_alive) = (now, now);
    }

    /// When it is to be given up, unless something changes.
    fn deadline(&self, policy: &Policy) -> Nanos {
        match self.stage {
            Stage::Connecting => self.since + policy.open_within,
            Stage::Open if self.is_useless() => {
                (self.since + policy.silence).min(self.heard + policy.silence)
            }
            Stage::Open => self.heard + policy.silence,
        }
    }

    /// It refuses and brings nothing: answers to what keeps it alive do not count.
    fn is_useless(&self) -> bool {
        self.refused && self.priced.is_none()
    }

    /// Why it is to be given up by now.
    pub(super) fn give_up(&self, policy: &Policy, now: Nanos) -> Option<Loss> {
        if now < self.deadline(policy) {
            return None;
        }
        let after = format_duration;
        Some(match self.stage {
            Stage::Connecting => {
                Loss::new("did not open", format!("no connection within {}", after(policy.open_within)))
            }
            Stage::Open if self.is_useless() => Loss::new("refused", "no price came after the refusal"),
            Stage::Open => Loss::new("silent", format!("nothing came for {}", after(policy.silence))),
        })
    }

    pub(super) fn keep_alive_due(&self, policy: &Policy) -> Option<Nanos> {
        policy.keep_alive.map(|every| self.kept_alive + every)
    }

    pub(super) fn wake_at(&self, policy: &Policy, frames: usize) -> Nanos {
        let mut wake = self.deadline(policy);
        if self.stage == Stage::Open {
            if self.asked < frames {
                wake = wake.min(self.send_at);
            } else if let Some(at) = self.keep_alive_due(policy) {
                wake = wake.min(at.max(self.send_at));
            }
        }
        wake
    }
}
