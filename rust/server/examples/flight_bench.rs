//! The Rust half of `make bench-flight`: serves the tables of a folder over gRPC until its input ends, and says where.
//!
//! `flight_bench DIRECTORY`
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use silverbullet_market::SystemClock;
use silverbullet_query::{Limits, Sql, step_back};
use silverbullet_server::{Grpc, Keep, bind, serve_grpc};
use silverbullet_store::Tables;

/// That of `silverbullet`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::path::PathBuf::from(std::env::args().nth(1).ok_or("give a directory")?);
    // Ten million bars are 1.2 GB, held once as they are and once as they are sent.
    let limits = Limits { memory: 4 << 30, time: Duration::from_secs(300), ..Limits::default() };
    let keep = Keep { memory: 6 << 30, time: Duration::from_secs(3_600), ..Keep::default() };
    let sql = Arc::new(Sql::new(Tables::open(&directory), None, Vec::new(), limits)?);
    let clock = Arc::new(SystemClock);
    let grpc = Grpc { sql, clock, version: "bench".into(), token: None, tls: None, keep, inlet: None };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(step_back)
        .enable_all()
        .build()?;
    let listener = bind("127.0.0.1:0".parse()?)?;
    println!("grpc://{}", listener.local_addr()?);
    let (shutdown, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
        serve_grpc(listener, grpc, async { drop(stopped.await) }).await.map_err(|error| error.to_string())
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(shutdown);
    Ok(runtime.block_on(task)??)
}
