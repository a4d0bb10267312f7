//! What listens: REST, WebSocket, SQL, metrics and the page, over HTTP on the loopback address; Flight and Flight SQL over
//! gRPC ([`serve_grpc`]).
//!
//! | path | answers |
//! |---|---|
//! | `/` | the page |
//! | `/api/v1/docs`, `/api/v1/openapi.json` | every route with its parameters and answers |
//! | `/api/v1/portfolios/latest`, `frontier/latest`, `assets`, `events`, `latency` | what an engine knows now |
//! | `/api/v1/bars`, `runs`, `catalog`, `POST /api/v1/sql` | what the tables hold |
//! | `/api/v1/universes`, `status` | what runs |
//! | `/api/v1/stream` | a WebSocket with everything that changes |
//! | `/healthz`, `/readyz` | whether the process lives, and whether everything works |
//! | `/metrics` | counts and latencies as OpenMetrics text |
//!
//! Whatever is not answered is told as problem details (RFC 9457). The server reads what the engines
//! publish and cannot slow them; it changes them by commands alone, which it hands on. Who reads slowly sees fewer updates, never older ones.
//! Connections, clients of the stream, queries at a time, the size of a request, the time it may take and
//! the time a connection may be silent are all bounded. Pages of other sites are refused.

mod api;
mod connections;
mod docs;
mod error;
mod flight;
mod frames;
mod guard;
mod hub;
mod listen;
mod meters;
mod metrics;
mod page;
mod parameters;
mod problem;
mod routes;
mod service;
mod sql;
mod store;
mod stream;
mod view;

use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use error::{Error, Result};
pub use flight::{Grpc, Keep, choose_cryptography, serve_grpc};
pub use listen::{bind, bind_grpc, require_loopback};
pub use service::Service;
pub use store::StoreWatch;
pub use view::{PortfolioView, Weights, newest_portfolios};

/// After the order to stop, requests and clients under way get this long.
const GRACE: Duration = Duration::from_secs(2);

/// Serves `service` until `shutdown` completes. Clients of the stream are then told and closed; requests
/// under way are given two seconds.
///
/// # Errors
/// An address off the loopback, or a listener that fails.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address = listener.local_addr().map_err(|source| Error::Serve { source })?;
    require_loopback(address)?;
    let (stop, stopping) = watch::channel(false);
    let shared = Arc::new(service::Shared::new(service, stopping.clone()));
    let pulse = tokio::spawn(stream::beat(Arc::clone(&shared)));
    let graceful = async move {
        shutdown.await;
        stop.send_replace(true);
    };
    let router = routes::router(Arc::clone(&shared));
    let server = axum::serve(
        connections::Limited::new(listener),
        router.into_make_service_with_connect_info::<connections::Work>(),
    )
    .with_graceful_shutdown(graceful)
    .into_future();
    let everyone = async {
        let result = server.await.map_err(|source| Error::Serve { source });
        stream::all_gone(&shared).await;
        result
    };
    let deadline = async move {
        stream::stopped(stopping).await;
        tokio::time::sleep(GRACE).await;
    };
    let result = tokio::select! {
        result = everyone => result,
        () = deadline => {
            tracing::warn!("requests still under way were cut off");
            Ok(())
        }
    };
    pulse.abort();
    result
}
