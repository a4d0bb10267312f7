//! Has a venue's list of instruments sent: one GET over the way that prices come by, bounded in size.

use std::fmt::Display;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;

use crate::exchange::socket::{Address, Connect, Refusal};

/// No list is larger: the largest has a few megabytes.
const MOST: usize = 32 * 1024 * 1024;

/// What stands at `address`, or one line that says why there is nothing. Whoever waits says for how long.
pub(crate) async fn fetch(connect: &dyn Connect, address: &Address) -> Result<String, String> {
    let host = address.host();
    let failed = |error: &dyn Display| format!("{host}: {error}");
    let stream = connect.connect(address).await.map_err(|Refusal { detail, .. }| detail)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    // It carries what is sent and received, and ends with this.
    let carrier = Carrier(tokio::spawn(async move { drop(connection.await) }));
    let request = request(address).map_err(|error| failed(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    if response.status() != StatusCode::OK {
        return Err(format!("{host}: HTTP {}", response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), MOST).collect().await.map_err(|error| failed(&error))?;
    drop(carrier);
    String::from_utf8(body.to_bytes().into()).map_err(|_| format!("{host}: its answer is no text"))
}

fn request(address: &Address) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    let uri: Uri = address.url().parse()?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(address.host(), |authority| authority.as_str());
    Request::get(path)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("silverbullet/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .body(Empty::new())
}

/// A task that ends when it is not needed any more.
struct Carrier(tokio::task::JoinHandle<()>);

impl Drop for Carrier {
    fn drop(&mut self) {
        self.0.abort();
    }
}
