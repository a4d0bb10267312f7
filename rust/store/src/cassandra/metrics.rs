//! What the driver has counted since the session began.

use std::collections::BTreeMap;

use super::connection::Connection;

/// Counts and latencies of requests, as the driver has them. Latencies are in milliseconds; `None` before there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct DriverMetrics {
    pub requests: u64,
    pub errors: u64,
    pub timeouts: u64,
    pub connections: u64,
    pub latency_mean_ms: Option<u64>,
    pub latency_p99_ms: Option<u64>,
}

impl DriverMetrics {
    /// What there is of them, by name.
    #[must_use]
    pub fn by_name(self) -> BTreeMap<&'static str, u64> {
        let counts = [
            ("requests", Some(self.requests)),
            ("errors", Some(self.errors)),
            ("timeouts", Some(self.timeouts)),
            ("connections", Some(self.connections)),
            ("latency_mean_ms", self.latency_mean_ms),
            ("latency_p99_ms", self.latency_p99_ms),
        ];
        counts.into_iter().filter_map(|(name, count)| Some((name, count?))).collect()
    }
}

impl Connection {
    /// The counts of this session. Repetitions are counted by the writer: the driver itself repeats nothing.
    #[must_use]
    pub fn metrics(&self) -> DriverMetrics {
        let metrics = self.session.get_metrics();
        DriverMetrics {
            requests: metrics.get_requests_unpaged_num() + metrics.get_requests_manually_paged_num(),
            errors: metrics.get_errors_unpaged_num() + metrics.get_errors_manually_paged_num(),
            timeouts: metrics.get_request_timeouts(),
            connections: metrics.get_total_connections(),
            latency_mean_ms: metrics.get_latency_avg_ms().ok(),
            latency_p99_ms: metrics.get_latency_percentile_ms(99.0).ok(),
        }
    }
}
