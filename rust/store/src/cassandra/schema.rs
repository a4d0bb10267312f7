//! Making the tables and bringing them up to date; refusing those of another version.
//!
//! The version stands in the keyspace. [`init`] may run at any time and as often as one likes: it makes what is missing
//! and says what it did. Two at a time are for Cassandra to sort out, which older versions of it do badly: one
//! is enough.

use std::collections::{HashMap, HashSet};

use super::connection::Connection;
use super::ddl::{self, VERSION_TABLE};
use super::fault::Fault;
use super::layout::Layout;

/// Version of the tables that this program writes.
pub const SCHEMA_VERSION: i32 = 1;

/// A change of tables that are there.
struct Migration {
    /// The version they have afterwards.
    version: i32,
    /// What it does.
    what: &'static str,
    /// Its statements for a keyspace; each may find its work done already.
    statements: fn(keyspace: &str) -> Vec<String>,
}

/// All changes since version 1, which was the first. Tables that are missing are always made as the newest version has
/// them.
const MIGRATIONS: &[Migration] = &[];

/// Makes keyspace and tables where they are missing, brings older ones up to date, and returns what was done, a line each;
/// nothing where all was well.
///
/// # Errors
/// [`Fault::SchemaNewer`] where a newer program has been here; and where Cassandra refuses.
pub async fn init(connection: &Connection) -> crate::Result<Vec<String>> {
    let settings = &connection.settings;
    let mut done = Vec::new();
    if !has_keyspace(connection).await? {
        connection.run(&ddl::create_keyspace(settings), "make the keyspace").await?;
        done.push(format!("made keyspace {}", settings.keyspace));
    }
    let found = version(connection).await?;
    refuse_newer(connection, found)?;
    for migration in pending(MIGRATIONS, found) {
        for statement in (migration.statements)(&settings.keyspace) {
            connection.run(&statement, migration.what).await?;
        }
        set_version(connection, migration.version).await?;
        done.push(format!("version {}: {}", migration.version, migration.what));
    }
    make_tables(connection, &mut done).await?;
    set_time_to_live(connection, &mut done).await?;
    connection.session.await_schema_agreement().await.map_err(Fault::agreeing)?;
    if found < SCHEMA_VERSION {
        set_version(connection, SCHEMA_VERSION).await?;
        done.push(format!("the tables have version {SCHEMA_VERSION}"));
    }
    Ok(done)
}

/// Makes sure that the tables are those of this program.
///
/// # Errors
/// [`Fault::NoKeyspace`], [`Fault::SchemaOlder`] or [`Fault::SchemaNewer`]; and where Cassandra refuses.
pub async fn check(connection: &Connection) -> crate::Result<()> {
    let keyspace = || connection.settings.keyspace.clone();
    if !has_keyspace(connection).await? {
        return Err(Fault::NoKeyspace { keyspace: keyspace() }.into());
    }
    let found = version(connection).await?;
    refuse_newer(connection, found)?;
    if found < SCHEMA_VERSION {
        return Err(Fault::SchemaOlder { keyspace: keyspace(), found, expected: SCHEMA_VERSION }.into());
    }
    Ok(())
}

fn refuse_newer(connection: &Connection, found: i32) -> Result<(), Fault> {
    if found > SCHEMA_VERSION {
        let keyspace = connection.settings.keyspace.clone();
        return Err(Fault::SchemaNewer { keyspace, found, expected: SCHEMA_VERSION });
    }
    Ok(())
}

/// Those of `migrations` that tables of version `found` need. Where there are none yet nothing has to be changed.
fn pending(migrations: &[Migration], found: i32) -> impl Iterator<Item = &Migration> {
    migrations.iter().filter(move |migration| found > 0 && migration.version > found)
}

async fn make_tables(connection: &Connection, done: &mut Vec<String>) -> Result<(), Fault> {
    let there: HashSet<String> = times_to_live(connection).await?.into_keys().collect();
    for (name, statement) in ddl::tables(&connection.settings) {
        if !there.contains(&name) {
            connection.run(&statement, &format!("make table {name}")).await?;
            done.push(format!("made table {name}"));
        }
    }
    if !there.contains(VERSION_TABLE) {
        let statement = ddl::create_version_table(&connection.settings);
        connection.run(&statement, &format!("make table {VERSION_TABLE}")).await?;
        done.push(format!("made table {VERSION_TABLE}"));
    }
    Ok(())
}

async fn set_time_to_live(connection: &Connection, done: &mut Vec<String>) -> Result<(), Fault> {
    let there = times_to_live(connection).await?;
    for layout in Layout::all().filter(ddl::expires) {
        let name = layout.name();
        let wanted = connection.settings.ttl;
        let seconds = wanted.map_or(0, |ttl| i32::try_from(ttl.as_secs()).unwrap_or(i32::MAX));
        if there.get(&name).is_some_and(|found| *found != seconds) {
            let statement =
                format!("ALTER TABLE {} WITH {}", connection.qualified(&name), ddl::properties(wanted));
            connection.run(&statement, &format!("change table {name}")).await?;
            done.push(format!("rows of {name} written from now on live for {seconds} s (0: for ever)"));
        }
    }
    Ok(())
}

async fn has_keyspace(connection: &Connection) -> Result<bool, Fault> {
    let query = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let rows = connection.rows(query, (&connection.settings.keyspace,), "look for the keyspace").await?;
    Ok(rows.rows_num() > 0)
}

/// The tables of the keyspace with how long their rows live, in seconds.
async fn times_to_live(connection: &Connection) -> Result<HashMap<String, i32>, Fault> {
    let action = "look for tables";
    let query = "SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name = ?";
    let rows = connection.rows(query, (&connection.settings.keyspace,), action).await?;
    let rows = rows.rows::<(String, Option<i32>)>().map_err(|error| Fault::other(error, action))?;
    let live = rows.map(|row| row.map(|(name, ttl)| (name, ttl.unwrap_or(0))));
    live.collect::<Result<_, _>>().map_err(|error| Fault::other(error, action))
}

/// Version of the tables; 0 where there are none.
async fn version(connection: &Connection) -> Result<i32, Fault> {
    let action = "read the version of the tables";
    if !times_to_live(connection).await?.contains_key(VERSION_TABLE) {
        return Ok(0);
    }
    let table = connection.qualified(VERSION_TABLE);
    let query = format!("SELECT version FROM {table} WHERE component = 'tables'");
    let rows = connection.rows(&query, (), action).await?;
    let row = rows.maybe_first_row::<(Option<i32>,)>().map_err(|error| Fault::other(error, action))?;
    Ok(row.and_then(|(version,)| version).unwrap_or(0))
}

async fn set_version(connection: &Connection, version: i32) -> Result<(), Fault> {
    let table = connection.qualified(VERSION_TABLE);
    let program = env!("CARGO_PKG_VERSION");
    let statement = format!(
        "INSERT INTO {table} (component, version, program) VALUES ('tables', {version}, '{program}')"
    );
    connection.run(&statement, "write the version of the tables").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_go_through_every_version_after_theirs_and_new_ones_through_none() {
        let change = |version| Migration { version, what: "change", statements: |_| Vec::new() };
        let all = [change(2), change(3)];
        let of = |found| pending(&all, found).map(|change| change.version).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(2), of(3)), (vec![], vec![2, 3], vec![3], vec![]));
    }
}
