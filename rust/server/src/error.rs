//! Why the server does not listen or stopped to.

use std::net::SocketAddr;

/// Each message names the address and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address that others could reach.
    #[error(
        "{address} is not a loopback address: off the loopback address TLS and a token are needed, which gRPC has with \
         server.certificate, server.key and server.token, and HTTP does not offer; use 127.0.0.1 or [::1]"
    )]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Another program holds the port.
    #[error(
        "port {} on {} is taken by another program; choose another, or let the system pick one with \
         {flag} {}:0",
        address.port(), address.ip(), host(address)
    )]
    PortTaken {
        /// The address asked for.
        address: SocketAddr,
        /// What chooses it on the command line.
        flag: &'static str,
    },
    /// The system refuses the address for another reason.
    #[error("cannot listen on {address}: {source}; choose another address with {flag}, e.g. 127.0.0.1:0")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What chooses it on the command line.
        flag: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// gRPC cannot be served as it is asked for.
    #[error(
        "gRPC cannot be served: {reason}; see server.grpc, server.certificate and server.key in the settings"
    )]
    Grpc {
        /// What is the matter.
        reason: String,
    },
    /// The listener failed while serving.
    #[error("the listener failed: {source}")]
    Serve {
        /// What the system says.
        source: std::io::Error,
    },
}

/// The result of a server call.
pub type Result<T> = std::result::Result<T, Error>;

fn host(address: &SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}
