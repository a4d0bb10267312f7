//! A gRPC server on a port of its own, and clients of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightClient, FlightEndpoint};
use futures::TryStreamExt;
use silverbullet_feeds::{Inlet, PutSource};
use silverbullet_market::ManualClock;
use silverbullet_query::{Limits, Sql};
pub(crate) use silverbullet_server::Keep;
use silverbullet_server::{Grpc, Result, serve_grpc};
use silverbullet_store::Tables;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

use crate::common::listening;

pub(crate) type SqlClient = FlightSqlServiceClient<Channel>;

/// A server over no stored rows, with a clock that stands until it is moved.
pub(crate) struct FlightServer {
    pub(crate) clock: Arc<ManualClock>,
    runtime: Runtime,
    address: SocketAddr,
    authority: Option<Certificate>,
    shutdown: Option<oneshot::Sender<()>>,
    task: Option<tokio::task::JoinHandle<Result<()>>>,
    _folder: tempfile::TempDir,
}

impl FlightServer {
    pub(crate) fn start() -> Self {
        Self::with(Keep::default(), None)
    }

    pub(crate) fn with(keep: Keep, token: Option<&str>) -> Self {
        Self::serving(keep, token, None, None)
    }

    /// With a certificate of its own, which clients trust.
    pub(crate) fn with_tls() -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pem = [certified.cert.pem(), certified.signing_key.serialize_pem()].map(String::into_bytes);
        let [certificate, key] = pem;
        Self::serving(Keep::default(), None, Some((certificate, key)), None)
    }

    /// Whose clients bring prices, and the source that takes them.
    pub(crate) fn with_source(assets: &[&str]) -> (Self, PutSource) {
        let assets = assets.iter().map(|&name| name.to_owned()).collect();
        let (source, inlet) = PutSource::new(assets, Arc::new(ManualClock::new(0)));
        (Self::serving(Keep::default(), None, None, Some(inlet)), source)
    }

    fn serving(
        keep: Keep,
        token: Option<&str>,
        tls: Option<(Vec<u8>, Vec<u8>)>,
        inlet: Option<Inlet>,
    ) -> Self {
        let authority = tls.as_ref().map(|(certificate, _)| Certificate::from_pem(certificate));
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_747_008_000_000_000_000));
        let sql = Sql::new(Tables::open(folder.path()), None, Vec::new(), Limits::default()).unwrap();
        let grpc = Grpc {
            sql: Arc::new(sql),
            clock: clock.clone(),
            version: "1.2.3".into(),
            token: token.map(str::to_owned),
            tls,
            keep,
            inlet,
        };
        let (runtime, listener, address) = listening();
        let (shutdown, stopped) = oneshot::channel::<()>();
        let task = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            serve_grpc(listener, grpc, async { drop(stopped.await) }).await
        });
        let (shutdown, task) = (Some(shutdown), Some(task));
        Self { clock, runtime, address, authority, shutdown, task, _folder: folder }
    }

    async fn channel(&self) -> Channel {
        let plain = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        let endpoint = match &self.authority {
            None => plain,
            Some(authority) => {
                silverbullet_server::choose_cryptography();
                let tls = ClientTlsConfig::new().ca_certificate(authority.clone()).domain_name("localhost");
                let address = format!("https://{}", self.address);
                Channel::from_shared(address).unwrap().tls_config(tls).unwrap()
            }
        };
        endpoint.connect().await.unwrap()
    }

    /// Runs something with a client of Flight.
    pub(crate) fn run(&self, work: impl AsyncFnOnce(FlightClient)) {
        self.runtime.block_on(async { work(FlightClient::new(self.channel().await)).await });
    }

    /// Runs something with a client of Flight SQL.
    pub(crate) fn run_sql(&self, work: impl AsyncFnOnce(SqlClient)) {
        self.runtime.block_on(async { work(FlightSqlServiceClient::new(self.channel().await)).await });
    }

    /// So many connections, some of which may have been closed.
    pub(crate) fn crowd(&self, count: usize) -> Crowd {
        Crowd((0..count).map(|_| TcpStream::connect(self.address).unwrap()).collect())
    }

    /// Bytes that are no HTTP.
    pub(crate) fn garbage(&self) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        for _ in 0..1_024 {
            // The server closes the connection sooner or later.
            if stream.write_all(&[0xa5; 1 << 16]).is_err() {
                return;
            }
        }
        panic!("64 MiB of garbage were taken");
    }
}

/// Connections that say nothing.
pub(crate) struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// How many the server has not closed: those on which it greets, as HTTP/2 does at once.
    pub(crate) fn open(&self) -> usize {
        let greeted = |mut stream: &TcpStream| {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").is_ok()
                && stream.read(&mut [0; 9]).is_ok_and(|length| length > 0)
        };
        self.0.iter().filter(|stream| greeted(stream)).count()
    }
}

impl Drop for FlightServer {
    fn drop(&mut self) {
        if let (Some(shutdown), Some(task)) = (self.shutdown.take(), self.task.take()) {
            // Gone where the server has failed, which is what counts.
            let _ = shutdown.send(());
            let ended =
                self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), task).await });
            if !std::thread::panicking() {
                ended.expect("the server ends").unwrap().unwrap();
            }
        }
    }
}

/// All rows of an endpoint.
pub(crate) async fn rows(
    client: &mut FlightClient,
    endpoint: &FlightEndpoint,
) -> std::result::Result<Vec<RecordBatch>, FlightError> {
    let stream = client.do_get(endpoint.ticket.clone().unwrap()).await?;
    stream.try_collect().await
}

/// The code of a refusal.
pub(crate) fn code(error: &FlightError) -> Code {
    match error {
        FlightError::Tonic(status) => status.code(),
        other => panic!("no status: {other}"),
    }
}

/// What a refusal says.
pub(crate) fn told(error: &FlightError) -> &str {
    match error {
        FlightError::Tonic(status) => status.message(),
        other => panic!("no status: {other}"),
    }
}
