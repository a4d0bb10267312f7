//! The way to an exchange: address, TCP, TLS, the WebSocket handshake, and what each failure is called.

mod address;
mod loss;
mod network;

use std::future::Future;
use std::pin::Pin;

use silverbullet_market::Nanos;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub use self::address::Address;
pub(crate) use self::loss::{of_close, of_error};
pub use self::network::Network;
use super::supervise::Loss;

/// Frames are taken from the system in pieces of this size, so that many come with one call.
const READ_AT_ONCE: usize = 64 * 1024;
/// No frame of prices is larger, by far.
const LARGEST_FRAME: usize = 1024 * 1024;
/// A message may come in several frames.
const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// Bytes to and from the other side.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The name under which it stands in `events`.
    pub reason: &'static str,
    /// The particulars, and what can be done.
    pub detail: String,
}

/// A connection on its way.
pub type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn ByteStream>, Refusal>> + Send>>;

/// What connects: the network, or a test's own.
pub trait Connect: Send + Sync {
    /// Begins to connect. Dropping what it returns gives the attempt up.
    fn connect(&self, address: &Address) -> Opening;
}

pub(crate) type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// A WebSocket that is open.
pub(crate) struct Opened {
    pub(crate) socket: Box<Socket>,
    /// The time that the answer bears, nanoseconds UTC.
    pub(crate) time: Option<Nanos>,
}

/// Opens a WebSocket over what `opening` connects to.
pub(crate) async fn open(opening: Opening, address: Address) -> Result<Opened, Loss> {
    let stream = opening.await.map_err(|Refusal { reason, detail }| Loss::new(reason, detail))?;
    let mut request = address.url().into_client_request().map_err(of_error)?;
    let agent = HeaderValue::from_static(concat!("silverbullet/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert("User-Agent", agent);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_AT_ONCE)
        .max_frame_size(Some(LARGEST_FRAME))
        .max_message_size(Some(LARGEST_MESSAGE));
    let (socket, response) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await.map_err(of_error)?;
    if let Some(extension) = header(&response, "Sec-WebSocket-Extensions") {
        let detail =
            format!("it answers with {extension}, which was not asked for; a proxy may be in between");
        return Err(Loss::new("extension not asked for", detail));
    }
    let time = header(&response, "Date").and_then(loss::http_date);
    Ok(Opened { socket: Box::new(socket), time })
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}
