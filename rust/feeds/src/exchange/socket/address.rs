//! Where to connect.

use tokio_tungstenite::tungstenite::http::Uri;

use crate::error::{FeedError, Result};

/// The address of a WebSocket: `wss://host[:port]/path`, or `ws://` without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    host: String,
    port: u16,
    is_secure: bool,
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    /// [`FeedError::Setting`] where it is none.
    pub fn parse(url: &str) -> Result<Self> {
        let refuse = |why: &str| {
            let problem = format!("{url:?} {why}; expected wss://host/path");
            FeedError::Setting { name: "exchange.url", problem }
        };
        let uri: Uri = url.parse().map_err(|_| refuse("is no address"))?;
        let is_secure = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            _ => return Err(refuse("is not one of a WebSocket")),
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
            assert!(Address::parse(named(name).unwrap().url()).unwrap().is_secure());
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
}
