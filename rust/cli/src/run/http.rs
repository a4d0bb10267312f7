//! The HTTP server on threads of its own, beside the engines.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use silverbullet_server::Service;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::failure::usage;
use crate::settings::ServerSettings;

/// The runtime's threads get this long after the server itself has ended.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// The address is claimed before anything else starts, so that a taken port costs nobody any time.
pub(crate) fn claim(settings: &ServerSettings) -> anyhow::Result<Option<TcpListener>> {
    if !settings.enabled {
        return Ok(None);
    }
    let address = address_of(settings)?;
    silverbullet_server::require_loopback(address).map_err(|error| usage(error.to_string()))?;
    Ok(Some(silverbullet_server::bind(address)?))
}

/// The address of HTTP.
pub(crate) fn address_of(settings: &ServerSettings) -> anyhow::Result<SocketAddr> {
    parse_address("server.http", &settings.http, "127.0.0.1:8080")
}

/// The address that a setting means, which usually is `usual`.
pub(crate) fn parse_address(setting: &str, text: &str, usual: &str) -> anyhow::Result<SocketAddr> {
    text.replace("localhost", "127.0.0.1")
        .parse()
        .map_err(|_| usage(format!("{setting}: {text:?} is not an address; write it as {usual}")))
}

/// A server that runs.
pub(crate) struct Server {
    runtime: Runtime,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<silverbullet_server::Result<()>>,
}

impl Server {
    /// Serves `service` on `listener`.
    pub(crate) fn start(listener: TcpListener, service: Service) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("http")
            .enable_all()
            .build()
            .context("the HTTP server's threads cannot be started")?;
        let address = listener.local_addr().context("the HTTP listener has no address")?;
        let (shutdown, stopped) = oneshot::channel();
        let task = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)
                .map_err(|source| silverbullet_server::Error::Serve { source })?;
            // A sender that is gone is as good a reason to stop as a message.
            silverbullet_server::serve(listener, service, async { drop(stopped.await) }).await
        });
        Ok(Self { runtime, address, shutdown, task })
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and waits for the requests under way.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        // Where the receiver is gone, the server has ended already and its result says why.
        let _ = self.shutdown.send(());
        let result = self.runtime.block_on(self.task);
        self.runtime.shutdown_timeout(LAST_THREADS);
        result.context("the HTTP server failed")??;
        Ok(())
    }
}
