//! What may stand on the command line of `store`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::args::ResultFormat;
use crate::settings::Overrides;

const EXAMPLES: &str = "\
Examples:
  silverbullet store init --nodes 127.0.0.1:9042            make the tables in Cassandra, or bring them up to date
  silverbullet store status                                 what the data directory and Cassandra hold
  silverbullet store status --count --format json           with every row in Cassandra counted

Role, password, keyspace, replication and TLS come from [store.cassandra] in the settings; the
password is best given as SILVERBULLET_STORE__CASSANDRA__PASSWORD.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StoreArguments {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
    /// Nodes of Cassandra, several separated by commas [default: store.cassandra.nodes]
    #[arg(long, value_name = "HOST:PORT", global = true)]
    pub(crate) nodes: Option<String>,
    /// Folder that results are kept in [default: silverbullet-data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, global = true)]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Make keyspace and tables in Cassandra, or bring them up to date, and say what was done
    Init,
    /// Say what each table holds, where
    Status {
        /// Count the rows in Cassandra too, which reads all of them
        #[arg(long)]
        count: bool,
        /// How the tables are printed
        #[arg(long, value_enum, default_value_t = ResultFormat::Table)]
        format: ResultFormat,
    },
}

impl StoreArguments {
    /// What these flags change in the settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        overrides.set("store.cassandra.nodes", "--nodes", self.nodes.as_deref());
        crate::args::set_data(&mut overrides, self.data.as_deref());
        overrides
    }
}
