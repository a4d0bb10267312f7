//! The program under 20,000 ticks a second and one fault at a time: a full disk, a data directory that vanishes,
//! clients that never read, hostile queries. The live answers go on, memory stays bounded, the fault is told with
//! its remedy, and once it is over nothing is missing and nothing is there twice.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may panic, and says what it has measured"
)]

#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/run.rs"]
mod run;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use disk::Disk;
use run::{Answer, Pace, RATE, Run, Web, assert_complete, assert_tidy, poll, seconds};

/// What may wait in memory for the tables, in MiB.
const MEMORY: [(&str, &str); 1] = [("SILVERBULLET_STORE__MEMORY_MIB", "32")];
/// Most that memory may grow by during a fault, in MiB: that, and three times as much for what the allocator,
/// the tables' own work and the queries under way take. What is not bounded grows by more in these seconds.
const MOST_MEMORY: u64 = 128;
/// Share of the ticks that must be answered meanwhile. A live path that waited for a disk, a client or a query
/// would answer none; a machine that is busy with other tests may well answer less than all.
const PACE: f64 = 0.2;

/// Asserts that publications have kept up with the ticks.
fn assert_pace(pace: f64) {
    assert!(pace > PACE * RATE, "{pace:.0} publications/s of {RATE} ticks/s");
}

#[test]
fn a_full_disk_is_told_and_once_there_is_room_nothing_is_missing() {
    let disk = match Disk::mount(8) {
        Ok(disk) => disk,
        Err(reason) => return full_by_fail_point(&reason),
    };
    let data = disk.path().join("data");
    let run = Run::start(&data, &MEMORY);
    let before = run.resident();
    disk.fill();
    let filled = seconds();
    let reason = run.trouble();
    let told = seconds() - filled;
    assert!(reason.contains("No space left on device"), "{reason}");
    assert!(reason.contains("free space on that disk"), "no remedy in {reason}");
    assert!(reason.contains(disk.path().to_str().unwrap()), "{reason} does not say which disk");
    let outage = Pace::begin(&run.web);
    let stored = run.web.count("stored_bars");
    poll("60 bars during the outage", 30.0, || (run.web.count("stored_bars") > stored + 60).then_some(()));
    let pace = outage.end();
    assert_pace(pace);
    let memory = run.assert_memory(before, MOST_MEMORY);
    assert_eq!(run.web.get("/readyz").status, 503);
    disk.enlarge(256);
    let recovery = run.recovered();
    let bars = assert_complete(&data, &run.end());
    assert_tidy(&data);
    println!(
        "full disk: told after {told:.1} s, {pace:.0} publications/s, {memory} KiB more, ready {recovery:.1} s after \
         there was room, {bars} bars complete"
    );
}

/// The same where nothing can be mounted: a fail point gives what a full disk does, for so many attempts.
fn full_by_fail_point(reason: &str) {
    println!("no disk can be mounted ({}): a fail point takes its place", reason.trim());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let full = "bars-before-commit=3*off->5*return(full)->off";
    let settings = [MEMORY[0], ("FAILPOINTS", full)];
    let run = Run::start(&data, &settings);
    let before = run.resident();
    let reason = run.trouble();
    assert!(reason.contains("No space left") && reason.contains("free space on that disk"), "{reason}");
    let outage = Pace::begin(&run.web);
    let recovery = run.recovered();
    let pace = outage.end();
    assert_pace(pace);
    let memory = run.assert_memory(before, MOST_MEMORY);
    let bars = assert_complete(&data, &run.end());
    println!(
        "full by fail point: {pace:.0} publications/s, {memory} KiB more, ready after {recovery:.1} s, {bars} bars \
         complete"
    );
}

#[test]
fn a_data_directory_that_vanishes_is_waited_for_and_not_made_anew() {
    const BRIEF: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    let run = Run::start(&data, &MEMORY);
    let before = run.resident();
    std::fs::rename(&data, &away).unwrap();
    let reason = run.trouble();
    assert!(reason.contains("has disappeared") && reason.contains("mount or move it back"), "{reason}");
    assert!(reason.contains(data.to_str().unwrap()), "{reason} does not name {}", data.display());
    let outage = Pace::begin(&run.web);
    let stored = run.web.count("stored_bars");
    poll("60 bars during the outage", 30.0, || {
        assert!(!data.exists(), "something was made where the directory was");
        (run.web.count("stored_bars") > stored + 60).then_some(())
    });
    let pace = outage.end();
    assert_pace(pace);
    let memory = run.assert_memory(before, MOST_MEMORY);
    assert_eq!(run.web.get("/readyz").status, 503);
    std::fs::rename(&away, &data).unwrap();
    let recovery = run.recovered();
    // At other moments of a flush.
    for _ in 0..BRIEF {
        std::fs::rename(&data, &away).unwrap();
        run.trouble();
        assert!(!data.exists(), "something was made where the directory was");
        std::fs::rename(&away, &data).unwrap();
        run.recovered();
    }
    let bars = assert_complete(&data, &run.end());
    println!(
        "vanished directory: {pace:.0} publications/s, {memory} KiB more, ready {recovery:.1} s after it was back, \
         {bars} bars complete"
    );
}

/// A client of the stream that never reads.
fn deaf(web: &Web) -> TcpStream {
    let mut stream = TcpStream::connect(web.address).unwrap();
    let request = "GET /api/v1/stream?rate=60 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

#[test]
fn fifty_clients_that_never_read_are_closed_and_others_are_served() {
    const CLIENTS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let run = Run::start(&folder.path().join("data"), &MEMORY);
    let before = run.resident();
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| deaf(&run.web)).collect();
    let metric = |name: &str| run.web.metric(&format!("silverbullet_{name}"));
    poll("all clients are there", 10.0, || (metric("stream_clients") == CLIENTS as f64).then_some(()));
    let begun = seconds();
    let pace = Pace::begin(&run.web);
    let (mut answers, mut slowest, mut memory) = (0, 0.0_f64, 0);
    poll("all clients are closed", 14.0, || {
        let portfolios = run.web.get("/api/v1/portfolios/latest");
        assert_eq!(portfolios.status, 200, "{portfolios:?}");
        answers += 1;
        slowest = slowest.max(portfolios.seconds);
        memory = memory.max(run.assert_memory(before, MOST_MEMORY));
        (metric("stream_clients") == 0.0).then_some(())
    });
    let (closed, pace) = (seconds() - begun, pace.end());
    assert_eq!(metric("stream_stalled_total"), CLIENTS as f64);
    assert!(closed > 9.0, "closed after {closed} s: not for want of reading");
    assert_pace(pace);
    assert!(slowest < 1.0, "an answer took {slowest} s");
    for mut client in clients {
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut bytes = Vec::new();
        match client.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
        assert!(bytes.starts_with(b"HTTP/1.1 101 "));
    }
    let bars = assert_complete(&folder.path().join("data"), &run.end());
    println!(
        "{CLIENTS} deaf clients: closed after {closed:.1} s, {pace:.0} publications/s, {memory} KiB more, {answers} \
         answers to another client, the slowest after {:.0} ms, {bars} bars complete",
        1_000.0 * slowest
    );
}

/// What must be refused before it is run, with the statuses it may be refused with.
fn refused() -> Vec<(Vec<u8>, &'static [u16])> {
    const WRITES: [&str; 12] = [
        "DELETE FROM history.bars",
        "DROP TABLE bars",
        "INSERT INTO runs VALUES (1)",
        "UPDATE portfolios SET mean = 1",
        "TRUNCATE TABLE bars",
        "ALTER TABLE bars ADD COLUMN x INT",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW bars AS SELECT 1",
        "COPY (SELECT 1) TO '/tmp/hostile.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN ANALYZE INSERT INTO runs VALUES (1)",
    ];
    let garbage: [&[u8]; 8] = [
        b"",
        b";;;",
        b"\0\x01\x02 select",
        b"\xff\xfe\xfd",
        b"SELECT * FROM '/etc/passwd'",
        b"SELECT 1 FROM \"../../etc/passwd\"",
        b"SELECT 'unfinished",
        b"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT a.n FROM t a, t b) SELECT count(*) FROM t",
    ];
    let writes = WRITES.map(|text| (text.as_bytes().to_vec(), &[400, 403][..]));
    let garbage = garbage.map(|text| (text.to_vec(), &[400][..]));
    let mut all: Vec<_> = writes.into_iter().chain(garbage).collect();
    all.push((b"SELECT 1; DROP TABLE bars".to_vec(), &[400, 403]));
    all.push((vec![b'x'; 1 << 20], &[413]));
    // As deep as the longest body allows: each level is a call of the parser, the planner, and of what frees it.
    all.push((format!("SELECT {}1{}", "(".repeat(30_000), ")".repeat(30_000)).into_bytes(), &[400]));
    all.push((format!("SELECT {}1", "- ".repeat(32_000)).into_bytes(), &[400]));
    all.push((format!("SELECT {}TRUE", "NOT ".repeat(16_000)).into_bytes(), &[400]));
    all.push((format!("SELECT {}1", "abs(".repeat(8_000)).into_bytes(), &[400]));
    // As long: each part is small.
    all.push((format!("SELECT 1{}", " + 1".repeat(16_000)).into_bytes(), &[400]));
    all.push((format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(3_000)).into_bytes(), &[400]));
    all.push((format!("SELECT 1{}", ", 1".repeat(20_000)).into_bytes(), &[400]));
    all
}

/// What must be stopped by a limit.
const ENDLESS: [&str; 6] = [
    "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "SELECT a.value FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b ORDER BY b.value, a.value",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    "SELECT value FROM generate_series(1, 2000000000) ORDER BY value * 7919 % 1000003",
    "SELECT array_agg(value) FROM generate_series(1, 2000000000)",
    "SELECT count(distinct value) FROM generate_series(1, 2000000000)",
];

/// Asserts a problem with one of `statuses` and something to read.
fn assert_problem(query: &[u8], answer: &Answer, statuses: &[u16]) {
    let query = String::from_utf8_lossy(&query[..query.len().min(80)]);
    assert!(statuses.contains(&answer.status), "{query}: {} {:.300}", answer.status, answer.text);
    assert_eq!(answer.content_type, "application/problem+json", "{query}");
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.len() > 10, "{query}: {detail}");
}

#[test]
fn hostile_queries_are_refused_or_stopped_and_nothing_else_notices() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let limits = [("SILVERBULLET_SQL__TIME", "2s"), ("SILVERBULLET_SQL__MEMORY_MIB", "64")];
    let run = Run::start(&data, &limits);
    let before = run.resident();
    let pace = Pace::begin(&run.web);
    for (query, statuses) in refused() {
        assert_problem(&query, &run.web.sql(&query), statuses);
    }
    let (mut slowest, mut health, mut memory) = (0.0_f64, 0.0_f64, run.resident().saturating_sub(before));
    // Several at a time, as many as there are places for.
    for batch in ENDLESS.chunks(4) {
        let asked: Vec<_> = batch
            .iter()
            .map(|query| (*query, run.web.clone()))
            .map(|(query, web)| std::thread::spawn(move || (query, web.sql(query.as_bytes()))))
            .collect();
        while asked.iter().any(|thread| !thread.is_finished()) {
            let alive = run.web.get("/healthz");
            assert_eq!(alive.status, 200);
            health = health.max(alive.seconds);
            memory = memory.max(run.assert_memory(before, 4 * 64 + MOST_MEMORY));
            std::thread::sleep(Duration::from_millis(20));
        }
        for thread in asked {
            let (query, answer) = thread.join().unwrap();
            assert_problem(query.as_bytes(), &answer, &[422]);
            slowest = slowest.max(answer.seconds);
        }
    }
    let pace = pace.end();
    assert_pace(pace);
    assert!(slowest < 4.0, "a query ended {slowest} s after it was asked, with a limit of 2 s");
    assert!(health < 1.0, "/healthz took {health} s");
    // The thread of queries is free again, as soon as it has looked up from what it was at.
    poll("a query is answered again", 30.0, || {
        (run.web.sql(b"SELECT 1 AS n").json()["rows"][0]["n"] == 1).then_some(())
    });
    assert_eq!(run.web.get("/readyz").status, 200);
    let bars = assert_complete(&data, &run.end());
    println!(
        "hostile queries: the slowest ended after {slowest:.1} s, {pace:.0} publications/s, /healthz at most \
         {:.0} ms, {memory} KiB more, {bars} bars complete",
        1_000.0 * health
    );
}
