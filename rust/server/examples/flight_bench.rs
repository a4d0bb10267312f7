//! The Rust half of `make bench-flight`: serves the tables of a folder over gRPC until its input ends, and says where.
//!
//! `flight_bench DIRECTORY [TICKS]`; with TICKS an engine answers that many simulated ticks a second beside it, and its
//! metrics are served over HTTP.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::io::Read;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use silverbullet_engine::{End, Engine, EngineOptions, LiveState};
use silverbullet_feeds::{Simulator, SimulatorSettings};
use silverbullet_market::{SECOND, Source, StopFlag, SystemClock, Universe, UniverseSettings};
use silverbullet_query::{Limits, Sql, step_back};
use silverbullet_server::{Grpc, Keep, Service, bind, serve, serve_grpc};
use silverbullet_store::Tables;

type Failure = Box<dyn std::error::Error>;

/// That of `silverbullet`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An engine on the simulator, with the settings of `silverbullet run`.
struct Running {
    live: Arc<LiveState>,
    stop: StopFlag,
    thread: JoinHandle<Result<(), String>>,
}

impl Running {
    fn start(ticks: f64) -> Result<Self, Failure> {
        let settings: UniverseSettings = serde_json::from_value(serde_json::json!({
            "assets": [], "bar": "1s", "window": 600, "estimator": "ledoit-wolf", "half_life": 150.0,
            "risk_free": 0.0, "lower": 0.0, "upper": 1.0, "bounds": {},
            "objectives": ["max-sharpe", "min-variance"], "risk_aversion": null, "target_risk": null,
            "target_return": null, "cvar_level": null, "population": 10_240, "samples": 10_240,
            "lateness": "250ms", "stale_after": "5m", "max_ahead": "60s", "max_price_ratio": 10.0,
            "frontier_every": "60s",
        }))?;
        let stop = StopFlag::default();
        let simulated = SimulatorSettings { rate: ticks, ..SimulatorSettings::default() };
        let mut source = Simulator::new(simulated, 0, SECOND, settings.window + 1, Arc::new(SystemClock))?;
        let universe = Universe::resolve("bench", &settings, source.description(), 0)?;
        let options = EngineOptions::new("bench", Arc::new(SystemClock), stop.clone());
        let (engine, mut sink) = Engine::start(universe, source.description(), options)?;
        let (live, ends) = (engine.live(), stop.clone());
        let thread = std::thread::spawn(move || {
            let outcome = source.run(&mut sink, &ends).map_err(|error| error.to_string());
            sink.end(End::Stopped);
            outcome.and(engine.finish().map(drop).map_err(|error| error.to_string()))
        });
        Ok(Self { live, stop, thread })
    }

    fn end(self) -> Result<(), Failure> {
        self.stop.raise();
        Ok(self.thread.join().map_err(|_| "the engine has panicked")??)
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let directory = std::path::PathBuf::from(arguments.next().ok_or("give a directory")?);
    let engine = match arguments.next() {
        Some(ticks) => Some(Running::start(ticks.parse()?)?),
        None => None,
    };
    let live: Vec<_> = engine.iter().map(|engine| Arc::clone(&engine.live)).collect();
    // Ten million bars are 1.2 GB, held once as they are and once as they are sent.
    let limits = Limits { memory: 4 << 30, time: Duration::from_secs(300), ..Limits::default() };
    let keep = Keep { memory: 6 << 30, time: Duration::from_secs(3_600), ..Keep::default() };
    // With an engine, the limits of `silverbullet run`.
    let (limits, keep) = if live.is_empty() { (limits, keep) } else { <(Limits, Keep)>::default() };
    let sql = Arc::new(Sql::new(Tables::open(&directory), None, live.clone(), limits)?);
    let clock = Arc::new(SystemClock);
    let version = "bench".to_owned();
    let grpc = Grpc {
        sql: Arc::clone(&sql),
        clock: clock.clone(),
        version: version.clone(),
        token: None,
        tls: None,
        keep,
        inlet: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(step_back)
        .enable_all()
        .build()?;
    let listener = bind("127.0.0.1:0".parse()?)?;
    println!("grpc://{}", listener.local_addr()?);
    if !live.is_empty() {
        let page = bind("127.0.0.1:0".parse()?)?;
        println!("http://{}", page.local_addr()?);
        let service = Service { engines: live, sql: Some(sql), store: None, source: None, clock, version };
        runtime.spawn(async move {
            let Ok(page) = tokio::net::TcpListener::from_std(page) else { return };
            // It ends with the program.
            let _ = serve(page, service, std::future::pending()).await;
        });
    }
    let (shutdown, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
        serve_grpc(listener, grpc, async { drop(stopped.await) }).await.map_err(|error| error.to_string())
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(shutdown);
    runtime.block_on(task)??;
    engine.map_or(Ok(()), Running::end)
}
