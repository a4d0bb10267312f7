//! The gRPC server on threads of its own, which let those of the engines go first.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use silverbullet_server::{Grpc, Keep, bind, bind_grpc, require_loopback};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::http::parse_address;
use crate::failure::usage;
use crate::output;
use crate::settings::ServerSettings;
use crate::store;

/// Where gRPC is served unless something else is asked for.
const USUAL: &str = "127.0.0.1:50051";
/// Where any free port will do.
const ANY: &str = "127.0.0.1:0";
/// What is under way gets this long when the program ends.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// The address is claimed before anything else starts, so that a taken port costs nobody any time.
pub(crate) fn claim(settings: &ServerSettings) -> anyhow::Result<Option<TcpListener>> {
    match settings.grpc.as_str() {
        "" => Ok(None),
        "auto" if !settings.enabled => Ok(None),
        "auto" => {
            let (usual, any) = (address(USUAL)?, address(ANY)?);
            Ok(Some(bind(usual).or_else(|_| bind(any))?))
        }
        text => {
            let address = address(text)?;
            if settings.token.is_empty() || settings.certificate.is_empty() {
                require_loopback(address).map_err(|error| usage(error.to_string()))?;
            }
            Ok(Some(bind_grpc(address)?))
        }
    }
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    parse_address("server.grpc", text, USUAL)
}

/// Certificate and key, where TLS is to be spoken.
pub(crate) fn tls(settings: &ServerSettings) -> anyhow::Result<Option<(Vec<u8>, Vec<u8>)>> {
    match (settings.certificate.as_str(), settings.key.as_str()) {
        ("", "") => Ok(None),
        ("", _) => Err(usage("server.key is set, server.certificate is not: TLS needs both")),
        (_, "") => Err(usage("server.certificate is set, server.key is not: TLS needs both")),
        (certificate, key) => Ok(Some((read("server.certificate", certificate)?, read("server.key", key)?))),
    }
}

fn read(setting: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    std::fs::read(Path::new(path)).with_context(|| format!("{setting}: {path} cannot be read"))
}

/// What answers are kept for readers.
pub(crate) fn keep(settings: &ServerSettings) -> anyhow::Result<Keep> {
    let time = store::duration("server.keep", &settings.keep)?;
    if settings.keep_mib == 0 {
        return Err(usage("server.keep_mib: answers need at least 1"));
    }
    Ok(Keep {
        memory: settings.keep_mib << 20,
        time: Duration::from_nanos(time.unsigned_abs()),
        ..Keep::default()
    })
}

/// A server that runs.
pub(crate) struct GrpcServer {
    runtime: Runtime,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<silverbullet_server::Result<()>>,
}

impl GrpcServer {
    /// Serves `grpc` on `listener`, and says where.
    pub(crate) fn start(listener: TcpListener, grpc: Grpc) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("grpc")
            .on_thread_start(silverbullet_query::step_back)
            .enable_all()
            .build()
            .context("the threads of gRPC cannot be started")?;
        let address = listener.local_addr().context("the gRPC listener has no address")?;
        let scheme = if grpc.tls.is_some() { "grpc+tls" } else { "grpc" };
        output::note(&format!("Flight and SQL on {scheme}://{address}"));
        let (shutdown, stopped) = oneshot::channel();
        let task = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)
                .map_err(|source| silverbullet_server::Error::Serve { source })?;
            // A sender that is gone is as good a reason to stop as a message.
            silverbullet_server::serve_grpc(listener, grpc, async { drop(stopped.await) }).await
        });
        Ok(Self { runtime, shutdown, task })
    }

    /// Stops it. Who still reads gets a moment.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        // Where the receiver is gone, the server has ended already and its result says why.
        let _ = self.shutdown.send(());
        let ended = self.runtime.block_on(async { tokio::time::timeout(LAST_THREADS, self.task).await });
        self.runtime.shutdown_timeout(LAST_THREADS);
        match ended {
            Ok(result) => result.context("the gRPC server failed")?.map_err(Into::into),
            // A reader that did not end in time is cut off.
            Err(_) => Ok(()),
        }
    }
}
