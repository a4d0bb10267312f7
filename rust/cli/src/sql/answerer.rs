//! Who answers queries: the tables of a folder, or a run that is asked through Flight SQL.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use arrow::array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use silverbullet_query::Sql;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::failure::usage;

/// A server that does not answer the connection for so long is none.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a message that are taken.
const MOST_MESSAGE: usize = 64 << 20;

/// Who answers.
pub(super) enum Answerer {
    Folder { sql: Box<Sql>, directory: PathBuf },
    Server { client: Box<FlightSqlServiceClient<Channel>>, address: String },
}

impl Answerer {
    /// Connects to a run: `grpc://HOST:PORT`, or `grpc+tls://HOST:PORT`.
    pub(super) async fn connect(
        address: &str,
        token: &str,
        authority: Option<&[u8]>,
    ) -> anyhow::Result<Self> {
        let (url, tls) = url_of(address)?;
        let wrong =
            || usage(format!("--connect: {address:?} is not an address; write it as grpc://127.0.0.1:50051"));
        let mut endpoint = Endpoint::from_shared(url).map_err(|_| wrong())?.connect_timeout(PATIENCE);
        if tls {
            silverbullet_server::choose_cryptography();
            let roots = ClientTlsConfig::new().with_native_roots();
            let config = match authority {
                Some(pem) => roots.ca_certificate(Certificate::from_pem(pem)),
                None => roots,
            };
            endpoint = endpoint.tls_config(config).context("TLS cannot be spoken")?;
        }
        let channel = endpoint.connect().await.with_context(|| {
            format!("nobody answers at {address}; start `silverbullet run`, which says where its SQL is")
        })?;
        let inner = arrow_flight::flight_service_client::FlightServiceClient::new(channel)
            .max_decoding_message_size(MOST_MESSAGE);
        let mut client = FlightSqlServiceClient::new_from_inner(inner);
        if !token.is_empty() {
            client.set_token(token.to_owned());
        }
        Ok(Self::Server { client: Box::new(client), address: address.to_owned() })
    }

    /// Where the rows come from.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Folder { directory, .. } => directory.display().to_string(),
            Self::Server { address, .. } => address.clone(),
        }
    }

    /// All rows of a query, and the limit that has left some out, if one has.
    pub(super) async fn answer(&mut self, query: &str) -> anyhow::Result<(Vec<RecordBatch>, Option<usize>)> {
        match self {
            Self::Folder { sql, .. } => {
                let (batches, truncated) = super::answer(sql, query).await.map_err(super::explain)?;
                Ok((batches, truncated.then_some(sql.limits().rows)))
            }
            Self::Server { client, .. } => Ok((ask(client, query).await.map_err(explain)?, None)),
        }
    }
}

async fn ask(
    client: &mut FlightSqlServiceClient<Channel>,
    query: &str,
) -> Result<Vec<RecordBatch>, FlightError> {
    let info = client.execute(query.to_owned(), None).await?;
    let mut batches = Vec::new();
    for endpoint in &info.endpoint {
        let ticket = endpoint.ticket.clone().unwrap_or_default();
        batches.extend(client.do_get(ticket).await?.try_collect::<Vec<_>>().await?);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(info.try_decode_schema()?.into()));
    }
    Ok(batches)
}

/// A query that makes no sense is wrong usage; anything else is a failure.
fn explain(error: FlightError) -> anyhow::Error {
    match error {
        FlightError::Tonic(status) => match status.code() {
            Code::InvalidArgument | Code::NotFound | Code::PermissionDenied => {
                usage(status.message().to_owned())
            }
            Code::Unauthenticated => usage(format!("{}: set SILVERBULLET_SERVER__TOKEN", status.message())),
            _ => anyhow!("{}", status.message().to_owned()),
        },
        other => other.into(),
    }
}

/// The address as HTTP has it, and whether TLS is spoken.
fn url_of(address: &str) -> anyhow::Result<(String, bool)> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("grpc", address));
    let tls = match scheme {
        "grpc" | "grpc+tcp" | "http" => false,
        "grpc+tls" | "https" => true,
        other => {
            return Err(usage(format!("--connect: {other}:// is not spoken; use grpc:// or grpc+tls://")));
        }
    };
    Ok((format!("{}://{rest}", if tls { "https" } else { "http" }), tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_any_of_the_usual_schemes_or_none() {
        for (address, expected, tls) in [
            ("127.0.0.1:50051", "http://127.0.0.1:50051", false),
            ("grpc://h:1", "http://h:1", false),
            ("grpc+tls://h:1", "https://h:1", true),
            ("https://h:1", "https://h:1", true),
        ] {
            assert_eq!(url_of(address).unwrap(), (expected.to_owned(), tls), "{address}");
        }
        assert!(url_of("ftp://h:1").unwrap_err().to_string().contains("grpc://"));
    }
}
