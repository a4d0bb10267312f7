//! The network: names, TCP and TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Address, ByteStream, Connect, Opening, Refusal};
use crate::error::{FeedError, Result};

/// Connects over TCP, and TLS where the address wants it. Certificates are those that the system trusts, and those of a
/// file beside them.
#[derive(Clone)]
pub struct Network {
    tls: Option<TlsConnector>,
}

impl Network {
    /// What reaches `addresses`.
    ///
    /// # Errors
    /// No certificates to trust, or a file of them that is none.
    pub fn new<'a>(addresses: impl IntoIterator<Item = &'a Address>, ca_file: Option<&Path>) -> Result<Self> {
        let is_secure = addresses.into_iter().any(Address::is_secure);
        let tls = is_secure.then(|| client(ca_file)).transpose()?;
        Ok(Self { tls })
    }
}

/// TLS as ring does it: the tree has another provider, too, so that none is the default.
fn client(ca_file: Option<&Path>) -> Result<TlsConnector> {
    let refuse = |problem: String| FeedError::Setting { name: "exchange.ca_file", problem };
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let unreadable = |error: &dyn std::fmt::Display| refuse(format!("{}: {error}", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
        if roots.is_empty() {
            return Err(refuse(format!("{}: no certificate is in it; expected PEM", path.display())));
        }
    }
    // One that cannot be read is none of the exchange's, most likely.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let remedy = "install the package ca-certificates, or name a file of certificates";
        return Err(refuse(format!("this machine trusts nobody; {remedy}")));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Connect for Network {
    fn connect(&self, address: &Address) -> Opening {
        let (address, tls) = (address.clone(), self.tls.clone());
        Box::pin(async move {
            let stream = reach(&address).await?;
            match tls {
                _ if !address.is_secure() => Ok(Box::new(stream) as Box<dyn ByteStream>),
                Some(tls) => secure(tls, &address, stream).await,
                None => {
                    let detail = format!("{}: it was not said that TLS would be needed", address.host());
                    Err(Refusal { reason: "TLS failed", detail })
                }
            }
        })
    }
}

/// Tries each of the numbers that the host's name stands for.
async fn reach(address: &Address) -> std::result::Result<TcpStream, Refusal> {
    let (host, port) = (address.host(), address.port());
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| Refusal {
        reason: "address not found",
        detail: format!("{host}: {error}; check the network and the name"),
    })?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no number");
    for number in found {
        match TcpStream::connect(number).await {
            Ok(stream) => {
                // What is sent is short and wanted at once. It works without, too.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(Refusal { reason: "no connection", detail: format!("{host}:{port}: {last}; check the network") })
}

async fn secure(
    tls: TlsConnector,
    address: &Address,
    stream: TcpStream,
) -> std::result::Result<Box<dyn ByteStream>, Refusal> {
    let host = address.host().to_owned();
    let fail = |error: &dyn std::fmt::Display| {
        let remedy = "a proxy in between needs its certificate in exchange.ca_file";
        Refusal { reason: "TLS failed", detail: format!("{}: {error}; {remedy}", address.host()) }
    };
    let name = ServerName::try_from(host).map_err(|error| fail(&error))?;
    let stream = tls.connect(name, stream).await.map_err(|error| fail(&error))?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let address = Address::parse("wss://localhost").unwrap();
        let refusal = |file: &Path| Network::new([&address], Some(file)).err().unwrap().to_string();
        assert!(refusal(&file).contains("exchange.ca_file"));
        for text in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(refusal(&file).contains("ca.pem"), "{text}");
        }
        // Without TLS nobody has to be trusted.
        let plain = Address::parse("ws://localhost").unwrap();
        assert!(Network::new([&plain], Some(&file)).is_ok());
    }
}
