//! Where to connect, for prices or for a list.

use tokio_tungstenite::tungstenite::http::Uri;

use crate::error::{FeedError, Result};

/// The address of a WebSocket, `wss://host[:port]/path`, or of a list, `https://host[:port]/path`; `ws://` and `http://` are
/// without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    host: String,
    port: u16,
    is_secure: bool,
}

/// What an address is of.
struct Kind {
    /// The setting it comes from.
    setting: &'static str,
    /// What a right one begins with; with TLS, and without.
    schemes: [&'static str; 2],
    not_one: &'static str,
}

impl Address {
    /// Reads that of a WebSocket.
    ///
    /// # Errors
    /// [`FeedError::Setting`] where it is none.
    pub fn parse(url: &str) -> Result<Self> {
        let not_one = "is not one of a WebSocket";
        Self::read(url, &Kind { setting: "exchange.url", schemes: ["wss", "ws"], not_one })
    }

    /// Reads that of a list of instruments.
    ///
    /// # Errors
    /// [`FeedError::Setting`] where it is none.
    pub fn parse_list(url: &str) -> Result<Self> {
        let not_one = "is not one of a list on the web";
        Self::read(url, &Kind { setting: "exchange.instruments", schemes: ["https", "http"], not_one })
    }

    fn read(url: &str, kind: &Kind) -> Result<Self> {
        let [secure, plain] = kind.schemes;
        let refuse = |why: &str| {
            let problem = format!("{url:?} {why}; expected {secure}://host/path");
            FeedError::Setting { name: kind.setting, problem }
        };
        let uri: Uri = url.parse().map_err(|_| refuse("is no address"))?;
        let is_secure = match uri.scheme_str() {
            Some(scheme) if scheme == secure => true,
            Some(scheme) if scheme == plain => false,
            _ => return Err(refuse(kind.not_one)),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refuse("names no host"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(refuse("has a user's name in it, which goes nowhere"));
        }
        let usual = if is_secure { 443 } else { 80 };
        // A port that is too large is none.
        let has_port = uri.authority().is_some_and(|authority| authority.as_str() != host);
        let port = if has_port { uri.port_u16().ok_or_else(|| refuse("has no such port"))? } else { usual };
        // An address of the sixth version stands in brackets, which are no part of it.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { url: url.to_owned(), host, port, is_secure })
    }

    /// As it was written.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host's name or number.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is reached through TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{NAMES, named};

    #[test]
    fn addresses_are_read() {
        let parts = |url: &str| {
            let address = Address::parse(url).unwrap();
            (address.host().to_owned(), address.port(), address.is_secure())
        };
        assert_eq!(parts("wss://a.b/c?d=e"), ("a.b".into(), 443, true));
        assert_eq!(parts("ws://a.b"), ("a.b".into(), 80, false));
        assert_eq!(parts("wss://[::1]:9/x"), ("::1".into(), 9, true));
        for name in NAMES {
            let venue = named(name).unwrap();
            assert!(Address::parse(venue.url()).unwrap().is_secure());
            assert!(Address::parse_list(venue.instruments()).unwrap().is_secure());
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for url in
            ["", "a.b", "https://a.b", "wss://", "wss:///x", "wss://me:it@a.b/", "wss://a b", "wss://a:99999"]
        {
            let message = Address::parse(url).unwrap_err().to_string();
            assert!(
                message.contains("exchange.url") && message.contains("expected wss://host/path"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_list_is_on_the_web() {
        assert_eq!(Address::parse_list("http://a.b/c").unwrap().port(), 80);
        for url in ["wss://a.b/c", "on", "a.b"] {
            let message = Address::parse_list(url).unwrap_err().to_string();
            assert!(
                message.contains("exchange.instruments") && message.contains("expected https://host/path"),
                "{message}"
            );
        }
    }
}
