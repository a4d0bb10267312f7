//! Arrow Flight and Flight SQL over gRPC.
//!
//! GetFlightInfo answers a table, a query or a command of Flight SQL at one moment and keeps the answer: encoded once, cut into
//! as many shares as asked, each with a ticket that any reader may use, as often as it likes, until it expires. DoGet sends what is
//! kept. Answers kept are bounded in number, memory and age ([`Keep`]); so are queries at a time, statements, connections, and
//! how long a client may read nothing.

mod actions;
mod answers;
mod asked;
mod auth;
mod budget;
mod connections;
mod follow;
mod metadata;
mod prepared;
mod put;
mod service;
mod shelf;
mod snapshot;
mod ticket;
mod wire;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::middleware;
use axum::routing::post;
use silverbullet_feeds::Inlet;
use silverbullet_market::Clock;
use silverbullet_query::{Limits, Sql};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tonic::Status;
use tonic::service::Routes;
use tonic::transport::{Identity, Server, ServerTlsConfig};

pub use shelf::Keep;

use crate::error::{Error, Result};
use crate::listen::require_loopback;
use auth::Door;
use connections::Connections;
use metadata::Metadata;
use prepared::Statements;
use shelf::Shelf;
use ticket::Wanted;
use wire::Pieces;

/// Queries at a time; others wait.
const PLACES: usize = 4;
/// How long a query waits for a place.
const QUEUE: Duration = Duration::from_secs(30);
/// Most bytes of one message to the server.
const MOST_MESSAGE: usize = 16 << 20;
/// Answers sent at a time.
const READERS: usize = 512;
/// Tables followed at a time: each is asked for new bars four times a second.
const FOLLOWERS: usize = 16;
/// A connection without a sign of life is asked for one this often, and closed where none comes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// How often is looked for answers that have expired.
const SWEEP: Duration = Duration::from_secs(1);

/// What the gRPC server speaks for, and how.
pub struct Grpc {
    /// Answers SQL within its own limits, but for rows, which are bounded by the memory that answers may take.
    pub sql: Arc<Sql>,
    /// Ages.
    pub clock: Arc<dyn Clock>,
    /// Version of the program.
    pub version: String,
    /// What clients must bring; without one everyone may ask.
    pub token: Option<String>,
    /// Certificate chain and key in PEM; with them, TLS is spoken.
    pub tls: Option<(Vec<u8>, Vec<u8>)>,
    /// Answers kept for readers.
    pub keep: Keep,
    /// Where prices are put that clients bring, where the engines take them from there.
    pub inlet: Option<Inlet>,
}

/// What all requests share.
pub(crate) struct Flight {
    sql: Arc<Sql>,
    limits: Limits,
    places: Semaphore,
    readers: Arc<Semaphore>,
    shelf: Shelf,
    statements: Statements,
    metadata: Metadata,
    door: Door,
    followers: Arc<Semaphore>,
    inlet: Option<Inlet>,
    /// Becomes true when the server is to stop.
    stopping: watch::Receiver<bool>,
}

impl Flight {
    fn new(grpc: &Grpc, stopping: watch::Receiver<bool>) -> Result<Arc<Self>> {
        let metadata =
            Metadata::new(&grpc.version).map_err(|error| Error::Grpc { reason: error.to_string() })?;
        Ok(Arc::new(Self {
            sql: Arc::clone(&grpc.sql),
            limits: Limits { rows: usize::MAX, ..grpc.sql.limits() },
            places: Semaphore::new(PLACES),
            readers: Arc::new(Semaphore::new(READERS)),
            shelf: Shelf::new(grpc.keep, Arc::clone(&grpc.clock)),
            statements: Statements::default(),
            metadata,
            door: Door::new(grpc.token.as_deref()),
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            inlet: grpc.inlet.clone(),
            stopping,
        }))
    }

    /// Begins to send what a ticket is for.
    pub(crate) fn begin(self: &Arc<Self>, wanted: &Wanted) -> std::result::Result<Pieces, Status> {
        let ticket = match wanted {
            Wanted::Follow(table) => return self.follow(table),
            Wanted::Share(ticket) => *ticket,
        };
        let Ok(place) = Arc::clone(&self.readers).try_acquire_owned() else {
            return Err(Status::resource_exhausted(format!(
                "{READERS} answers are being read: come back later"
            )));
        };
        let snapshot = self.shelf.get(ticket)?;
        let (line, pieces) = self.shelf.line();
        let share = ticket.share;
        tokio::spawn(async move {
            let _place = place;
            for message in snapshot.share(share).collect::<Vec<_>>() {
                if !line.send(message).await {
                    return;
                }
            }
            snapshot.was_read(share);
            line.end(Ok(())).await;
        });
        Ok(pieces)
    }
}

/// Serves Flight and Flight SQL until `shutdown` completes.
///
/// # Errors
/// An address off the loopback without TLS and a token, a certificate that is none, or a listener that fails.
pub async fn serve_grpc(
    listener: TcpListener,
    grpc: Grpc,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address = listener.local_addr().map_err(|source| Error::Serve { source })?;
    if grpc.tls.is_none() || grpc.token.is_none() {
        require_loopback(address)?;
    }
    let fail = |error: tonic::transport::Error| Error::Grpc { reason: with_sources(&error) };
    let (stop, stopping) = watch::channel(false);
    let flight = Flight::new(&grpc, stopping)?;
    let shutdown = async move {
        shutdown.await;
        stop.send_replace(true);
    };
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(SIGN_OF_LIFE))
        .http2_keepalive_timeout(Some(SIGN_OF_LIFE));
    if let Some((certificate, key)) = &grpc.tls {
        choose_cryptography();
        let identity = Identity::from_pem(certificate, key);
        server = server.tls_config(ServerTlsConfig::new().identity(identity)).map_err(fail)?;
    }
    let sweeper = {
        let flight = Arc::clone(&flight);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                flight.shelf.sweep();
            }
        })
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<FlightServiceServer<service::Service>>().await;
    let messages = FlightServiceServer::new(service::Service(Arc::clone(&flight)))
        .max_decoding_message_size(MOST_MESSAGE);
    let door = flight.door.clone();
    let router = Routes::new(messages)
        .add_service(health_service)
        .into_axum_router()
        .route("/arrow.flight.protocol.FlightService/DoGet", post(wire::do_get).with_state(flight))
        .layer(middleware::from_fn_with_state(door, auth::check));
    let served = server
        .add_routes(Routes::from(router))
        .serve_with_incoming_shutdown(Connections::new(listener), shutdown)
        .await
        .map_err(fail);
    sweeper.abort();
    served
}

/// Where several providers of cryptography are linked in, TLS wants one to be chosen.
pub fn choose_cryptography() {
    // Whoever was first has chosen one that does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// An error with what caused it.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
