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

use crate::routes::phase_name;

/// What [`encode`] writes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PHASES: [Phase; 5] = [Phase::Starting, Phase::WarmingUp, Phase::Live, Phase::Ended, Phase::Failed];

type Labels<'a, const N: usize> = [(&'a str, &'a str); N];
type Counter = (&'static str, &'static str, fn(&Counters) -> &AtomicU64);
type Quantile = (&'static str, fn(&StageLatency) -> u64);

const COUNTERS: [Counter; 6] = [
    ("frames", "Raw input records of the source", |counters| &counters.frames),
    ("ticks", "Ticks accepted", |counters| &counters.ticks),
    ("bars", "Final bars", |counters| &counters.bars),
    ("stored_bars", "Final bars whose rows were handed on", |counters| &counters.stored_bars),
    ("publications", "Publications made", |counters| &counters.publications),
    ("population_refreshes", "Live populations swapped in", |counters| &counters.refreshes),
];

const QUANTILES: [Quantile; 5] = [
    ("0.5", |stage| stage.p50),
    ("0.9", |stage| stage.p90),
    ("0.99", |stage| stage.p99),
    ("0.999", |stage| stage.p999),
    ("1", |stage| stage.max),
];

/// The whole page.
pub(crate) fn encode(engines: &[Arc<LiveState>]) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("silverbullet");
    registry.register_collector(Box::new(Engines(engines.to_vec())));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Engines(Vec<Arc<LiveState>>);

impl Collector for Engines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, of) in COUNTERS {
            self.counter(&mut encoder, name, help, |engine| of(&engine.counters).load(Ordering::Relaxed))?;
        }
        let conflated = "Publications left out because readers held every slot";
        self.counter(&mut encoder, "conflated", conflated, |engine| engine.latest.conflated())?;
        self.reasons(&mut encoder)?;
        self.latency(&mut encoder)?;
        self.phases(&mut encoder)
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
        for engine in &self.0 {
            let labels = [universe(engine)];
            ConstCounter::new(value(engine)).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn reasons(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Inputs that could not be used, by reason";
        let mut metric = encoder.encode_descriptor("quarantined", help, None, MetricType::Counter)?;
        for engine in &self.0 {
            for (reason, count) in engine.quarantine_reasons() {
                let labels: Labels<'_, 2> = [universe(engine), ("reason", &reason)];
                ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
            }
        }
        let help = "Inputs understood and rightly left out, by reason";
        let mut metric = encoder.encode_descriptor("ignored", help, None, MetricType::Counter)?;
        for engine in &self.0 {
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
        for engine in &self.0 {
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
        for engine in &self.0 {
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
        for engine in &self.0 {
            let now = engine.phase();
            for phase in PHASES {
                let labels: Labels<'_, 2> = [universe(engine), ("phase", phase_name(phase))];
                ConstGauge::new(i64::from(phase == now)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn universe(engine: &LiveState) -> (&'static str, &str) {
    ("universe", &engine.universe.name)
}
