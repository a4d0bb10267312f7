//! What is served, and what all requests share.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use prometheus_client::registry::Registry;
use silverbullet_engine::live::{LiveState, Phase};
use silverbullet_market::{Clock, Nanos, SourceStatus, SourceWatch};
use silverbullet_query::Sql;
use tokio::sync::{Semaphore, watch};

use crate::hub::Hub;
use crate::meters::Meters;
use crate::metrics::Engines;
use crate::problem::Problem;
use crate::sql::Desk;
use crate::store::{StoreView, StoreWatch};
use crate::stream::{CLIENTS, Pulse};

/// What the server speaks for.
pub struct Service {
    /// The engines, in the order they are listed in.
    pub engines: Vec<Arc<LiveState>>,
    /// Answers SQL; without it the routes that read tables say so.
    pub sql: Option<Arc<Sql>>,
    /// How the store fares; without it nothing is kept.
    pub store: Option<StoreWatch>,
    /// How the source fares, where it can tell.
    pub source: Option<SourceWatch>,
    /// Time of day and ages.
    pub clock: Arc<dyn Clock>,
    /// Version of the program.
    pub version: String,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) hubs: Vec<Arc<Hub>>,
    pub(crate) sql: Option<Desk>,
    pub(crate) store: Option<StoreWatch>,
    pub(crate) source: Option<SourceWatch>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) version: String,
    pub(crate) started: Nanos,
    pub(crate) started_monotonic: Nanos,
    pub(crate) meters: Meters,
    pub(crate) registry: Registry,
    /// Each second's state of each universe, in the order of `hubs`.
    pub(crate) pulse: Pulse,
    /// Places of the stream's clients.
    pub(crate) clients: Arc<Semaphore>,
    /// The OpenAPI document.
    pub(crate) document: OnceLock<Bytes>,
    /// Becomes true when the server is to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// What a handler is given.
pub(crate) type AppState = axum::extract::State<Arc<Shared>>;

impl Shared {
    pub(crate) fn new(service: Service, stopping: watch::Receiver<bool>) -> Self {
        let Service { engines, sql, store, source, clock, version } = service;
        let mut registry = Registry::with_prefix("silverbullet");
        let meters = Meters::register(&mut registry);
        registry.register_collector(Box::new(Engines::new(engines.clone(), store.clone())));
        let hubs: Vec<_> =
            engines.into_iter().map(|live| Arc::new(Hub::new(live, Arc::clone(&clock)))).collect();
        Self {
            pulse: Pulse::new(hubs.len()),
            hubs,
            sql: sql.map(|sql| Desk::new(sql, Arc::clone(&clock), meters.clone())),
            store,
            source,
            started: clock.utc(),
            started_monotonic: clock.monotonic(),
            clock,
            version,
            meters,
            registry,
            document: OnceLock::new(),
            clients: Arc::new(Semaphore::new(CLIENTS)),
            stopping,
        }
    }

    /// The universe of that name, or the only one; and its place.
    pub(crate) fn choose(&self, name: Option<&str>) -> Result<(usize, &Arc<Hub>), Problem> {
        let names = || self.hubs.iter().map(|hub| hub.name()).collect::<Vec<_>>().join(", ");
        match (name, self.hubs.as_slice()) {
            (None, [only]) => Ok((0, only)),
            (None, _) => {
                let detail = format!("say which universe with ?universe=; there are {}", names());
                Err(Problem::bad_request(detail))
            }
            (Some(name), hubs) => {
                hubs.iter().enumerate().find(|(_, hub)| hub.name() == name).ok_or_else(|| {
                    let detail = format!("there is no universe {name:?}; there are {}", names());
                    Problem::new(axum::http::StatusCode::NOT_FOUND, detail)
                })
            }
        }
    }

    /// What answers SQL.
    pub(crate) fn desk(&self) -> Result<&Desk, Problem> {
        self.sql.as_ref().ok_or_else(|| {
            let detail = "this run has no tables to ask; start it with --data DIR";
            Problem::new(axum::http::StatusCode::NOT_FOUND, detail)
        })
    }

    /// How the store fares, where there is one.
    pub(crate) fn store_state(&self) -> Option<StoreView> {
        self.store.as_ref().map(StoreView::of)
    }

    /// The phase of each universe.
    pub(crate) fn phases(&self) -> BTreeMap<&str, &'static str> {
        self.hubs.iter().map(|hub| (hub.name(), hub.live.phase().name())).collect()
    }

    /// Why the server is not ready; empty where it is.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let phases = self.hubs.iter().map(|hub| (hub.name(), hub.live.phase()));
        let mut reasons: Vec<String> = phases
            .filter(|(_, phase)| *phase != Phase::Live)
            .map(|(name, phase)| format!("universe {name} is {}", phase.name()))
            .collect();
        let source = self.source.as_ref().map(SourceWatch::state);
        let failing = source.filter(|state| state.status == SourceStatus::Failing);
        reasons.extend(failing.map(|state| {
            format!("the source is failing: {}", state.reason.as_deref().unwrap_or("no reason given"))
        }));
        reasons.extend(self.store_state().and_then(|state| state.trouble()));
        reasons
    }
}

/// The newest publication is not there yet.
pub(crate) fn no_answer_yet(live: &LiveState) -> Problem {
    let detail = format!("universe {} has no answer yet; it is {}", live.universe.name, live.phase().name());
    Problem::not_now(axum::http::StatusCode::SERVICE_UNAVAILABLE, detail)
}
