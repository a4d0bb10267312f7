//! Counts and latencies as OpenMetrics text, read from the engines at each scrape.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use silverbullet_engine::live::{Counters, LiveState, Phase, StageLatency};

use crate::store::{STATUSES, StoreView, StoreWatch};

/// What [`encode`] writes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<'a, const N: usize> = [(&'a str, &'a str); N];
type Counter = (&'static str, &'static str, fn(&Counters) -> &AtomicU64);
type Quantile = (&'static str, fn(&StageLatency) -> u64);

const COUNTERS: [Counter; 7] = [
    ("frames", "Raw input records of the source", |counters| &counters.frames),
    ("ticks", "Ticks accepted", |counters| &counters.ticks),
    ("bars", "Final bars", |counters| &counters.bars),
    ("stored_bars", "Final bars whose rows were handed on", |counters| &counters.stored_bars),
    ("publications", "Publications made", |counters| &counters.publications),
    ("ticks_skipped", "Ticks without an answer of their own, a newer one waiting", |counters| {
        &counters.skipped
    }),
    ("population_refreshes", "Live populations swapped in", |counters| &counters.refreshes),
];

const QUANTILES: [Quantile; 5] = [
    ("0.5", |stage| stage.p50),
    ("0.9", |stage| stage.p90),
    ("0.99", |stage| stage.p99),
    ("0.999", |stage| stage.p999),
    ("1", |stage| stage.max),
];

/// What the store counts of itself: name here, name in its state, help.
const STORE_GAUGES: [(&str, &str, &str); 3] = [
    ("store_pending_rows", "pending_rows", "Rows not yet committed to the tables"),
    ("store_pending_bytes", "pending_bytes", "Memory of the rows not yet committed"),
    ("store_spool_bytes", "spool_bytes", "Size of the spool on disk"),
];
const STORE_COUNTERS: [(&str, &str, &str); 3] = [
    ("store_commits", "commits", "Commits to the tables"),
    ("store_retries", "retries", "Commits tried again"),
    ("store_dropped_rows", "dropped_rows", "Rows given up for want of room"),
];

/// The same of each place that keeps the tables.
const PLACE_GAUGES: [(&str, &str, &str); 3] = [
    ("store_place_pending_rows", "/pending_rows", "Rows that a place does not hold yet"),
    ("store_place_connections", "/driver/connections", "Connections to a place"),
    (
        "store_place_latency_p99_ms",
        "/driver/latency_p99_ms",
        "99th percentile of a place's answers, in milliseconds",
    ),
];
const PLACE_COUNTERS: [(&str, &str, &str); 5] = [
    ("store_place_commits", "/commits", "Commits to the tables of a place"),
    ("store_place_retries", "/retries", "Commits to a place tried again"),
    ("store_place_requests", "/driver/requests", "Requests to a place"),
    ("store_place_errors", "/driver/errors", "Requests to a place that failed"),
    ("store_place_timeouts", "/driver/timeouts", "Requests to a place without an answer in time"),
];

/// The whole page.
pub(crate) fn encode(registry: &Registry) -> Result<String, fmt::Error> {
    let mut page = String::new();
    text::encode(&mut page, registry)?;
    Ok(page)
}

/// The engines and the store, read at each scrape.
pub(crate) struct Engines {
    engines: Vec<Arc<LiveState>>,
    store: Option<StoreWatch>,
}

impl Engines {
    pub(crate) fn new(engines: Vec<Arc<LiveState>>, store: Option<StoreWatch>) -> Self {
        Self { engines, store }
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engines").field("engines", &self.engines).finish_non_exhaustive()
    }
}

impl Collector for Engines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, of) in COUNTERS {
            self.counter(&mut encoder, name, help, |engine| of(&engine.counters).load(Ordering::Relaxed))?;
        }
        self.reasons(&mut encoder)?;
        self.latency(&mut encoder)?;
        self.phases(&mut encoder)?;
        self.store(&mut encoder)
    }
}

impl Engines {
    fn counter(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&LiveState) -> u64,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for engine in &self.engines {
            let labels = [universe(engine)];
            ConstCounter::new(value(engine)).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn reasons(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Inputs that could not be used, by reason";
        let mut metric = encoder.encode_descriptor("quarantined", help, None, MetricType::Counter)?;
        for engine in &self.engines {
            // Always zero: whoever watches the series sees it before anything has gone wrong.
            let labels: Labels<'_, 2> = [universe(engine), ("reason", "none")];
            ConstCounter::new(0_u64).encode(metric.encode_family(&labels)?)?;
            for (reason, count) in engine.quarantine_reasons() {
                let labels: Labels<'_, 2> = [universe(engine), ("reason", &reason)];
                ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
            }
        }
        let help = "Inputs understood and rightly left out, by reason";
        let mut metric = encoder.encode_descriptor("ignored", help, None, MetricType::Counter)?;
        for engine in &self.engines {
            for (reason, count) in engine.summary().ignored {
                let labels: Labels<'_, 2> = [universe(engine), ("reason", &reason)];
                ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// Quantiles since the start; the largest is quantile 1.
    fn latency(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Quantiles of the time a tick spends in a stage, since the start";
        let mut metric =
            encoder.encode_descriptor("latency", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for engine in &self.engines {
            for (stage, latency) in engine.latency() {
                for (quantile, of) in QUANTILES {
                    let labels: Labels<'_, 3> = [universe(engine), ("stage", stage), ("quantile", quantile)];
                    let seconds = of(&latency) as f64 / 1e9;
                    ConstGauge::new(seconds).encode(metric.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Ticks whose time in a stage was recorded";
        let mut metric = encoder.encode_descriptor("latency_samples", help, None, MetricType::Counter)?;
        for engine in &self.engines {
            for (stage, latency) in engine.latency() {
                let labels: Labels<'_, 2> = [universe(engine), ("stage", stage)];
                ConstCounter::new(latency.count).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn phases(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 for the phase an engine is in, 0 for the others";
        let mut metric = encoder.encode_descriptor("phase", help, None, MetricType::Gauge)?;
        for engine in &self.engines {
            let now = engine.phase();
            for phase in Phase::ALL {
                let labels: Labels<'_, 2> = [universe(engine), ("phase", phase.name())];
                ConstGauge::new(i64::from(phase == now)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl Engines {
    fn store(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(state) = self.store.as_ref().map(StoreView::of) else { return Ok(()) };
        let help = "1 for the status the store has, 0 for the others";
        let mut metric = encoder.encode_descriptor("store_status", help, None, MetricType::Gauge)?;
        for status in STATUSES {
            let value = i64::from(state.status() == status);
            ConstGauge::new(value).encode(metric.encode_family(&[("status", status)])?)?;
        }
        for (name, of, help) in STORE_GAUGES {
            let value = i64::try_from(state.count(of)).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(encoder.encode_descriptor(
                name,
                help,
                None,
                MetricType::Gauge,
            )?)?;
        }
        for (name, of, help) in STORE_COUNTERS {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(state.count(of)).encode(metric)?;
        }
        let of_place = |at: &str| {
            let count = |(name, place): (_, &serde_json::Value)| Some((name, place.pointer(at)?.as_u64()?));
            state.places().into_iter().filter_map(count).collect::<Vec<(&str, u64)>>()
        };
        for (name, at, help) in PLACE_GAUGES {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (place, count) in of_place(at) {
                let value = i64::try_from(count).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(metric.encode_family(&[("place", place)])?)?;
            }
        }
        for (name, at, help) in PLACE_COUNTERS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (place, count) in of_place(at) {
                ConstCounter::new(count).encode(metric.encode_family(&[("place", place)])?)?;
            }
        }
        Ok(())
    }
}

fn universe(engine: &LiveState) -> (&'static str, &str) {
    ("universe", &engine.universe.name)
}
