//! The listener: TCP, TLS with a certificate of its own, the WebSocket handshake.

#![expect(clippy::result_large_err, reason = "the handshake wants its refusal so")]

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::connection::Connection;
use crate::drip::Drip;
use crate::fault::Fault;
use crate::list::{self, Listing};
use crate::log::{Delivered, Log};
use crate::market::{Market, Published};
use crate::venue::Venue;

/// What is played and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose protocol is spoken.
    pub venue: Venue,
    /// What goes wrong, one a connection; nothing with those after.
    pub faults: VecDeque<Fault>,
    /// Frames of prices that a connection brings before something goes wrong.
    pub after: usize,
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// What is answered to whoever asks for the list of instruments.
    pub listing: Listing,
    frames: Vec<Published>,
    /// When each frame is published, after the first subscription.
    times: Vec<Duration>,
}

impl Options {
    /// `market` as `venue` would say it, a frame every `pause`.
    #[must_use]
    pub fn new(venue: Venue, market: &Market, pause: Duration) -> Self {
        let frames = market.0.iter().map(|said| Published {
            channel: (venue.symbol(&said.asset), said.is_trade),
            text: venue.frame(said),
            time: said.time,
        });
        let assets: BTreeSet<&str> = market.0.iter().map(|said| said.asset.as_str()).collect();
        let markets = assets.into_iter().map(|asset| (asset.to_owned(), venue.symbol(asset))).collect();
        Self { listing: Listing::Markets(markets), ..Self::of_frames(venue, frames.collect(), pause) }
    }

    /// Frames of `venue` as they were recorded, one every `pause`; its list is empty.
    #[must_use]
    pub fn of_frames(venue: Venue, frames: Vec<Published>, pause: Duration) -> Self {
        let times = (0..frames.len()).map(|place| pause * u32::try_from(place).unwrap_or(u32::MAX)).collect();
        Self {
            venue,
            faults: VecDeque::new(),
            after: 100,
            heartbeat: Duration::from_secs(1),
            listing: Listing::Markets(Vec::new()),
            frames,
            times,
        }
    }

    /// The same at the pace at which it happened, or so many times as fast.
    #[must_use]
    pub fn at_its_pace(mut self, speed: f64) -> Self {
        let first = self.frames.first().map_or(0, |frame| frame.time);
        let mut newest = 0;
        let times = self.frames.iter().map(|frame| {
            newest = newest.max(frame.time - first);
            Duration::from_nanos((newest as f64 / speed) as u64)
        });
        self.times = times.collect();
        self
    }

    /// With these things going wrong, one a connection.
    #[must_use]
    pub fn with_faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults = faults.into_iter().collect();
        self
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    /// The first frame of each market, and whether it is of trades.
    firsts: HashMap<(String, bool), usize>,
    /// How wrong the venue's clock is.
    pub(crate) hours: AtomicI64,
    /// Frames that are published before their time.
    more: AtomicUsize,
    /// When the first subscription came.
    started: OnceLock<Instant>,
    log: Mutex<Log>,
    faults: Mutex<VecDeque<Fault>>,
}

impl Shared {
    fn new(options: Options) -> Self {
        let mut firsts = HashMap::new();
        for (place, frame) in options.frames.iter().enumerate() {
            firsts.entry(frame.channel.clone()).or_insert(place);
        }
        let faults = Mutex::new(options.faults.clone());
        Self {
            options,
            firsts,
            hours: AtomicI64::new(0),
            more: AtomicUsize::new(0),
            started: OnceLock::new(),
            log: Mutex::new(Log::default()),
            faults,
        }
    }

    /// Somebody has subscribed: frames are published from now on, if they were not before.
    pub(crate) fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    pub(crate) fn frame(&self, place: usize) -> &Published {
        &self.options.frames[place]
    }

    /// How many frames are published by now.
    pub(crate) fn published(&self) -> usize {
        self.published_before(Duration::ZERO)
    }

    /// How many were published this long ago.
    pub(crate) fn published_before(&self, ago: Duration) -> usize {
        let passed = self.started.get().and_then(|started| started.elapsed().checked_sub(ago));
        let Some(passed) = passed else { return 0 };
        let by_time = self.options.times.partition_point(|&time| time <= passed);
        (by_time + self.more.load(Ordering::Acquire)).min(self.options.frames.len())
    }

    pub(crate) fn publish_more(&self, count: usize) {
        self.more.fetch_add(count, Ordering::AcqRel);
    }

    pub(crate) fn knows(&self, symbol: &str) -> bool {
        self.firsts.keys().any(|(known, _)| known == symbol)
    }

    pub(crate) fn first(&self, symbol: &str, is_trade: bool) -> Option<String> {
        let place = *self.firsts.get(&(symbol.to_owned(), is_trade))?;
        Some(self.frame(place).text.clone())
    }

    pub(crate) fn log(&self, number: usize, note: impl FnOnce(&mut Delivered)) {
        if let Some(delivered) = held(&self.log).0.get_mut(number) {
            note(delivered);
        }
    }

    /// What the venue's clock shows.
    fn date(&self) -> Option<HeaderValue> {
        let newest = self.options.frames.get(self.published().saturating_sub(1))?;
        let hours = self.hours.load(Ordering::Acquire);
        let time = i128::from(newest.time) + i128::from(hours) * 3_600_000_000_000;
        let time = Timestamp::from_nanosecond(time).ok()?;
        let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?;
        HeaderValue::from_str(&text).ok()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An exchange that listens until it is dropped.
pub struct Exchange {
    shared: Arc<Shared>,
    url: String,
    certificate: String,
    listener: JoinHandle<()>,
}

impl Exchange {
    /// Listens at `address`, with a certificate for `localhost`.
    ///
    /// # Errors
    /// An address that cannot be listened at.
    pub async fn start(options: Options, address: SocketAddr) -> anyhow::Result<Self> {
        let names = vec!["localhost".to_owned(), address.ip().to_string()];
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(address).await.with_context(|| format!("listening at {address}"))?;
        let url = format!("wss://localhost:{}/stream", listener.local_addr()?.port());
        let shared = Arc::new(Shared::new(options));
        let listening = Arc::clone(&shared);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accept(Arc::clone(&listening), tls.clone(), stream));
            }
        });
        Ok(Self { shared, url, certificate: cert.pem(), listener })
    }

    /// Where to connect.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the list of instruments is.
    #[must_use]
    pub fn list_url(&self) -> String {
        let address = self.url.trim_start_matches("wss").trim_end_matches("/stream");
        format!("https{address}{}", list::path_of(self.shared.options.venue))
    }

    /// The certificate to trust (PEM).
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What was delivered so far.
    #[must_use]
    pub fn log(&self) -> Log {
        held(&self.shared.log).clone()
    }

    /// The frames of prices, in the order they are published.
    #[must_use]
    pub fn frames(&self) -> Vec<String> {
        self.shared.options.frames.iter().map(|frame| frame.text.clone()).collect()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Serves a connection. What goes wrong with it beside what is to go wrong ends it, as it would at an exchange.
async fn accept(shared: Arc<Shared>, tls: TlsAcceptor, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok((stream, reset)) = resettable(stream) else { return };
    let is_slow = Arc::new(AtomicBool::new(false));
    let Ok(mut stream) = tls.accept(Drip::new(stream, Arc::clone(&is_slow))).await else { return };
    let Ok(head) = list::head(&mut stream).await else { return };
    if !list::wants_websocket(&head) {
        let Options { venue, listing, .. } = &shared.options;
        let _ = list::answer(stream, &head, *venue, listing).await;
        return;
    }
    let fault = held(&shared.faults).pop_front().unwrap_or(Fault::None);
    let number = {
        let mut log = held(&shared.log);
        log.0.push(Delivered::default());
        log.0.len() - 1
    };
    // What was read of it already is read first.
    let (read, write) = tokio::io::split(stream);
    let stream = tokio::io::join(std::io::Cursor::new(head).chain(read), write);
    let greet = |_: &Request, response: Response| greet(&shared, number, fault, response);
    let Ok(socket) = accept_hdr_async(stream, greet).await else { return };
    let connection = Connection::new(Arc::clone(&shared), socket, number, fault, is_slow, reset);
    let _ = connection.serve().await;
}

/// The stream, and what has it reset when it is dropped.
fn resettable(stream: TcpStream) -> std::io::Result<(TcpStream, Box<dyn Fn() + Send>)> {
    let stream = stream.into_std()?;
    let other = stream.try_clone()?;
    let reset = move || {
        // A connection that is closed with nothing to linger for is reset.
        let _ = socket2::SockRef::from(&other).set_linger(Some(Duration::ZERO));
    };
    Ok((TcpStream::from_std(stream)?, Box::new(reset)))
}

fn greet(
    shared: &Shared,
    number: usize,
    fault: Fault,
    mut response: Response,
) -> Result<Response, ErrorResponse> {
    if let Some(date) = shared.date() {
        response.headers_mut().insert("Date", date);
    }
    match fault {
        Fault::Extension => {
            let extension = HeaderValue::from_static("permessage-deflate");
            response.headers_mut().insert("Sec-WebSocket-Extensions", extension);
        }
        Fault::Http(status, seconds) => {
            shared.log(number, |log| log.turned_away = true);
            let mut refusal = ErrorResponse::new(Some("go away".to_owned()));
            *refusal.status_mut() = status.try_into().unwrap_or_default();
            if seconds > 0 {
                refusal.headers_mut().insert("Retry-After", HeaderValue::from(seconds));
            }
            return Err(refusal);
        }
        _ => {}
    }
    Ok(response)
}
