//! The WebSocket, by real clients of a real server over a real engine.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::ipc::reader::StreamReader;
use common::{Market, Server, state, wait_for};
use futures::StreamExt;
use serde_json::Value;
use silverbullet_engine::LiveState;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(address: SocketAddr, query: &str) -> Result<Socket, Error> {
    connect_async(format!("ws://{address}/api/v1/stream{query}")).await.map(|(socket, _)| socket)
}

async fn next(socket: &mut Socket) -> Message {
    tokio::time::timeout(Duration::from_secs(10), socket.next())
        .await
        .expect("a message comes")
        .unwrap()
        .unwrap()
}

fn read(bytes: &[u8]) -> RecordBatch {
    let mut batches: Vec<_> = StreamReader::try_new(bytes, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.len(), 1);
    batches.remove(0)
}

fn meta(batch: &RecordBatch, key: &str) -> String {
    batch.schema().metadata()[key].clone()
}

/// The next table of that name.
async fn table(socket: &mut Socket, name: &str) -> RecordBatch {
    loop {
        if let Message::Binary(bytes) = next(socket).await {
            let batch = read(&bytes);
            if meta(&batch, "table") == name {
                return batch;
            }
        }
    }
}

fn publish(live: &LiveState, sequence: u64) {
    let mut publication = live.latest.room();
    publication.sequence = sequence;
    publication.answered = 1;
    live.latest.publish(&publication);
}

#[test]
fn a_client_is_told_who_speaks_and_sees_everything_that_changes() {
    let market = Market::open("default");
    let server = Server::start(vec![Arc::clone(&market.live)]);
    server.runtime.block_on(async {
        let mut socket = connect(server.address, "?universe=default&rate=60").await.unwrap();
        let Message::Text(hello) = next(&mut socket).await else { panic!("the first message is text") };
        let hello: Value = serde_json::from_str(&hello).unwrap();
        assert_eq!((hello["type"].as_str(), hello["version"].as_str()), (Some("hello"), Some("1.2.3")));
        assert_eq!(hello["population"], 2_048);
        let assets = hello["assets"].as_array().unwrap().len();
        let portfolios = table(&mut socket, "live.portfolios").await;
        assert_eq!(meta(&portfolios, "universe"), "default");
        assert!(meta(&portfolios, "as_of").starts_with("2025-05-12T") && meta(&portfolios, "bar") != "0");
        assert!(matches!(portfolios.schema().field(7).data_type(), DataType::Map(_, false)));
        let weights = portfolios["weights"].as_map().value(0);
        assert_eq!(weights.len(), assets);
        let sum: f64 = weights.column(1).as_primitive::<Float64Type>().values().iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        let prices = table(&mut socket, "live.prices").await;
        assert_eq!((prices.num_rows(), prices["price"].null_count()), (assets, 0));
        let cloud = table(&mut socket, "live.cloud").await;
        assert_eq!(cloud.num_rows(), 2_048);
        assert!(cloud["risk"].as_primitive::<Float32Type>().values().iter().all(|risk| *risk > 0.0));
        let frontier = table(&mut socket, "live.frontier").await;
        assert!(frontier["mean"].as_primitive::<Float64Type>().values().is_sorted());
        assert_eq!(table(&mut socket, "live.assets").await.num_rows(), assets);
        let first: u64 = meta(&table(&mut socket, "live.portfolios").await, "sequence").parse().unwrap();
        let second: u64 = meta(&table(&mut socket, "live.portfolios").await, "sequence").parse().unwrap();
        assert!(second > first, "{second} after {first}");
        let state: Value = loop {
            if let Message::Text(text) = next(&mut socket).await {
                let state: Value = serde_json::from_str(&text).unwrap();
                if state["ticks_per_second"].as_f64().unwrap() > 0.0 {
                    break state;
                }
            }
        };
        assert_eq!((state["type"].as_str(), state["phase"].as_str()), (Some("state"), Some("live")));
        assert!(state["last_input_age_ms"].as_u64().unwrap() < 5_000 && state["store"].is_null());
        assert_eq!(state["latency"].as_array().unwrap().len(), 4);
    });
    server.stop();
    market.close();
}

#[test]
fn what_cannot_be_streamed_is_told_before_the_upgrade() {
    let server = Server::start(vec![state("one"), state("two")]);
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let ask = |query: &str| server.ask("GET", &format!("/api/v1/stream{query}"), &upgrade, "");
    assert!(ask("").problem(400).contains("one, two"));
    assert!(ask("?universe=three").problem(404).contains("one, two"));
    assert!(ask("?universe=one&rate=0").problem(400).contains("1 to 60"));
    assert!(ask("?universe=one&rate=61").problem(400).contains("1 to 60"));
    server.get("/api/v1/stream?universe=one").problem(426);
    let foreign = [&upgrade[..], &[("Origin", "http://evil.example")]].concat();
    server.ask("GET", "/api/v1/stream?universe=one", &foreign, "").problem(403);
    server.stop();
}

#[test]
fn there_is_room_for_64_clients_and_a_place_that_comes_free_is_used() {
    let server = Server::start(vec![state("default")]);
    server.runtime.block_on(async {
        let mut sockets = Vec::new();
        for _ in 0..64 {
            sockets.push(connect(server.address, "").await.unwrap());
        }
        let Err(Error::Http(refused)) = connect(server.address, "").await else {
            panic!("a 65th was let in")
        };
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        drop(sockets.pop());
        let mut late = None;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            late = connect(server.address, "").await.ok();
            if late.is_some() {
                break;
            }
        }
        assert!(late.is_some(), "the place stayed taken");
    });
    server.stop();
}

#[test]
fn a_client_that_comes_back_to_reading_sees_the_newest_and_not_a_queue() {
    let live = state("default");
    let server = Server::start(vec![Arc::clone(&live)]);
    server.runtime.block_on(async {
        let mut socket = connect(server.address, "?rate=20").await.unwrap();
        for sequence in 1..=2_000 {
            publish(&live, sequence);
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        let mut seen = Vec::new();
        while seen.last() != Some(&2_000) {
            let batch = table(&mut socket, "live.portfolios").await;
            seen.push(meta(&batch, "sequence").parse::<u64>().unwrap());
        }
        assert!(seen.is_sorted());
        // Over one second and a half at 20 updates a second; 2,000 would be a queue.
        assert!((2..=200).contains(&seen.len()), "{} updates", seen.len());
    });
    server.stop();
}

#[test]
fn clients_are_told_when_the_server_stops() {
    let live = state("default");
    publish(&live, 1);
    let server = Server::start(vec![live]);
    let mut socket = server.runtime.block_on(connect(server.address, "")).unwrap();
    let reader = server.runtime.spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame;
            }
        }
        None
    });
    wait_for("the client is counted", || server.get("/metrics").text().contains("stream_clients 1"));
    let handle = server.runtime.handle().clone();
    let told = std::thread::spawn(move || handle.block_on(reader).unwrap());
    server.stop();
    assert_eq!(told.join().unwrap().map(|frame| frame.code), Some(CloseCode::Away));
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[test]
#[cfg(target_os = "linux")]
fn clients_that_never_read_cost_little_and_are_closed_and_others_are_served() {
    use std::io::Write;
    let market = Market::open("default");
    let server = Server::start(vec![Arc::clone(&market.live)]);
    let before = resident();
    let deaf: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            let request = "GET /api/v1/stream?rate=60 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                           Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    wait_for("50 clients", || server.get("/metrics").text().contains("stream_clients 50"));
    let published = market.live.latest.published();
    server.runtime.block_on(async {
        let mut socket = connect(server.address, "?rate=30").await.unwrap();
        let mut updates = 0;
        let until = tokio::time::Instant::now() + Duration::from_secs(5);
        while tokio::time::Instant::now() < until {
            table(&mut socket, "live.portfolios").await;
            updates += 1;
        }
        assert!(updates >= 20, "{updates} updates in 5 s");
    });
    assert!(market.live.latest.published() > published + 100);
    let more = resident().saturating_sub(before);
    assert!(more < 64 << 20, "{more} bytes for 50 clients");
    wait_for("deaf clients are closed", || !server.get("/metrics").text().contains("stream_stalled_total 0"));
    drop(deaf);
    server.stop();
    market.close();
}
