//! A real server on a port of its own, with real engines fed by the simulator.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use silverbullet_engine::{End, Engine, EngineOptions, EngineSink, LiveState, Phase};
use silverbullet_feeds::{Simulator, SimulatorSettings, SimulatorStart, Speed};
use silverbullet_kernel::Objective;
use silverbullet_market::{
    SECOND, Sink, Source, SourceDescription, StopFlag, SystemClock, Universe, UniverseSettings,
};
use silverbullet_query::{Limits, Sql};
use silverbullet_server::{Result, Service, bind, serve};
use silverbullet_store::Tables;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// Bars of history that the simulator begins with.
const HISTORY: usize = 40;

pub(crate) fn settings() -> UniverseSettings {
    UniverseSettings {
        assets: vec![],
        bar: "1s".into(),
        window: 30,
        estimator: "ledoit-wolf".into(),
        half_life: 100.0,
        risk_free: 0.0,
        lower: 0.0,
        upper: 1.0,
        bounds: BTreeMap::new(),
        objectives: Objective::LIVE.to_vec(),
        risk_aversion: None,
        target_risk: None,
        target_return: None,
        cvar_level: None,
        population: 2_048,
        samples: 256,
        lateness: "250ms".into(),
        stale_after: "1h".into(),
        max_ahead: "1h".into(),
        max_price_ratio: 10.0,
        frontier_every: "1m".into(),
    }
}

pub(crate) fn source() -> SourceDescription {
    SourceDescription {
        name: "test".into(),
        identity: "test".into(),
        venues: Vec::new(),
        assets: ["XRP", "ADA", "BTC"].map(String::from).to_vec(),
        grid: None,
        replayable: true,
        seekable: false,
        rows: None,
    }
}

/// An engine's view without an engine.
pub(crate) fn state(name: &str) -> Arc<LiveState> {
    let universe = Universe::resolve(name, &settings(), &source(), 0).unwrap();
    Arc::new(LiveState::new(universe, "test", "run", None, 2))
}

/// A market that begins at a fixed time: the same ticks every time.
pub(crate) fn simulator(speed: Speed) -> Simulator {
    let settings = SimulatorSettings {
        start: SimulatorStart::At(1_747_008_000 * SECOND),
        ..SimulatorSettings::default()
    };
    Simulator::new(settings, 42, SECOND, HISTORY, Arc::new(SystemClock)).unwrap().with_speed(speed)
}

/// An engine that is fed until it is stopped.
pub(crate) struct Market {
    pub(crate) live: Arc<LiveState>,
    engine: Engine,
    feeder: JoinHandle<EngineSink>,
    stop: StopFlag,
}

impl Market {
    /// A market in real time whose universe answers already.
    pub(crate) fn open(name: &str) -> Self {
        let mut source = simulator(Speed::real_time(1.0).unwrap());
        let universe = Universe::resolve(name, &settings(), source.description(), 0).unwrap();
        let stop = StopFlag::default();
        let options = EngineOptions::new("run", Arc::new(SystemClock), stop.clone());
        let (engine, mut sink) = Engine::start(universe, source.description(), options).unwrap();
        let live = engine.live();
        let stopped = stop.clone();
        let feeder = std::thread::spawn(move || {
            source.run(&mut sink as &mut dyn Sink, &stopped).unwrap();
            sink
        });
        wait_for("the market is live", || live.phase() == Phase::Live && live.scene().is_some());
        Self { live, engine, feeder, stop }
    }

    /// Ends the feed and the engine.
    pub(crate) fn close(self) {
        self.stop.raise();
        self.feeder.join().unwrap().end(End::Stopped);
        self.engine.finish().unwrap();
    }
}

/// Waits until something is so; the end of patience is a failure.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_500 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited too long until {what}");
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The detail of a problem with this status.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let body = self.json();
        assert_eq!(
            (&body["type"], body["status"].as_u64()),
            (&Value::from("about:blank"), Some(status.into()))
        );
        assert!(!body["title"].as_str().unwrap().is_empty());
        body["detail"].as_str().unwrap().to_owned()
    }
}

/// What a server runs on: threads of its own, and a port that was free.
pub(crate) fn listening() -> (Runtime, TcpListener, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    (runtime, listener, address)
}

/// A server in a runtime of its own.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    pub(crate) address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Server {
    /// Without tables.
    pub(crate) fn start(engines: Vec<Arc<LiveState>>) -> Self {
        Self::serving(service(engines))
    }

    /// With SQL over the tables of a folder.
    pub(crate) fn with_tables(engines: Vec<Arc<LiveState>>, directory: &Path, limits: Limits) -> Self {
        let sql = Sql::new(Tables::open(directory), None, engines.clone(), limits).unwrap();
        Self::serving(Service { sql: Some(Arc::new(sql)), ..service(engines) })
    }

    pub(crate) fn serving(service: Service) -> Self {
        let (runtime, listener, address) = listening();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let task = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            serve(listener, service, async { drop(stopped.await) }).await
        });
        Self { runtime, address, shutdown, task }
    }

    pub(crate) fn stop(self) {
        self.shutdown.send(()).unwrap();
        self.runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(10), self.task).await })
            .expect("the server ends")
            .unwrap()
            .unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// One request on a connection of its own, as it stands.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.address, method, path, headers, body)
    }
}

pub(crate) fn service(engines: Vec<Arc<LiveState>>) -> Service {
    Service {
        engines,
        sql: None,
        store: None,
        source: None,
        clock: Arc::new(SystemClock),
        version: "1.2.3".into(),
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request += &format!("Host: {address}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    request += "\r\n";
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    // A body that is too long is refused before all of it is sent.
    let _ = stream.write_all(body.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let body = if chunked { unchunk(body) } else { body.to_vec() };
    Answer { status, headers, body }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").expect("the answer breaks off");
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 2 + length + 2..];
    }
}
