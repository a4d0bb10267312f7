//! What may stand on the command line of `store`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::transfer::Which;
use crate::args::ResultFormat;
use crate::settings::Overrides;

const EXAMPLES: &str = "\
Examples:
  silverbullet store init --nodes 127.0.0.1:9042            make the tables in Cassandra, or bring them up to date
  silverbullet store status                                 what the data directory and Cassandra hold
  silverbullet store status --count --format json           with every row in Cassandra counted
  silverbullet store export archive --since 2026-01-01      rows of this year to Parquet files, one a table
  silverbullet store import archive --to cassandra          and into Cassandra
  silverbullet store copy --from delta --to cassandra       everything; broken off, it goes on where it was

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
    /// Write tables to Parquet files, one a table; files that are there already are left alone
    Export {
        /// Folder of the files
        #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
        /// Where the rows are read
        #[arg(long, value_enum, default_value_t = PlaceName::Delta)]
        from: PlaceName,
        #[command(flatten)]
        which: Which,
    },
    /// Put the rows of such files into tables; those that are there already are left out
    Import {
        /// Folder of the files
        #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
        /// Where the rows are put
        #[arg(long, value_enum)]
        to: PlaceName,
        /// Only these tables [default: those whose files are there]
        #[arg(long = "table", value_name = "NAMES", value_delimiter = ',')]
        tables: Vec<String>,
    },
    /// Copy tables from one place to the other; broken off, it goes on where it was
    Copy {
        /// Where the rows are read
        #[arg(long, value_enum)]
        from: PlaceName,
        /// Where the rows are put
        #[arg(long, value_enum)]
        to: PlaceName,
        #[command(flatten)]
        which: Which,
    },
}

/// Where tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlaceName {
    /// Delta tables in the data directory
    Delta,
    /// Cassandra
    Cassandra,
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
