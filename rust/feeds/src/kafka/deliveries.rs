//! What has become of the messages of a producer: counted as the client library reports it, read by anyone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

/// Counts and state of one producer.
#[derive(Debug, Default)]
pub struct Deliveries {
    sent: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    away: AtomicBool,
    failure: Mutex<Option<String>>,
    problem: Mutex<String>,
}

/// How many messages there were, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Handed to the client library.
    pub sent: u64,
    /// Acknowledged by the brokers, each once.
    pub delivered: u64,
    /// Given up.
    pub failed: u64,
}

impl Counts {
    /// On their way: neither delivered nor given up.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.sent.saturating_sub(self.delivered).saturating_sub(self.failed)
    }
}

impl Deliveries {
    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        // What has come back is read first, so that nothing seems to have come back that was not sent.
        let (delivered, failed) =
            (self.delivered.load(Ordering::Acquire), self.failed.load(Ordering::Acquire));
        Counts { sent: self.sent.load(Ordering::Acquire), delivered, failed }
    }

    /// True from the moment the client library has lost all brokers until something is delivered again.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    /// Why the first message that failed did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the client library last said of a broker it cannot reach; empty for nothing.
    pub(crate) fn problem(&self) -> String {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire) > 0
    }

    /// Counts one that is about to be handed over: before its delivery can be reported.
    #[inline]
    pub(crate) fn add_sent(&self) {
        self.sent.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes one back that the client library has not taken.
    pub(crate) fn take_back(&self) {
        self.sent.fetch_sub(1, Ordering::AcqRel);
    }

    fn settle(&self, error: Option<&KafkaError>) {
        let Some(error) = error else {
            self.delivered.fetch_add(1, Ordering::AcqRel);
            if self.away.load(Ordering::Relaxed) {
                self.away.store(false, Ordering::Release);
            }
            return;
        };
        // Before the count, so that whoever sees the count finds the reason.
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| reason(error));
        drop(failure);
        self.failed.fetch_add(1, Ordering::AcqRel);
    }
}

/// What the client library says, without the names of its types around it.
pub(crate) fn reason(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(code) => code.to_string(),
        None => error.to_string(),
    }
}

/// Hears from the client library, on its polling thread.
pub(crate) struct Context(pub(crate) Arc<Deliveries>);

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters comes as an error or a delivery too; its own lines would stand between ours.
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }

    fn error(&self, error: KafkaError, text: &str) {
        tracing::debug!(target: "librdkafka", %error, "{text}");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.0.away.store(true, Ordering::Release);
        } else {
            // How long it has been in which state says nothing to a person.
            let text = text.split(" (after ").next().unwrap_or(text);
            text.clone_into(&mut self.0.problem.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.settle(result.as_ref().err().map(|(error, _)| error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_counted_and_the_first_reason_kept() {
        let deliveries = Arc::new(Deliveries::default());
        let context = Context(Arc::clone(&deliveries));
        for _ in 0..4 {
            deliveries.add_sent();
        }
        deliveries.take_back();
        assert_eq!(deliveries.counts().pending(), 3);
        context.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "refused (after 0ms)");
        assert!(!deliveries.is_away());
        context.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert!(deliveries.is_away());
        assert_eq!(deliveries.problem(), "refused");
        deliveries.settle(Some(&KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)));
        assert!(deliveries.is_away() && deliveries.has_failed());
        deliveries.settle(None);
        deliveries.settle(Some(&KafkaError::MessageProduction(RDKafkaErrorCode::UnknownTopic)));
        assert!(!deliveries.is_away());
        assert_eq!(deliveries.counts(), Counts { sent: 3, delivered: 1, failed: 2 });
        assert_eq!(deliveries.counts().pending(), 0);
        assert!(deliveries.failure().unwrap().contains("timed out"), "{:?}", deliveries.failure());
    }
}
