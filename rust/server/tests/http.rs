//! A real server on a port of its own, asked over HTTP.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use silverbullet_engine::{End, Engine, EngineOptions, LiveState, Phase};
use silverbullet_kernel::Objective;
use silverbullet_market::{
    HistoryBar, Input, Sink, SourceDescription, StopFlag, SystemClock, Universe, UniverseSettings,
};
use silverbullet_server::{Error, Result, bind, serve};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

fn source() -> SourceDescription {
    SourceDescription {
        name: "test".into(),
        identity: "test".into(),
        assets: ["XRP", "ADA", "BTC"].map(String::from).to_vec(),
        grid: None,
        replayable: true,
        rows: None,
    }
}

fn universe(name: &str) -> Universe {
    let settings = UniverseSettings {
        assets: vec![],
        bar: "1s".into(),
        window: 10,
        estimator: "ledoit-wolf".into(),
        half_life: 100.0,
        risk_free: 0.0,
        lower: 0.0,
        upper: 1.0,
        bounds: BTreeMap::new(),
        objectives: Objective::ALL.to_vec(),
        population: 256,
        samples: 256,
        lateness: "250ms".into(),
        stale_after: "1h".into(),
        max_ahead: "1h".into(),
        max_price_ratio: 10.0,
        frontier_every: "1m".into(),
    };
    Universe::resolve(name, &settings, &source(), 0).unwrap()
}

fn state(name: &str) -> Arc<LiveState> {
    Arc::new(LiveState::new(universe(name), "test", "run", None, 2))
}

/// A server in a runtime of its own.
struct Server {
    runtime: Runtime,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Server {
    fn start(engines: Vec<Arc<LiveState>>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let task = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            serve(listener, engines, async { drop(stopped.await) }).await
        });
        Self { runtime, address, shutdown, task }
    }

    fn stop(self) {
        self.shutdown.send(()).unwrap();
        self.runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(10), self.task).await })
            .expect("the server ends")
            .unwrap()
            .unwrap();
    }

    /// Status, content type and body.
    fn get(&self, path: &str) -> (u16, String, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.get(format!("http://{}{path}", self.address)).call().unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        (response.status().as_u16(), kind, response.body_mut().read_to_string().unwrap())
    }

    fn problem(&self, path: &str) -> (u16, Value) {
        let (status, kind, body) = self.get(path);
        assert_eq!(kind, "application/problem+json", "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["status"].as_u64(), Some(u64::from(status)));
        (status, body["detail"].clone())
    }

    /// The first line of what is answered to raw bytes.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

fn publish(state: &LiveState) {
    state.latest.publish(|publication| {
        publication.sequence = 7;
        publication.event_time = 1_747_008_000_000_000_001;
        publication.answered = 1;
        publication.eligible = vec![true, false, true];
        publication.answers[0].weights = vec![0.25, 0.0, 0.75];
        publication.answers[0].risk = 0.5;
    });
}

#[test]
fn the_newest_portfolios_are_served_as_the_contract_says() {
    let engine = state("default");
    let server = Server::start(vec![Arc::clone(&engine)]);
    let (status, detail) = server.problem("/api/v1/portfolios/latest");
    assert!(status == 503 && detail.as_str().unwrap().contains("no answer yet"));
    publish(&engine);
    for path in ["/api/v1/portfolios/latest", "/api/v1/portfolios/latest?universe=default"] {
        let (status, kind, body) = server.get(path);
        assert_eq!((status, kind.as_str()), (200, "application/json"));
        let expected = concat!(
            r#"{"universe":"default","sequence":7,"as_of":"2025-05-12T00:00:00.000000001Z","portfolios":["#,
            r#"{"objective":"max-sharpe","method":"exact","mean":null,"risk":0.5,"sharpe":null,"gap":null,"#,
            r#""label":"ok","weights":{"XRP":0.25,"BTC":0.75}}]}"#
        );
        assert_eq!(body, expected);
    }
    server.stop();
}

#[test]
fn what_is_not_there_is_told_as_problem_details() {
    let server = Server::start(vec![state("one"), state("two")]);
    let says = |path: &str, status: u16, part: &str| {
        let (found, detail) = server.problem(path);
        assert_eq!(found, status, "{path}");
        assert!(detail.as_str().unwrap().contains(part), "{path}: {detail}");
    };
    says("/api/v1/portfolios/latest?universe=three", 404, "one, two");
    says("/api/v1/portfolios/latest", 400, "one, two");
    says("/api/v1/portfolios/latest?universe=one&universe=two", 400, "universe");
    says("/api/v1/portfolios/latest?universe=two", 503, "two");
    says("/nothing", 404, "/nothing");
    assert!(
        server.raw("POST /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").contains("405")
    );
    assert!(
        server
            .raw("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            .contains("403")
    );
    assert!(
        server.raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").contains("200")
    );
    server.stop();
}

#[test]
fn readiness_follows_a_real_engine_and_metrics_count_it() {
    let options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default());
    let (engine, mut sink) = Engine::start(universe("default"), &source(), options).unwrap();
    let live = engine.live();
    let server = Server::start(vec![Arc::clone(&live)]);
    let (status, _, body) = server.get("/readyz");
    assert_eq!((status, body.as_str()), (503, r#"{"ready":false,"universes":{"default":"starting"}}"#));
    for number in 0..12_i64 {
        let wave = |phase: f64| Some(100.0 + (number as f64 * 1.3 + phase).sin());
        let closes = vec![wave(0.0), wave(1.0), wave(2.0)];
        sink.frame();
        sink.push(Input::History(Box::new(HistoryBar { number: 1_747_008_000 + number, closes })));
    }
    while live.phase() != Phase::Live {
        std::thread::yield_now();
    }
    assert_eq!(server.get("/readyz").0, 200);
    assert_eq!(server.get("/healthz").2, r#"{"status":"alive"}"#);
    sink.end(End::Stopped);
    engine.finish().unwrap();
    let (_, kind, metrics) = server.get("/metrics");
    assert!(kind.starts_with("application/openmetrics-text"));
    for line in [
        "silverbullet_frames_total{universe=\"default\"} 12",
        "silverbullet_bars_total{universe=\"default\"} 12",
        "silverbullet_phase{universe=\"default\",phase=\"ended\"} 1",
        "silverbullet_phase{universe=\"default\",phase=\"live\"} 0",
        "# TYPE silverbullet_latency_seconds gauge",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
    }
    assert_eq!(server.get("/readyz").0, 503);
    assert!(live.latest.published() > 0);
    server.stop();
}

#[test]
fn connections_are_bounded_and_a_place_that_comes_free_is_used() {
    let server = Server::start(vec![state("default")]);
    let mut silent: Vec<TcpStream> = (0..256).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let mut late = TcpStream::connect(server.address).unwrap();
    late.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    late.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut answer = [0; 12];
    assert!(late.read_exact(&mut answer).is_err(), "there was a place too many");
    silent.pop();
    late.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    late.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    server.stop();
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        serve(listener, vec![state("default")], std::future::ready(())).await
    });
    assert!(matches!(outcome, Err(Error::NotLoopback { .. })));
}
