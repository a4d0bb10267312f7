//! What the client library tells of the connection: kept for the thread that reads, and for the watch.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, Statistics};
use silverbullet_market::{Clock, Nanos, SourceStatus, SourceWatch};

/// The state of a connection, shared with the client library's callbacks.
pub(crate) struct Connection {
    clock: Arc<dyn Clock>,
    watch: SourceWatch,
    /// Whether a broker is connected to, as of the last look, about once a second.
    up: AtomicBool,
    /// Since when it has been, on the monotonic clock.
    since: AtomicI64,
    /// Why brokers were last not to be had, in the library's words.
    cause: Mutex<Option<String>>,
    /// What is to be told in `events`: lost, or back.
    news: Mutex<Vec<(&'static str, String)>>,
}

impl Connection {
    pub(crate) fn new(clock: Arc<dyn Clock>, watch: SourceWatch) -> Arc<Self> {
        let since = AtomicI64::new(clock.monotonic());
        Arc::new(Self {
            clock,
            watch,
            up: AtomicBool::new(true),
            since,
            cause: Mutex::default(),
            news: Mutex::default(),
        })
    }

    /// Since when a broker has been connected to; `None` while none is.
    pub(crate) fn up_since(&self) -> Option<Nanos> {
        self.up.load(Ordering::Acquire).then(|| self.since.load(Ordering::Acquire))
    }

    /// What has happened since the last look.
    pub(crate) fn news(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn lost(&self, reason: String) {
        let was_up = self.up.swap(false, Ordering::AcqRel);
        self.watch.update(|state| {
            state.status = SourceStatus::Failing;
            state.losses += u64::from(was_up);
            state.reason = Some(reason.clone());
        });
        if was_up {
            self.since.store(self.clock.monotonic(), Ordering::Release);
            tracing::warn!(reason, "Kafka is away; it is tried again");
            self.tell("connection lost", reason);
        }
    }

    pub(crate) fn back(&self) {
        if !self.up.swap(true, Ordering::AcqRel) {
            let now = self.clock.monotonic();
            let away = (now - self.since.swap(now, Ordering::AcqRel)) as f64 / 1e9;
            tracing::info!(away, "Kafka is back");
            self.tell("connection back", format!("after {away:.1} s"));
        }
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.watch.update(|state| (state.status, state.reason) = (SourceStatus::Ok, None));
    }

    fn tell(&self, reason: &'static str, detail: String) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push((reason, detail));
    }
}

/// Hands the library's callbacks on.
pub(crate) struct Listener(pub(crate) Arc<Connection>);

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "librdkafka");
    }

    fn stats(&self, statistics: Statistics) {
        let mut brokers = statistics.brokers.values().filter(|broker| broker.nodeid >= 0).peekable();
        if brokers.peek().is_none() {
            return;
        }
        if brokers.any(|broker| broker.state == "UP" || broker.state == "UPDATE") {
            self.0.back();
        } else {
            self.0.lost("no broker answers; start it, or see whether it can be reached".to_owned());
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.fail(&error, reason);
    }
}

impl ConsumerContext for Listener {}

impl Connection {
    /// Takes an error that concerns the whole client.
    pub(crate) fn fail(&self, error: &KafkaError, reason: &str) {
        use rdkafka::error::RDKafkaErrorCode::{
            AllBrokersDown, Authentication, BrokerTransportFailure, Resolve, SSL,
        };
        let code = error.rdkafka_error_code();
        let what = if reason.is_empty() { error.to_string() } else { reason.to_owned() };
        let cause = match code {
            Some(Authentication) => {
                format!("{what}; see sasl.mechanism, sasl.username and sasl.password in [kafka.properties]")
            }
            Some(SSL) => {
                format!("{what}; see security.protocol and ssl.ca.location in [kafka.properties]")
            }
            Some(Resolve | BrokerTransportFailure) => what,
            // It says that there is no connection, and not why.
            Some(AllBrokersDown) => {
                let known = self.cause().unwrap_or(what);
                return self.lost(format!("{known}; start the broker, or see whether it can be reached"));
            }
            _ => return tracing::debug!(%error, reason, "Kafka"),
        };
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause.clone());
        if code != Some(BrokerTransportFailure) {
            self.lost(cause);
        }
    }

    /// Why brokers were last not to be had, where the library has said so.
    pub(crate) fn cause(&self) -> Option<String> {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
