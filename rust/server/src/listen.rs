//! Which addresses may be listened on.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use crate::error::{Error, Result};

/// Refuses an address that others than this machine could reach.
///
/// # Errors
/// [`Error::NotLoopback`].
pub fn require_loopback(address: SocketAddr) -> Result<()> {
    if address.ip().is_loopback() { Ok(()) } else { Err(Error::NotLoopback { address }) }
}

/// Listens on a loopback address, ready for [`serve`](crate::serve) (non-blocking). Port 0 lets the system
/// pick one.
///
/// # Errors
/// An address off the loopback, a port that is taken, or what else the system refuses.
pub fn bind(address: SocketAddr) -> Result<TcpListener> {
    require_loopback(address)?;
    listen(address, "--http")
}

/// The same for [`serve_grpc`](crate::serve_grpc), which others may reach who bring a token and speak TLS.
///
/// # Errors
/// A port that is taken, or what else the system refuses.
pub fn bind_grpc(address: SocketAddr) -> Result<TcpListener> {
    listen(address, "--grpc")
}

fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener> {
    let fail = |source: std::io::Error| match source.kind() {
        ErrorKind::AddrInUse => Error::PortTaken { address, flag },
        _ => Error::Bind { address, flag, source },
    };
    let listener = TcpListener::bind(address).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_loopback_is_listened_on() {
        for text in ["127.0.0.1:8080", "127.3.2.1:0", "[::1]:0"] {
            assert!(require_loopback(address(text)).is_ok(), "{text}");
        }
        for text in ["0.0.0.0:8080", "[::]:8080", "192.168.1.5:0", "8.8.8.8:53"] {
            let message = require_loopback(address(text)).unwrap_err().to_string();
            assert!(message.contains("TLS") && message.contains(text), "{message}");
            assert!(matches!(bind(address(text)), Err(Error::NotLoopback { .. })));
        }
    }

    #[test]
    fn a_taken_port_is_named_with_the_remedy() {
        let first = bind(address("127.0.0.1:0")).unwrap();
        let taken = first.local_addr().unwrap();
        let message = bind(taken).unwrap_err().to_string();
        assert!(message.contains(&format!("port {}", taken.port())), "{message}");
        assert!(message.contains("--http 127.0.0.1:0"), "{message}");
        let message = bind_grpc(taken).unwrap_err().to_string();
        assert!(message.contains("--grpc 127.0.0.1:0"), "{message}");
        drop(first);
        assert!(bind(taken).is_ok());
    }
}
