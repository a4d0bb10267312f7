//! A connection to Cassandra: one session a program, with what it was made from.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::ExecutionError;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::query_result::QueryRowsResult;
use scylla::statement::Statement;
use scylla::statement::prepared::PreparedStatement;

use super::fault::Fault;
use super::layout::quoted;
use super::retry::Attempts;
use super::settings::{CassandraSettings, TlsSettings};

/// A table takes a node seconds to make while it has much else to do.
const CHANGE: Duration = Duration::from_secs(60);
/// How long all nodes may take to learn of a change of tables.
const AGREEMENT: Duration = Duration::from_secs(60);

/// A session with its settings. Clones share it.
#[derive(Clone)]
pub struct Connection {
    pub(crate) session: Arc<Session>,
    pub(crate) settings: Arc<CassandraSettings>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects. Nothing is made or checked in the keyspace.
    ///
    /// # Errors
    /// Settings that cannot work, no node that answers, or a role that is refused.
    pub async fn open(settings: CassandraSettings) -> crate::Result<Self> {
        settings.check()?;
        let mut policy = DefaultPolicy::builder().token_aware(true);
        if !settings.data_centre.is_empty() {
            policy = policy.prefer_datacenter(settings.data_centre.clone());
        }
        // What is repeated, and when, is decided in one place: by the writer, which knows how to wait.
        let profile = ExecutionProfile::builder()
            .consistency(settings.consistency.into())
            .request_timeout(Some(settings.request_timeout))
            .load_balancing_policy(policy.build())
            .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
            .build();
        let tls = settings.tls.ca.is_some().then(|| client_config(&settings.tls)).transpose()?;
        let builder = SessionBuilder::new()
            .known_nodes(&settings.nodes)
            .user(&settings.user, settings.password.reveal())
            .tls_context(tls)
            .connection_timeout(settings.connect_timeout)
            .schema_agreement_timeout(AGREEMENT)
            .keyspaces_to_fetch([settings.keyspace.as_str()])
            .default_execution_profile_handle(profile.into_handle());
        let session = builder.build().await;
        let session = session.map_err(|error| Fault::connecting(error, &settings.nodes, &settings.user))?;
        Ok(Self { session: Arc::new(session), settings: Arc::new(settings) })
    }

    /// How far the clock of the node that answers is ahead of `now`, which tells milliseconds since 1970; negative where it is behind.
    ///
    /// # Errors
    /// Where Cassandra refuses or does not answer.
    pub async fn clock_ahead_ms(&self, now: impl Fn() -> i64) -> crate::Result<i64> {
        let action = "ask for the time";
        let before = now();
        let rows = self.rows("SELECT toUnixTimestamp(now()) FROM system.local", (), action).await?;
        let (there,) = rows.first_row::<(i64,)>().map_err(|error| Fault::other(error, action))?;
        // Asked in the midst of the two.
        Ok(there - before.midpoint(now()))
    }

    /// `table` with the keyspace, as CQL has it.
    pub(crate) fn qualified(&self, table: &str) -> String {
        format!("{}.{}", quoted(&self.settings.keyspace), quoted(table))
    }

    /// Runs a statement that changes tables or single rows of them.
    pub(crate) async fn run(&self, cql: &str, action: &str) -> Result<(), Fault> {
        let mut statement = Statement::new(cql);
        statement.set_request_timeout(Some(CHANGE));
        self.session.query_unpaged(statement, ()).await.map_err(|error| self.fault(error, action))?;
        Ok(())
    }

    /// Runs a query with few rows.
    pub(crate) async fn rows(
        &self,
        cql: &str,
        values: impl scylla::serialize::row::SerializeRow,
        action: &str,
    ) -> Result<QueryRowsResult, Fault> {
        let result = self.session.query_unpaged(cql, values).await;
        let result = result.map_err(|error| self.fault(error, action))?;
        result.into_rows_result().map_err(|error| Fault::other(error, action))
    }

    /// Prepares a statement that may be sent again.
    pub(crate) async fn prepare(&self, cql: &str, action: &str) -> Result<PreparedStatement, Fault> {
        let prepared = self.session.prepare(cql).await;
        let mut prepared = prepared.map_err(|error| Fault::preparing(error, action, &self.settings.user))?;
        prepared.set_is_idempotent(true);
        Ok(prepared)
    }

    /// Makes a request until it is answered or must not be repeated; the answer, and how often it was repeated. `number` tells
    /// requests apart.
    pub(crate) async fn repeated<T, F>(
        &self,
        number: u64,
        action: &str,
        mut request: impl FnMut() -> F,
    ) -> Result<(T, u32), Fault>
    where
        F: Future<Output = Result<T, ExecutionError>>,
    {
        let mut attempts = Attempts::new(&self.settings, number);
        loop {
            match request().await {
                Ok(answer) => return Ok((answer, attempts.made())),
                Err(error) => attempts.wait(self.fault(error, action)).await?,
            }
        }
    }

    /// What the error means.
    pub(crate) fn fault(&self, error: ExecutionError, action: &str) -> Fault {
        Fault::executing(error, action, &self.settings.user)
    }
}

fn client_config(tls: &TlsSettings) -> Result<Arc<ClientConfig>, Fault> {
    let refuse = |name, error: &dyn std::fmt::Display| Fault::Settings { name, reason: error.to_string() };
    let read = |path, name| {
        let certificates =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        certificates.map_err(|error| refuse(name, &error))
    };
    let mut roots = RootCertStore::empty();
    for certificate in tls.ca.as_ref().map_or_else(|| Ok(Vec::new()), |path| read(path, "tls.ca"))? {
        roots.add(certificate).map_err(|error| refuse("tls.ca", &error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| refuse("tls", &error))?.with_root_certificates(roots);
    let config = match (&tls.certificate, &tls.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain = read(certificate, "tls.certificate")?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse("tls.key", &error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| refuse("tls.key", &error))?
        }
        _ => return Err(refuse("tls", &"certificate and key belong together")),
    };
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_certificates_is_told_by_setting() {
        let says = |tls: &TlsSettings| client_config(tls).unwrap_err().to_string();
        let ca = Some("no-such-file.pem".into());
        assert!(says(&TlsSettings { ca, ..Default::default() }).starts_with("store.cassandra.tls.ca: "));
        let certificate = Some("client.pem".into());
        let alone = TlsSettings { certificate, ..Default::default() };
        assert_eq!(says(&alone), "store.cassandra.tls: certificate and key belong together");
        assert!(client_config(&TlsSettings::default()).is_ok());
    }
}
