//! What the server counts of itself. Shared by everyone, read at each scrape.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use silverbullet_query::ErrorKind;

/// Upper ends of the buckets for queries, in seconds.
const QUERY_SECONDS: [f64; 8] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
/// Upper ends of the buckets for scenes, in seconds.
const SCENE_SECONDS: [f64; 8] = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];

/// Counts and durations; clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    /// Queries begun, those refused for want of a place not included.
    pub(crate) queries: Counter,
    /// Queries that were not answered, by reason.
    pub(crate) failures: Family<Failure, Counter>,
    /// Queries refused because enough others were under way.
    pub(crate) refused: Counter,
    /// Queries under way.
    pub(crate) running: Gauge,
    /// From a query's arrival to its last row.
    pub(crate) query_seconds: Histogram,
    /// Clients of the stream.
    pub(crate) clients: Gauge,
    /// Messages handed to clients of the stream.
    pub(crate) messages: Counter,
    /// Their bytes.
    pub(crate) message_bytes: Counter,
    /// Clients closed because they took nothing.
    pub(crate) stalled: Counter,
    /// To form a scene.
    pub(crate) scene_seconds: Histogram,
}

/// Why a query failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Failure {
    reason: &'static str,
}

impl Failure {
    pub(crate) fn of(kind: ErrorKind) -> Self {
        Self { reason: kind.name() }
    }
}

impl Meters {
    /// New counts, known to `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            queries: Counter::default(),
            failures: Family::default(),
            refused: Counter::default(),
            running: Gauge::default(),
            query_seconds: Histogram::new(QUERY_SECONDS),
            clients: Gauge::default(),
            messages: Counter::default(),
            message_bytes: Counter::default(),
            stalled: Counter::default(),
            scene_seconds: Histogram::new(SCENE_SECONDS),
        };
        registry.register("sql_queries", "SQL queries begun", meters.queries.clone());
        registry.register("sql_failures", "SQL queries not answered, by reason", meters.failures.clone());
        let help = "SQL queries refused because enough others were under way";
        registry.register("sql_refused", help, meters.refused.clone());
        registry.register("sql_running", "SQL queries under way", meters.running.clone());
        let help = "Time from a query's arrival to its last row";
        registry.register_with_unit("sql_query", help, Unit::Seconds, meters.query_seconds.clone());
        registry.register("stream_clients", "Clients of the WebSocket stream", meters.clients.clone());
        let help = "Messages handed to clients of the stream";
        registry.register("stream_messages", help, meters.messages.clone());
        let help = "Size of the messages handed to clients of the stream";
        registry.register_with_unit("stream_messages", help, Unit::Bytes, meters.message_bytes.clone());
        let help = "Clients of the stream closed because they took nothing";
        registry.register("stream_stalled", help, meters.stalled.clone());
        let help = "Time to form a scene: cloud, frontier and assets with the open bar";
        registry.register_with_unit("scene", help, Unit::Seconds, meters.scene_seconds.clone());
        meters
    }
}
