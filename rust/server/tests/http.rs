//! A real server on a port of its own, asked over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Market, Server, service, settings, source, state};
use serde_json::json;
use silverbullet_engine::{End, Engine, EngineOptions, LiveState, Phase};
use silverbullet_market::{Clock, HistoryBar, Input, Sink, StopFlag, SystemClock, Universe};
use silverbullet_server::{Error, Service, StoreWatch, serve};

const CONTENT_SECURITY_POLICY: &str = "content-security-policy";

fn publish(state: &LiveState) {
    let mut publication = state.latest.room();
    publication.sequence = 7;
    publication.event_time = 1_747_008_000_000_000_001;
    publication.answered = 1;
    publication.eligible = vec![true, false, true];
    publication.answers[0].weights = vec![0.25, 0.0, 0.75];
    publication.answers[0].risk = 0.5;
    state.latest.publish(&publication);
}

#[test]
fn the_newest_portfolios_are_served_as_the_contract_says() {
    let engine = state("default");
    let server = Server::start(vec![Arc::clone(&engine)]);
    assert!(server.get("/api/v1/portfolios/latest").problem(503).contains("no answer yet"));
    publish(&engine);
    for path in ["/api/v1/portfolios/latest", "/api/v1/portfolios/latest?universe=default"] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"));
        let expected = concat!(
            r#"{"universe":"default","sequence":7,"as_of":"2025-05-12T00:00:00.000000001Z","portfolios":["#,
            r#"{"objective":"max-sharpe","method":"exact","mean":null,"risk":0.5,"sharpe":null,"gap":null,"#,
            r#""label":"ok","weights":{"XRP":0.25,"BTC":0.75}}]}"#
        );
        assert_eq!(answer.text(), expected);
    }
    server.stop();
}

#[test]
fn what_is_not_there_is_told_as_problem_details() {
    let server = Server::start(vec![state("one"), state("two")]);
    let says = |path: &str, status: u16, part: &str| {
        let detail = server.get(path).problem(status);
        assert!(detail.contains(part), "{path}: {detail}");
    };
    for resource in ["portfolios/latest", "frontier/latest", "assets"] {
        says(&format!("/api/v1/{resource}?universe=three"), 404, "one, two");
        says(&format!("/api/v1/{resource}"), 400, "one, two");
        says(&format!("/api/v1/{resource}?universe=one&universe=two"), 400, "universe");
        says(&format!("/api/v1/{resource}?universe=two"), 503, "two");
    }
    says("/api/v1/events?universe=three", 404, "one, two");
    says("/api/v1/latency", 400, "one, two");
    says("/api/v1/bars?universe=one", 404, "--data");
    says("/api/v1/runs", 404, "--data");
    says("/api/v1/docs/nothing.js", 404, "nothing.js");
    says("/nothing", 404, "/nothing");
    assert!(server.ask("POST", "/api/v1/sql", &[], "SELECT 1").problem(404).contains("--data"));
    assert!(server.ask("POST", "/healthz", &[], "").problem(405).contains("GET"));
    assert!(server.get("/api/v1/sql").problem(405).contains("POST"));
    server.stop();
}

#[test]
fn pages_of_other_sites_are_refused_and_every_answer_tells_browsers_what_they_may() {
    let server = Server::start(vec![state("default")]);
    server.ask("GET", "/healthz", &[("Host", "evil.example")], "").problem(403);
    server.ask("GET", "/healthz", &[("Origin", "http://evil.example")], "").problem(403);
    let own = format!("http://{}", server.address);
    assert_eq!(server.ask("GET", "/healthz", &[("Origin", &own)], "").status, 200);
    assert_eq!(server.ask("GET", "/healthz", &[("Host", "localhost")], "").status, 200);
    for path in ["/", "/healthz", "/api/v1/docs", "/nothing"] {
        let answer = server.get(path);
        let policy = &answer.headers[CONTENT_SECURITY_POLICY];
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("ws:"), "a scheme alone lets the page talk to any host: {policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    }
    server.stop();
}

#[test]
fn the_page_and_the_documentation_need_nothing_from_elsewhere() {
    let server = Server::start(vec![state("default")]);
    for path in ["/", "/api/v1/docs"] {
        let page = server.get(path);
        assert_eq!((page.status, page.headers["content-type"].as_str()), (200, "text/html; charset=utf-8"));
        let text = page.text();
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
        assert!(!text.contains("<style") && !text.contains("style=") && !text.contains("onclick"), "{path}");
        for part in text
            .split("src=\"")
            .skip(1)
            .chain(text.split("<link").skip(1).filter_map(|rest| rest.split("href=\"").nth(1)))
        {
            let link = part.split('"').next().unwrap();
            let link = format!("/{}", link.trim_start_matches("./").trim_start_matches('/'));
            let file = server.get(&link);
            assert_eq!(file.status, 200, "{link} of {path}");
            let again = file.headers.get("etag").cloned().unwrap_or_default();
            if !again.is_empty() {
                assert_eq!(server.ask("GET", &link, &[("If-None-Match", &again)], "").status, 304);
            }
        }
    }
    assert_eq!(server.get("/").headers["cache-control"], "no-store");
    server.stop();
}

#[test]
fn every_route_is_documented_and_every_documented_route_answers() {
    let market = Market::open("default");
    let server = Server::start(vec![Arc::clone(&market.live)]);
    let document = server.get("/api/v1/openapi.json").json();
    assert_eq!(
        (document["openapi"].as_str(), document["info"]["version"].as_str()),
        (Some("3.1.0"), Some("1.2.3"))
    );
    let paths = document["paths"].as_object().unwrap();
    let expected: BTreeSet<&str> = [
        "/api/v1/universes",
        "/api/v1/universes/{name}/commands",
        "/api/v1/portfolios/latest",
        "/api/v1/frontier/latest",
        "/api/v1/assets",
        "/api/v1/bars",
        "/api/v1/runs",
        "/api/v1/events",
        "/api/v1/latency",
        "/api/v1/status",
        "/api/v1/sql",
        "/api/v1/catalog",
        "/api/v1/openapi.json",
        "/api/v1/docs",
        "/api/v1/docs/{file}",
        "/api/v1/stream",
        "/healthz",
        "/readyz",
        "/metrics",
    ]
    .into();
    assert_eq!(paths.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let address = path.replace("{file}", "docs.js").replace("{name}", "default");
            let answer = server.ask(&method.to_uppercase(), &address, &[], "");
            let known = operation["responses"].as_object().unwrap();
            // Without tables SQL, bars and runs have nothing to say, and the stream wants an upgrade.
            let status = answer.status.to_string();
            assert!(known.contains_key(&status) || known.contains_key("default"), "{path}: {status}");
            if !known.contains_key(&status) {
                answer.problem(answer.status);
                continue;
            }
            if answer.headers["content-type"] != "application/json" {
                continue;
            }
            let schema = &known[&status]["content"]["application/json"]["schema"]["$ref"];
            let Some(name) = schema.as_str().and_then(|name| name.rsplit('/').next()) else { continue };
            let documented = document["components"]["schemas"][name]["properties"].as_object().unwrap();
            let found = answer.json();
            let found: BTreeSet<_> = found.as_object().unwrap().keys().cloned().collect();
            assert_eq!(found, documented.keys().cloned().collect(), "{path}");
        }
    }
    server.stop();
    market.close();
}

#[test]
fn live_resources_show_what_a_real_engine_knows() {
    let market = Market::open("default");
    let server = Server::start(vec![Arc::clone(&market.live)]);
    let universes = server.get("/api/v1/universes").json();
    let universe = &universes["universes"][0];
    assert_eq!((universe["universe"].as_str(), universe["phase"].as_str()), (Some("default"), Some("live")));
    assert_eq!(
        (universe["interval_ns"].as_i64(), universe["interval"].as_str()),
        (Some(1_000_000_000), Some("1s"))
    );
    assert!(universe["last_input_age_ms"].as_u64().unwrap() < 5_000);
    let names = universe["assets"].as_array().unwrap();

    let frontier = server.get("/api/v1/frontier/latest").json();
    let points = frontier["frontier"].as_array().unwrap();
    assert!(points.len() > 10 && frontier["method"] == "exact" && frontier["label"] == "ok");
    assert!(points.is_sorted_by(|one, other| one["mean"].as_f64() <= other["mean"].as_f64()));
    for point in points {
        let sum: f64 =
            point["weights"].as_object().unwrap().values().map(|weight| weight.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    let assets = server.get("/api/v1/assets?universe=default").json();
    let assets = assets["assets"].as_array().unwrap();
    assert_eq!(assets.len(), names.len());
    for (asset, name) in assets.iter().zip(names) {
        assert_eq!((&asset["asset"], &asset["eligible"]), (name, &true.into()));
        assert!(asset["price"].as_f64().unwrap() > 0.0 && asset["volatility"].as_f64().unwrap() > 0.0);
        let tick = &asset["last_tick"];
        assert!(tick.is_null() || tick.as_str().unwrap().starts_with("2025-05-12T"), "{tick}");
    }
    assert!(server.get("/api/v1/events").json()["events"].is_array());
    let stages = || server.get("/api/v1/latency").json()["stages"].as_array().unwrap().len();
    common::wait_for("latency is shown", || stages() == 4);
    let status = server.get("/api/v1/status").json();
    assert_eq!((&status["ready"], &status["version"]), (&true.into(), &"1.2.3".into()));
    assert!(status["store"].is_null() && status["universes"]["default"] == "live");
    server.stop();
    market.close();
}

#[test]
fn a_scene_is_formed_for_many_at_once() {
    let market = Market::open("default");
    let server = Server::start(vec![Arc::clone(&market.live)]);
    let began = SystemClock.monotonic();
    for _ in 0..60 {
        assert_eq!(server.get("/api/v1/frontier/latest").status, 200);
    }
    let seconds = (SystemClock.monotonic() - began) as f64 / 1e9;
    let metrics = server.get("/metrics");
    let line =
        metrics.text().lines().find(|line| line.starts_with("silverbullet_scene_seconds_count")).unwrap();
    let scenes: f64 = line.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(scenes >= 1.0 && scenes <= seconds * 15.0 + 2.0, "{scenes} scenes in {seconds} s");
    server.stop();
    market.close();
}

#[test]
fn readiness_follows_a_real_engine_and_metrics_count_it() {
    let universe = Universe::resolve("default", &settings(), &source(), 0).unwrap();
    let options = EngineOptions::new("run", Arc::new(SystemClock), StopFlag::default());
    let (engine, mut sink) = Engine::start(universe, &source(), options).unwrap();
    let live = engine.live();
    let server = Server::start(vec![Arc::clone(&live)]);
    let ready = server.get("/readyz");
    let expected =
        r#"{"ready":false,"universes":{"default":"starting"},"reasons":["universe default is starting"]}"#;
    assert_eq!((ready.status, ready.text()), (503, expected));
    for number in 0..32_i64 {
        let wave = |phase: f64| Some(100.0 + (number as f64 * 1.3 + phase).sin());
        let closes = vec![wave(0.0), wave(1.0), wave(2.0)];
        sink.frame();
        sink.push(Input::History(Box::new(HistoryBar { number: 1_747_008_000 + number, closes })));
    }
    common::wait_for("the engine is live", || live.phase() == Phase::Live);
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.get("/healthz").text(), r#"{"status":"alive"}"#);
    sink.end(End::Stopped);
    engine.finish().unwrap();
    let metrics = server.get("/metrics");
    assert!(metrics.headers["content-type"].starts_with("application/openmetrics-text"));
    for line in [
        "silverbullet_frames_total{universe=\"default\"} 32",
        "silverbullet_bars_total{universe=\"default\"} 32",
        "silverbullet_quarantined_total{universe=\"default\",reason=\"none\"} 0",
        "silverbullet_phase{universe=\"default\",phase=\"ended\"} 1",
        "silverbullet_phase{universe=\"default\",phase=\"live\"} 0",
        "silverbullet_sql_queries_total 0",
        "silverbullet_stream_clients 0",
        "silverbullet_scene_seconds_count 0",
        "# TYPE silverbullet_latency_seconds gauge",
        "# EOF",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "no {line} in\n{}", metrics.text());
    }
    assert_eq!(server.get("/readyz").status, 503);
    assert!(live.latest.published() > 0);
    server.stop();
}

#[test]
fn a_store_that_keeps_nothing_makes_the_server_unready_and_says_why() {
    let market = Market::open("default");
    let status = Arc::new(Mutex::new("ok"));
    let watched = Arc::clone(&status);
    let places = json!([{"name": "Cassandra", "pending_rows": 7, "retries": 2, "driver": {"requests": 9}}, {"name": "data"}]);
    let state = move || json!({"status": *watched.lock().unwrap(), "reason": "no space left", "commits": 3, "places": places});
    let store = Some(StoreWatch::new(state));
    let server = Server::serving(Service { store, ..service(vec![Arc::clone(&market.live)]) });
    for (now, ready) in [("ok", true), ("behind", true), ("failing", false), ("full", false)] {
        *status.lock().unwrap() = now;
        let answer = server.get("/readyz");
        assert_eq!((answer.status == 200, answer.json()["ready"].as_bool()), (ready, Some(ready)), "{now}");
        assert_eq!(answer.text().contains(&format!("the store is {now}: no space left")), !ready);
        assert_eq!(server.get("/api/v1/status").json()["store"]["status"], now);
        let line = format!("silverbullet_store_status{{status=\"{now}\"}} 1");
        let metrics = server.get("/metrics");
        assert!(
            metrics.text().contains(&line) && metrics.text().contains("silverbullet_store_commits_total 3")
        );
        for (name, value) in [("pending_rows", 7), ("retries_total", 2), ("requests_total", 9)] {
            let line = format!("silverbullet_store_place_{name}{{place=\"Cassandra\"}} {value}\n");
            assert!(metrics.text().contains(&line), "no {line} in\n{}", metrics.text());
        }
    }
    server.stop();
    market.close();
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
        serve(listener, service(vec![state("default")]), std::future::ready(())).await
    });
    assert!(matches!(outcome, Err(Error::NotLoopback { .. })));
}

#[test]
fn commands_change_what_is_answered_and_what_is_wrong_with_them_is_told() {
    let market = Market::open("default");
    let server = Server::start(vec![Arc::clone(&market.live)]);
    let path = "/api/v1/universes/default/commands";
    let post = |body: &str| server.ask("POST", path, &[], body);
    assert!(post("{}").problem(400).contains(r#"{"command":"pause"}"#));
    let asset = market.live.universe.assets[0].clone();
    let refused = [
        (r#"{"command":"bounds","bounds":{"NONE":[0,1]}}"#.to_owned(), "NONE"),
        (format!(r#"{{"command":"bounds","bounds":{{"{asset}":[0.5,0.4]}}}}"#), "above"),
        (format!(r#"{{"command":"bounds","bounds":{{"{asset}":[1.5,2.0]}}}}"#), "sum to"),
        (format!(r#"{{"command":"holdings","holdings":{{"{asset}":0.5}}}}"#), "sum to 0.5"),
    ];
    for (body, part) in refused {
        let detail = post(&body).problem(422);
        assert!(detail.contains(part), "{detail}");
    }
    assert!(server.get("/api/v1/universes/other/commands").problem(404).contains("default"));
    assert!(server.ask("PUT", path, &[], "").problem(405).contains("GET or POST"));
    let taken = post(&format!(r#"{{"command":"bounds","bounds":{{"{asset}":[0.6,0.7]}}}}"#)).json();
    assert_eq!(taken["sequence"], 1);
    assert!(taken["bar"].as_i64().unwrap() > market.live.publication().unwrap().bar);
    post(&format!(r#"{{"command":"holdings","holdings":{{"{asset}":1.0}}}}"#)).json();
    common::wait_for("the answers follow", || {
        let portfolios = server.get("/api/v1/portfolios/latest").json()["portfolios"].clone();
        portfolios.as_array().unwrap().iter().all(|one| {
            let weight = one["weights"][&asset].as_f64().unwrap();
            let turnover = one["turnover"].as_f64().unwrap_or(9.0);
            (0.6 - 1e-9..0.7 + 1e-9).contains(&weight) && (turnover - (1.0 - weight)).abs() < 1e-9
        })
    });
    assert_eq!(post(r#"{"command":"pause"}"#).json()["sequence"], 3);
    common::wait_for("it is paused", || {
        server.get("/api/v1/status").json()["universes"]["default"] == "paused"
    });
    assert!(server.get("/readyz").text().contains("paused"));
    assert!(server.get("/metrics").text().contains("paused"));
    let listed = server.get(path).json();
    assert_eq!((listed["paused"].as_bool(), listed["kept"].as_bool()), (Some(true), Some(false)));
    assert_eq!(listed["bounds"][&asset], json!([0.6, 0.7]));
    assert_eq!(listed["holdings"], json!({ asset.clone(): 1.0 }));
    assert_eq!(listed["commands"].as_array().unwrap().len(), 3);
    assert_eq!(listed["commands"][2]["command"], json!({"command": "pause"}));
    assert!(listed["commands"][0]["taken"].as_str().unwrap().ends_with('Z'));
    post(r#"{"command":"resume"}"#).json();
    common::wait_for("it answers again", || market.live.phase() == Phase::Live);
    let document = server.get("/api/v1/openapi.json").text().to_owned();
    assert!(document.contains("/api/v1/universes/{name}/commands"));
    let live = Arc::clone(&market.live);
    market.close();
    assert_eq!(live.phase(), Phase::Ended);
    assert!(post(r#"{"command":"pause"}"#).problem(409).contains("ended"));
    server.stop();
}
