//! What listens: the newest portfolios as JSON, health and metrics, over HTTP on the loopback address.
//!
//! | path | answers |
//! |---|---|
//! | `/api/v1/portfolios/latest?universe=` | the newest publication of a universe |
//! | `/healthz` | 200 while the process can answer at all |
//! | `/readyz` | 200 once every universe is live, with the phase of each |
//! | `/metrics` | counts and latencies as OpenMetrics text |
//! | `/` | a short page that lists the above |
//!
//! Whatever is not answered is told as problem details (RFC 9457). The server reads what the engines
//! publish and can neither slow nor change them. Connections, the time a request may take and the time a
//! connection may be silent are all bounded.

mod connections;
mod error;
mod listen;
mod metrics;
mod problem;
mod routes;
mod view;

use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use silverbullet_engine::live::LiveState;
use tokio::net::TcpListener;

pub use error::{Error, Result};
pub use listen::{bind, require_loopback};
pub use view::{PortfolioView, Weights};

/// After the order to stop, requests under way get this long.
const GRACE: Duration = Duration::from_secs(2);

/// Serves `engines` until `shutdown` completes; requests under way are then given two seconds.
///
/// # Errors
/// An address off the loopback, or a listener that fails.
pub async fn serve(
    listener: TcpListener,
    engines: Vec<Arc<LiveState>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address = listener.local_addr().map_err(|source| Error::Serve { source })?;
    require_loopback(address)?;
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let graceful = async move {
        shutdown.await;
        drop(stopping);
    };
    let server = axum::serve(connections::Limited::new(listener), routes::router(engines))
        .with_graceful_shutdown(graceful)
        .into_future();
    let deadline = async move {
        // The sender is dropped, never used: that is the signal.
        let _ = stopped.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = server => result.map_err(|source| Error::Serve { source }),
        () = deadline => {
            tracing::warn!("requests still under way were cut off");
            Ok(())
        }
    }
}
