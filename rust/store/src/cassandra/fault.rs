//! What can go wrong with Cassandra, in one line each that names the remedy, and which of it may pass.

use std::error::Error as StdError;

use scylla::errors::{
    BadQuery, ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError,
    MetadataError, NewSessionError, PrepareError, RequestAttemptError, SchemaAgreementError,
};

/// What the driver said.
pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// Why Cassandra did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A setting cannot work.
    #[error("store.cassandra.{name}: {reason}")]
    Settings {
        /// Name of the setting.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No node answers.
    #[error(
        "no node of Cassandra answers at {nodes}: {source}; start it (setup/cassandra/start) or correct \
         store.cassandra.nodes"
    )]
    Unreachable {
        /// The nodes that were tried.
        nodes: String,
        /// What the driver said.
        source: Source,
    },
    /// The name or the password of the role is wrong.
    #[error(
        "Cassandra refuses the password of role {user}; correct store.cassandra.user and store.cassandra.password"
    )]
    Credentials {
        /// Name of the role.
        user: String,
    },
    /// The role may not do what it was asked to.
    #[error(
        "cannot {action}: Cassandra does not allow it to role {user} ({message}); let an administrator GRANT it"
    )]
    Unauthorized {
        /// What was being done.
        action: String,
        /// Name of the role.
        user: String,
        /// What Cassandra said.
        message: String,
    },
    /// There is no such keyspace.
    #[error(
        "Cassandra has no keyspace {keyspace}; make it by `silverbullet store init`, or correct \
         store.cassandra.keyspace"
    )]
    NoKeyspace {
        /// Its name.
        keyspace: String,
    },
    /// The tables are not there, or older than this program.
    #[error(
        "the tables in keyspace {keyspace} have version {found} and this program writes version {expected}; bring \
         them up to date by `silverbullet store init`"
    )]
    SchemaOlder {
        /// Name of the keyspace.
        keyspace: String,
        /// Version of the tables; 0 where there are none.
        found: i32,
        /// Version of the program.
        expected: i32,
    },
    /// The tables are of a newer program.
    #[error(
        "the tables in keyspace {keyspace} have version {found} and this program knows versions up to {expected}; \
         use the newer program, or another store.cassandra.keyspace"
    )]
    SchemaNewer {
        /// Name of the keyspace.
        keyspace: String,
        /// Version of the tables.
        found: i32,
        /// Version of the program.
        expected: i32,
    },
    /// A column has another type than it should.
    #[error(
        "column {column} of {table} has type {found} in Cassandra where {expected} is needed; somebody changed the \
         table: use another store.cassandra.keyspace and `silverbullet store init`"
    )]
    Type {
        /// Name of the table.
        table: String,
        /// Name of the column.
        column: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Rows that a table cannot take.
    #[error("rows of {table} cannot be stored: {reason}")]
    Rows {
        /// Name of the table.
        table: &'static str,
        /// What is wrong with them.
        reason: String,
    },
    /// Too few copies are reachable.
    #[error(
        "cannot {action}: {message}; start the missing nodes (nodetool status), or lower \
         store.cassandra.consistency"
    )]
    Unavailable {
        /// What was being done.
        action: String,
        /// What Cassandra said.
        message: String,
    },
    /// A node did not answer in time, or has too much to do.
    #[error(
        "cannot {action}: {message}; Cassandra has too much to do: lower store.cassandra.concurrency, or see what \
         slows it down (nodetool tpstats)"
    )]
    Overloaded {
        /// What was being done.
        action: String,
        /// What Cassandra said.
        message: String,
    },
    /// A node could not write or read its files.
    #[error(
        "cannot {action}: a node of Cassandra failed ({message}); its log says why, most often a full disk: free \
         space there"
    )]
    Failing {
        /// What was being done.
        action: String,
        /// What Cassandra said.
        message: String,
    },
    /// A connection broke.
    #[error("cannot {action}: the connection to Cassandra broke: {source}; it is made anew by itself")]
    Broken {
        /// What was being done.
        action: String,
        /// What the driver said.
        source: Source,
    },
    /// Anything else.
    #[error("cannot {action}: {source}")]
    Other {
        /// What was being done.
        action: String,
        /// What the driver said.
        source: Source,
    },
}

impl Fault {
    /// True where the same call may succeed later without anybody changing the program or its settings.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Unavailable { .. }
                | Self::Overloaded { .. }
                | Self::Failing { .. }
                | Self::Broken { .. }
        )
    }

    /// True where asking again at once may help: a request failed and the cluster did not.
    pub(crate) fn may_pass(&self) -> bool {
        self.is_retryable() && !matches!(self, Self::Failing { .. })
    }

    /// `error`, which came of connecting to `nodes` as `user`.
    pub(crate) fn connecting(error: NewSessionError, nodes: &[String], user: &str) -> Self {
        let refused = match &error {
            NewSessionError::MetadataError(MetadataError::ConnectionPoolError(pool)) => refused(pool),
            _ => false,
        };
        if refused {
            return Self::Credentials { user: user.to_owned() };
        }
        Self::Unreachable { nodes: nodes.join(", "), source: Box::new(error) }
    }

    /// `error`, which came of doing `action` as `user`.
    pub(crate) fn executing(error: ExecutionError, action: &str, user: &str) -> Self {
        let action = action.to_owned();
        match error {
            ExecutionError::LastAttemptError(error)
            | ExecutionError::PrepareError(PrepareError::AllAttemptsFailed { first_attempt: error }) => {
                Self::attempting(error, action, user)
            }
            ExecutionError::RequestTimeout(_) | ExecutionError::SchemaAgreementError(_) => {
                Self::Overloaded { action, message: error.to_string() }
            }
            ExecutionError::ConnectionPoolError(pool) if refused(&pool) => {
                Self::Credentials { user: user.to_owned() }
            }
            ExecutionError::ConnectionPoolError(pool) => Self::Broken { action, source: Box::new(pool) },
            ExecutionError::EmptyPlan => Self::Settings {
                name: "data_centre",
                reason: "no node is known there; correct it, or leave it empty".to_owned(),
            },
            ExecutionError::BadQuery(BadQuery::SerializationError(error)) => {
                Self::Other { action, source: Box::new(error) }
            }
            error => Self::Other { action, source: Box::new(error) },
        }
    }

    /// `error`, which came of preparing a statement to do `action` as `user`.
    pub(crate) fn preparing(error: PrepareError, action: &str, user: &str) -> Self {
        Self::executing(ExecutionError::PrepareError(error), action, user)
    }

    /// `error`, which came of waiting until all nodes know a change of tables.
    pub(crate) fn agreeing(error: SchemaAgreementError) -> Self {
        Self::Overloaded { action: "wait for schema agreement".to_owned(), message: error.to_string() }
    }

    /// `error` of which nothing more is known.
    pub(crate) fn other(error: impl StdError + Send + Sync + 'static, action: &str) -> Self {
        Self::Other { action: action.to_owned(), source: Box::new(error) }
    }

    fn attempting(error: RequestAttemptError, action: String, user: &str) -> Self {
        let RequestAttemptError::DbError(kind, said) = &error else {
            return match error {
                RequestAttemptError::BrokenConnectionError(_)
                | RequestAttemptError::UnableToAllocStreamId => {
                    Self::Broken { action, source: Box::new(error) }
                }
                error => Self::Other { action, source: Box::new(error) },
            };
        };
        let message = format!("{kind}: {said}");
        match kind {
            DbError::AuthenticationError => Self::Credentials { user: user.to_owned() },
            DbError::Unauthorized => {
                Self::Unauthorized { action, user: user.to_owned(), message: said.clone() }
            }
            DbError::Unavailable { .. } => Self::Unavailable { action, message },
            DbError::Overloaded
            | DbError::IsBootstrapping
            | DbError::ReadTimeout { .. }
            | DbError::WriteTimeout { .. }
            | DbError::RateLimitReached { .. } => Self::Overloaded { action, message },
            DbError::WriteFailure { .. } | DbError::ReadFailure { .. } | DbError::ServerError => {
                Self::Failing { action, message }
            }
            _ => Self::Other { action, source: Box::new(error) },
        }
    }
}

/// True where the pool is broken because the nodes refuse the role.
fn refused(pool: &ConnectionPoolError) -> bool {
    let ConnectionPoolError::Broken {
        last_connection_error: ConnectionError::ConnectionSetupRequestError(error),
    } = pool
    else {
        return false;
    };
    matches!(
        error.error,
        ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, _)
            | ConnectionSetupRequestErrorKind::MissingAuthentication
    )
}

#[cfg(test)]
mod tests {
    use scylla::statement::Consistency;

    use super::*;

    fn answered(kind: DbError) -> Fault {
        let error = RequestAttemptError::DbError(kind, "said".to_owned());
        Fault::executing(error.into(), "write bars", "somebody")
    }

    #[test]
    fn each_class_of_error_has_its_remedy_and_is_repeated_or_not() {
        let unavailable =
            DbError::Unavailable { consistency: Consistency::LocalQuorum, required: 2, alive: 1 };
        for (kind, repeated, says) in [
            (unavailable, true, "nodetool status"),
            (DbError::Overloaded, true, "concurrency"),
            (DbError::ServerError, true, "full disk"),
            (DbError::SyntaxError, false, "write bars"),
            (DbError::Unauthorized, false, "GRANT"),
            (DbError::AuthenticationError, false, "store.cassandra.password"),
        ] {
            let fault = answered(kind);
            assert_eq!(fault.is_retryable(), repeated, "{fault}");
            assert!(fault.to_string().contains(says), "{fault}");
        }
        assert!(!answered(DbError::ServerError).may_pass());
    }
}
