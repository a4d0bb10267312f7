//! The engine on a Kafka source: how long after a price was due its answer can be read.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use silverbullet_engine::{End, Engine, EngineOptions, LiveState};
use silverbullet_feeds::kafka::{KafkaSettings, KafkaSource};
use silverbullet_kernel::{Method, Objective};
use silverbullet_market::{Input, Sink, Source, StopFlag, SystemClock};

use crate::Outcome;
use crate::arguments::Arguments;
use crate::market::{ASSETS, name, universe};
use crate::reader::{Paced, count_to};
use crate::receipts::Receipts;
use crate::report::{ready, utc};

/// How long the first population may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers `--messages` messages with a population of `--population`, in one open bar or in bars of `--bar`.
/// With `--rate`, what they were sent at, latencies are recorded but for the first `--skip`; with `--receipts` when each came
/// out of the topic goes to a file. With `--busy-poll` the hot thread never sleeps.
pub(crate) fn run(arguments: &Arguments) -> Outcome<Value> {
    let messages: u64 = arguments.number("messages")?;
    let stop = StopFlag::default();
    let mut source = source(arguments, &stop)?;
    let description = source.description().clone();
    let (universe, history) =
        universe(&description, arguments.number("population")?, arguments.get("bar"), utc())?;
    let mut options = EngineOptions::new("bench", Arc::new(SystemClock), stop.clone());
    options.busy_poll = arguments.get("busy-poll").is_some();
    let (engine, mut sink) = Engine::start(universe, &description, options)?;
    for bar in history {
        sink.push(Input::History(Box::new(bar)));
    }
    let live = engine.live();
    wait_for_population(&live)?;
    let paced = match arguments.get("rate") {
        Some(_) => Some(Paced::new(messages, arguments.number_or("skip", 0)?, arguments.number("rate")?)),
        None => None,
    };
    let reader = {
        let (live, stop) = (Arc::clone(&live), stop.clone());
        let stamps = arguments.get("stamps").map(str::to_owned);
        thread::spawn(move || {
            let measured = match paced {
                Some(paced) => paced.watch(&live, &stop).and_then(|paced| paced.meter(stamps.as_deref())),
                None => count_to(messages, &live, &stop),
            };
            stop.raise();
            measured.map_err(|error| error.to_string())
        })
    };
    ready()?;
    // The reader raises `stop` when it has seen every answer; a source that fails raises it for the reader.
    if let Some(file) = arguments.get("receipts") {
        let mut receipts = Receipts::new(&mut sink, messages);
        source.run(&mut receipts, &stop).inspect_err(|_| stop.raise())?;
        receipts.write(arguments.number_or("skip", 0)?, file)?;
    } else {
        source.run(&mut sink, &stop).inspect_err(|_| stop.raise())?;
    }
    let meter = reader.join().map_err(|_| "the reader panicked")??;
    sink.end(End::Stopped);
    let summary = engine.finish()?;
    // With short bars and a machine that stands still for longer than a late price may take, some are left out.
    if summary.ticks + summary.quarantined != messages {
        return Err(format!("not {messages} prices: {summary:?}, {:?}", live.quarantine_reasons()).into());
    }
    let stages: serde_json::Map<_, _> =
        live.latency().into_iter().map(|(stage, figures)| (stage.to_owned(), json!(figures))).collect();
    meter.report(json!({ "best": best(&live)?, "summary": summary, "stages": stages }))
}

/// The first population is drawn by another thread; a scene shows it.
fn wait_for_population(live: &LiveState) -> Outcome {
    let until = utc() + i64::try_from(PATIENCE.as_nanos())?;
    while live.scene().is_none_or(|scene| scene.risk.is_empty()) {
        if utc() > until {
            return Err("no population was drawn".into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The population's part of the last answer, in the form of `expect`.
fn best(live: &LiveState) -> Outcome<Value> {
    let publication = live.publication().ok_or("nothing was published")?;
    let of = |objective: Objective| {
        let mut answers = publication.portfolios().iter();
        answers
            .find(|answer| answer.objective == objective && answer.method == Method::MonteCarlo)
            .map(|answer| {
                let variance = answer.risk * answer.risk;
                json!({ "mean": answer.mean, "variance": variance, "weights": answer.weights })
            })
            .ok_or_else(|| format!("no answer of the population for {objective}"))
    };
    let (max_sharpe, min_variance) = (of(Objective::MaxSharpe)?, of(Objective::MinVariance)?);
    Ok(json!({ "max_sharpe": max_sharpe, "min_variance": min_variance }))
}

/// The topic as the program reads it, of the assets named.
fn source(arguments: &Arguments, stop: &StopFlag) -> Outcome<Box<dyn Source>> {
    let mut settings = KafkaSettings::new(arguments.text("brokers")?, arguments.text("topic")?);
    let properties = arguments.get("properties").unwrap_or_default().split(',');
    settings.properties.extend(
        properties
            .filter_map(|text| text.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let assets: Vec<String> = (0..ASSETS).map(name).collect();
    let source = KafkaSource::open(settings, &assets, None, Arc::new(SystemClock), stop, &mut |_| ())?;
    Ok(Box::new(source))
}
