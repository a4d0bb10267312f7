//! Tables in a real Cassandra: SILVERBULLET_TEST_CASSANDRA names a node that knows the role `silverbullet`. Each test
//! has a keyspace of its own and drops it at the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

#[allow(unreachable_pub, reason = "shared by the test files")]
mod common;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::{concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use common::memory::{lines, undisturbed};
use common::way::Way;
use common::{checkpoint, hand_over, options, run, run_row, source, universe, wait_until};
use futures::TryStreamExt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use silverbullet_engine::durable::rows::Time;
use silverbullet_market::{SECOND, SystemClock};
use silverbullet_store::backend::{Backend, Numbered, Numbers};
use silverbullet_store::cassandra::{
    CassandraBackend, CassandraReader, CassandraSettings, CassandraWriter, Connection, KeyRead,
    SCHEMA_VERSION, init, splits,
};
use silverbullet_store::schema::WeightsBuilder;
use silverbullet_store::{Keeper, RunRow, Status, Store, StoreOptions, Table};

const EDGES: [f64; 8] = [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, 0.1, f64::NEG_INFINITY];
/// Not sorted, and of another number and order from row to row.
const ASSETS: [&str; 4] = ["XRP", "ADA", "Ωmega", "BTC"];

struct Node {
    settings: CassandraSettings,
    session: Session,
}

impl Node {
    async fn new(keyspace: &str) -> Self {
        let address = std::env::var("SILVERBULLET_TEST_CASSANDRA").unwrap_or_else(|_| {
            panic!(
                "set SILVERBULLET_TEST_CASSANDRA to HOST:PORT of a node that these tests may use; \
                 setup/cassandra/start makes one"
            )
        });
        let settings = CassandraSettings {
            nodes: vec![address.clone()],
            keyspace: format!("test_{keyspace}"),
            ..Default::default()
        };
        let session = SessionBuilder::new().known_node(address).user("silverbullet", "silverbullet");
        let node = Self { settings, session: session.build().await.unwrap() };
        node.drop_keyspace().await;
        node
    }

    /// The role may drop what it has made, and not even ask to drop what is not there.
    async fn drop_keyspace(&self) {
        let name = &self.settings.keyspace;
        let query = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
        let found = self.session.query_unpaged(query, (name,)).await.unwrap().into_rows_result().unwrap();
        if found.rows_num() > 0 {
            self.cql(&format!("DROP KEYSPACE \"{name}\"")).await;
        }
    }

    async fn cql(&self, cql: &str) {
        self.session.query_unpaged(cql, ()).await.unwrap();
    }

    async fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM \"{}\".\"{table}\"", self.settings.keyspace);
        let rows = self.session.query_unpaged(query, ()).await.unwrap().into_rows_result().unwrap();
        rows.single_row::<(i64,)>().unwrap().0
    }

    /// Settings of somebody who comes this way and is not patient.
    fn by(&self, way: &Way) -> CassandraSettings {
        CassandraSettings {
            nodes: vec![way.address.clone()],
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
            retries: 1,
            ..self.settings.clone()
        }
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.settings.clone()).await.unwrap()
    }

    async fn made(&self) -> (CassandraWriter, CassandraReader) {
        let connection = self.connect().await;
        init(&connection).await.unwrap();
        let writer = CassandraWriter::open(connection.clone()).await.unwrap();
        (writer, CassandraReader::open(connection).await.unwrap())
    }
}

/// Rows of `table` at bars `bars`, two a bar, with every kind of value; `run` made them.
fn rows(table: Table, bars: std::ops::Range<i64>, run: &str) -> RecordBatch {
    let places: Vec<(i64, usize)> = bars.flat_map(|bar| [(bar, 0), (bar, 1)]).collect();
    let count = places.len();
    let at = |row: usize| places[row];
    let schema = table.schema();
    let column = |(place, field): (usize, &arrow::datatypes::FieldRef)| -> ArrayRef {
        let empty = |row: usize| field.is_nullable() && (row + place).is_multiple_of(3);
        let number = |row: usize| (!empty(row)).then(|| at(row).0 * 1_000 + place as i64);
        match (field.name().as_str(), field.data_type()) {
            ("universe", _) => Arc::new(StringArray::from(vec!["test"; count])),
            ("variant", _) => Arc::new(StringArray::from(vec!["v1"; count])),
            ("run_id", _) if table == Table::Runs => {
                Arc::new(StringArray::from_iter_values((0..count).map(|row| format!("{run}-{row}"))))
            }
            ("run_id", _) => Arc::new(StringArray::from(vec![run; count])),
            ("method", _) => Arc::new(StringArray::from(vec!["exact"; count])),
            ("bar", _) => Arc::new(Int64Array::from_iter_values((0..count).map(|row| at(row).0))),
            ("point" | "partition", _) => {
                Arc::new(Int64Array::from_iter_values((0..count).map(|row| at(row).1 as i64)))
            }
            // Half of the events have no time.
            (_, DataType::Timestamp(..)) => {
                let micros = |row: usize| (!empty(row)).then(|| at(row).0 * 1_000_000 + 7 - place as i64);
                let times: TimestampMicrosecondArray = (0..count).map(micros).collect();
                Arc::new(times.with_timezone("UTC"))
            }
            (_, DataType::Int64) => Arc::new((0..count).map(number).collect::<Int64Array>()),
            (_, DataType::Boolean) => {
                Arc::new((0..count).map(|row| Some(row % 2 == 0)).collect::<BooleanArray>())
            }
            (_, DataType::Float64) => {
                let value = |row: usize| (!empty(row)).then(|| EDGES[(row + place) % EDGES.len()]);
                Arc::new((0..count).map(value).collect::<Float64Array>())
            }
            (_, DataType::Map(..)) => {
                let mut weights = WeightsBuilder::default();
                for row in 0..count {
                    let mut assets = ASSETS[..row % (ASSETS.len() + 1)].to_vec();
                    let turns = row % assets.len().max(1);
                    assets.rotate_left(turns);
                    let weight = |(at, asset)| (asset, EDGES[(row + at) % EDGES.len()]);
                    weights.push(assets.into_iter().enumerate().map(weight)).unwrap();
                }
                weights.finish()
            }
            (name, _) => {
                let text = |row: usize| match (name, at(row).1) {
                    ("detail", 0) => String::new(),
                    (_, place) => format!("{name} ü {place}"),
                };
                Arc::new(StringArray::from_iter_values((0..count).map(text)))
            }
        }
    };
    let columns = schema.fields().iter().enumerate().map(column).collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

/// `batch` sorted by the key of `table`, for comparison.
fn sorted(table: Table, batch: &RecordBatch) -> RecordBatch {
    let key = |name: &&str| arrow::compute::SortColumn {
        values: batch.column_by_name(name).unwrap().clone(),
        options: None,
    };
    let order = lexsort_to_indices(&table.key().iter().map(key).collect::<Vec<_>>(), None).unwrap();
    take_record_batch(batch, &order).unwrap()
}

/// Equal in every bit: as numbers 0 and -0 would be equal too.
fn assert_same(table: Table, found: &RecordBatch, expected: &RecordBatch) {
    let (found, expected) = (sorted(table, found), sorted(table, expected));
    assert_eq!(found, expected, "{}", table.name());
    for (one, other) in found.columns().iter().zip(expected.columns()) {
        if let (Some(one), Some(other)) =
            (one.as_primitive_opt::<Float64Type>(), other.as_primitive_opt::<Float64Type>())
        {
            let bits =
                |array: &Float64Array| array.iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>();
            assert_eq!(bits(one), bits(other), "{}", table.name());
        }
    }
}

async fn scan(reader: &CassandraReader, table: Table) -> RecordBatch {
    let batches: Vec<_> = reader.scan(table, None, splits(16)).await.unwrap().try_collect().await.unwrap();
    concat_batches(&table.schema(), &batches).unwrap()
}

async fn read(reader: &CassandraReader, read: &KeyRead) -> RecordBatch {
    let batches: Vec<_> = reader.read(read).await.unwrap().try_collect().await.unwrap();
    concat_batches(&read.table.schema(), &batches).unwrap()
}

#[tokio::test]
async fn tables_are_made_once_and_changed_when_settings_change() {
    let mut node = Node::new("init").await;
    let done = init(&node.connect().await).await.unwrap();
    assert!(done[0].contains("made keyspace test_init"), "{done:?}");
    assert_eq!(done.len(), 1 + Table::ALL.len() + 3 + 3 + 1, "{done:?}");
    assert_eq!(init(&node.connect().await).await.unwrap(), Vec::<String>::new());

    node.settings.ttl = Some(std::time::Duration::from_secs(86_400));
    let done = init(&node.connect().await).await.unwrap();
    assert_eq!(done.len(), Table::ALL.len() - 1, "{done:?}");
    assert!(init(&node.connect().await).await.unwrap().is_empty());

    node.cql("DROP TABLE test_init.bars").await;
    assert_eq!(init(&node.connect().await).await.unwrap(), ["made table bars"]);
    node.drop_keyspace().await;
}

#[tokio::test]
async fn what_is_written_is_read_bit_for_bit_and_a_replay_doubles_nothing() {
    let node = Node::new("round_trip").await;
    let (writer, reader) = node.made().await;
    for table in Table::ALL {
        // Buckets below zero, and three of them; more rows than a batch takes.
        let batch = rows(table, -60..60, "run");
        let report = writer.write(table, &batch).await.unwrap();
        assert_eq!((report.rows, report.retries), (240, 0));
        assert_same(table, &scan(&reader, table).await, &batch);
        writer.write(table, &batch).await.unwrap();
        // Another run finds the same exact frontier: it takes the place of the first.
        if table == Table::Frontiers {
            let replay = rows(table, -60..60, "replay");
            writer.write(table, &replay).await.unwrap();
            assert_same(table, &scan(&reader, table).await, &replay);
        }
        assert_eq!(node.count(table.name()).await, 240, "{}", table.name());
    }
    node.drop_keyspace().await;
}

#[tokio::test]
async fn rows_are_read_by_key_from_the_buckets_that_have_them_newest_first() {
    let node = Node::new("keys").await;
    let (writer, reader) = node.made().await;
    let batch = rows(Table::Portfolios, 2_000..2_100, "run");
    writer.write(Table::Portfolios, &batch).await.unwrap();
    writer.write(Table::Portfolios, &rows(Table::Portfolios, 90_000..90_001, "run")).await.unwrap();

    let mut key = KeyRead::new(Table::Portfolios, "test", "v1");
    assert_eq!(reader.buckets(&key).await.unwrap(), [87, 2, 1]);
    (key.from, key.to) = (Some(2_040), Some(2_060));
    assert_eq!(reader.buckets(&key).await.unwrap(), [2, 1]);
    // The second time it is prepared: a query for each of the two buckets and none beside.
    let found = read(&reader, &key).await;
    let before = writer.metrics().requests;
    assert_eq!(read(&reader, &key).await, found);
    assert_eq!(writer.metrics().requests - before, 2);
    assert_same(Table::Portfolios, &found, &batch.slice(80, 42));
    let bars: Vec<i64> = found.column_by_name("bar").unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert!(bars.is_sorted_by(|one, other| one >= other) && bars[0] == 2_060);

    (key.from, key.to, key.limit) = (None, None, Some(5));
    key.columns = Some(vec!["weights".to_owned(), "bar".to_owned()]);
    let batches: Vec<_> = reader.read(&key).await.unwrap().try_collect().await.unwrap();
    let found = concat_batches(&batches[0].schema(), &batches).unwrap();
    let bars = found.column(1).as_primitive::<Int64Type>();
    assert_eq!(bars.values(), &[90_000, 90_000, 2_099, 2_099, 2_098]);
    assert_eq!(found.column(0).len(), 5);

    for table in Table::ALL {
        let batch = rows(table, 0..50, "run");
        writer.write(table, &batch).await.unwrap();
        let scope = match table {
            Table::Backtests => "run",
            Table::Runs => "run-7",
            _ => "test",
        };
        let mut key = KeyRead::new(table, scope, "v1");
        key.to = (table != Table::Events).then_some(1_000_000_000);
        let expected = match table {
            Table::Runs => 1,
            Table::Portfolios => 302,
            _ => 100,
        };
        assert_eq!(read(&reader, &key).await.num_rows(), expected, "{}", table.name());
        key.variant = "other".to_owned();
        let found = read(&reader, &key).await.num_rows();
        let has_variant = !matches!(table, Table::Latency | Table::Runs | Table::Backtests);
        assert_eq!(found == 0, has_variant, "{}", table.name());
    }
    node.drop_keyspace().await;
}

#[tokio::test]
async fn the_newest_rows_never_go_back() {
    let node = Node::new("newest").await;
    let (writer, reader) = node.made().await;
    for table in [Table::Portfolios, Table::Frontiers, Table::Assets] {
        for bars in [10..20, 30..33, 5..25, 32..33] {
            writer.write(table, &rows(table, bars, "run")).await.unwrap();
        }
        // Row 4 and 5 of 30..33 are those of bar 32; written alone they are rows 0 and 1, with other values.
        let expected = rows(table, 32..33, "run");
        let found = reader.newest(table, "test", Some("v1")).await.unwrap();
        assert_eq!(found.num_rows(), 2, "{}", table.name());
        let bars = |batch: &RecordBatch| batch.column_by_name("bar").unwrap().clone();
        assert_eq!(&bars(&found), &bars(&expected), "{}", table.name());
    }
    assert_eq!(reader.newest(Table::Assets, "test", None).await.unwrap().num_rows(), 2);
    assert_eq!(reader.newest(Table::Assets, "test", Some("v2")).await.unwrap().num_rows(), 0);
    assert!(reader.newest(Table::Bars, "test", None).await.is_err());

    // A value that became none is none, and a point that a newer frontier has not is not shown.
    let table = Table::Frontiers;
    let later = rows(table, 41..42, "run");
    writer.write(table, &later.slice(0, 1)).await.unwrap();
    let found = reader.newest(table, "test", None).await.unwrap();
    assert_same(table, &found, &later.slice(0, 1));
    let table = Table::Portfolios;
    for bar in 51..57 {
        // The columns without a value depend on the place in the batch.
        let batch = rows(table, bar - bar % 3..bar + 1, "run");
        let batch = batch.slice(batch.num_rows() - 2, 2);
        writer.write(table, &batch).await.unwrap();
        assert_same(table, &reader.newest(table, "test", None).await.unwrap(), &batch);
    }
    node.drop_keyspace().await;
}

#[tokio::test]
async fn a_server_can_hand_every_call_to_its_threads() {
    let node = Node::new("threads").await;
    let (connection, settings) = (node.connect().await, node.settings.clone());
    tokio::spawn(async move { init(&connection).await }).await.unwrap().unwrap();
    let work = async move {
        let connection = Connection::open(settings).await?;
        let writer = CassandraWriter::open(connection.clone()).await?;
        let reader = CassandraReader::open(connection).await?;
        writer.write(Table::Assets, &rows(Table::Assets, 0..3, "run")).await?;
        let key = KeyRead::new(Table::Assets, "test", "v1");
        let by_key: Vec<_> = reader.read(&key).await?.try_collect().await?;
        let whole: Vec<_> = reader.scan(Table::Assets, None, splits(4)).await?.try_collect().await?;
        let newest = reader.newest(Table::Assets, "test", None).await?;
        let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        Ok::<_, silverbullet_store::Error>((rows(&by_key), rows(&whole), newest.num_rows()))
    };
    assert_eq!(tokio::spawn(work).await.unwrap().unwrap(), (6, 6, 2));
    node.drop_keyspace().await;
}

#[tokio::test]
async fn each_mistake_is_told_with_its_remedy() {
    let node = Node::new("mistakes").await;
    let says = |error: silverbullet_store::Error, what: &str| {
        assert!(error.to_string().contains(what), "{error}");
        error.is_retryable()
    };
    let wrong = CassandraSettings { password: "wrong".to_owned().into(), ..node.settings.clone() };
    assert!(!says(Connection::open(wrong).await.unwrap_err(), "correct store.cassandra.user and"));
    let nobody = CassandraSettings { nodes: vec!["127.0.0.1:1".to_owned()], ..node.settings.clone() };
    assert!(says(Connection::open(nobody).await.unwrap_err(), "setup/cassandra/start"));
    let open = || async { CassandraWriter::open(node.connect().await).await.unwrap_err() };
    assert!(!says(open().await, "no keyspace test_mistakes; make it by `silverbullet store init`"));

    let (writer, reader) = node.made().await;
    let set = async |version: i32| {
        let table = "test_mistakes.schema_version";
        node.cql(&format!("UPDATE {table} SET version = {version} WHERE component = 'tables'")).await;
    };
    set(SCHEMA_VERSION - 1).await;
    assert!(!says(open().await, "bring them up to date by `silverbullet store init`"));
    assert_eq!(init(&node.connect().await).await.unwrap().len(), 1);
    assert!(CassandraWriter::open(node.connect().await).await.is_ok());
    set(SCHEMA_VERSION + 1).await;
    assert!(!says(open().await, "use the newer program"));
    assert!(!says(init(&node.connect().await).await.unwrap_err(), "use the newer program"));

    let bars = rows(Table::Bars, 0..2, "run");
    let error = writer.write(Table::Assets, &bars).await.unwrap_err();
    assert!(!says(error, "rows of assets cannot be stored: 13 columns instead of 11"));
    let column = Some(vec!["colour".to_owned()]);
    assert!(!says(reader.scan(Table::Bars, column.as_deref(), splits(1)).await.err().unwrap(), "colour"));
    node.cql("DROP TABLE test_mistakes.bars").await;
    node.cql(
        "CREATE TABLE test_mistakes.bars (universe text, variant text, bucket bigint, bar bigint, asset text, \
         open_time bigint, close_time bigint, close_time_utc timestamp, open text, high double, low double, \
         close double, volume double, ticks bigint, run_id text, \
         PRIMARY KEY ((universe, variant, bucket), bar, asset))",
    )
    .await;
    let error = writer.write(Table::Bars, &bars).await.unwrap_err();
    assert!(!says(error, "column open of bars has type text in Cassandra where double is needed"));
    node.drop_keyspace().await;
}

/// Rows with the numbers of their bars.
fn by_bar(batch: RecordBatch) -> [Numbered; 1] {
    [Numbered { batch, numbers: Numbers::Bar }]
}

#[tokio::test]
async fn a_keeper_leaves_out_what_it_has_and_knows_how_far_it_came() {
    let node = Node::new("keeper").await;
    let (_, reader) = node.made().await;
    let keeper = CassandraBackend::new(node.settings.clone()).unwrap();
    let stored = async |table| keeper.stored(table, "test/v1").await.unwrap();
    let all = rows(Table::Portfolios, 0..15, "run");
    let (first, both) =
        (by_bar(all.slice(0, 20)), [by_bar(all.slice(0, 12)), by_bar(all.slice(8, 22))].concat());
    assert_eq!(stored(Table::Portfolios).await, None);
    keeper.append(Table::Portfolios, &first, "test/v1", 9).await.unwrap();
    assert_eq!(stored(Table::Portfolios).await, Some(9));
    keeper.append(Table::Portfolios, &first, "test/v1", 9).await.unwrap();
    // Of another run they would take the place of those that are there.
    let again = by_bar(rows(Table::Portfolios, 0..10, "replay"));
    keeper.append(Table::Portfolios, &again, "test/v1", 7).await.unwrap();
    assert_eq!(stored(Table::Portfolios).await, Some(9), "it never falls");
    assert_same(Table::Portfolios, &scan(&reader, Table::Portfolios).await, &all.slice(0, 20));
    keeper.append(Table::Portfolios, &both, "test/v1", 14).await.unwrap();
    assert_same(Table::Portfolios, &scan(&reader, Table::Portfolios).await, &all);
    assert_eq!(keeper.stored(Table::Portfolios, "test/v2").await.unwrap(), None);
    assert_eq!(stored(Table::Bars).await, None);
    // What was written and not noted is written again, to the same keys.
    node.cql("DELETE FROM test_keeper.progress WHERE universe = 'test' AND variant = 'v1'").await;
    keeper.append(Table::Portfolios, &by_bar(all.clone()), "test/v1", 14).await.unwrap();
    assert_same(Table::Portfolios, &scan(&reader, Table::Portfolios).await, &all);
    assert_eq!(stored(Table::Portfolios).await, Some(14));

    // A count of events that had to begin anew loses none of them.
    for (bars, version) in [(0..10, 20), (10..14, 8)] {
        let numbers = Numbers::After(0);
        let events = [Numbered { batch: rows(Table::Events, bars, "run"), numbers }];
        keeper.append(Table::Events, &events, "test/v1", version).await.unwrap();
        assert_eq!(keeper.counted(Table::Events, "test/v1").await.unwrap(), Some(20));
    }
    assert_eq!(node.count("events").await, 28);

    let latency = rows(Table::Latency, 0..5, "run");
    keeper.record(Table::Latency, &latency).await.unwrap();
    assert_same(Table::Latency, &scan(&reader, Table::Latency).await, &latency);
    let begun = run_row(&universe("a"));
    let ended = RunRow { ended: Some(Time(9 * SECOND)), rows_out: Some(7), ..begun.clone() };
    for run in [begun, ended.clone()] {
        keeper.replace_run(&run.batch().unwrap()).await.unwrap();
    }
    assert_same(Table::Runs, &scan(&reader, Table::Runs).await, &ended.batch().unwrap());
    node.drop_keyspace().await;
}

#[tokio::test]
async fn a_keeper_made_while_nobody_listens_says_so_and_goes_on_once_it_can() {
    let node = Node::new("away").await;
    let mut way = Way::closed(&node.settings.nodes[0]);
    let keeper = CassandraBackend::new(node.by(&way)).unwrap();
    let all = rows(Table::Bars, 0..60, "run");
    let part = |from: usize, rows: usize| by_bar(all.slice(from, rows));
    let append =
        async |rows: &[Numbered], version| keeper.append(Table::Bars, rows, "test/v1", version).await;
    let says = |outcome: silverbullet_store::Result<()>, what: &str| {
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains(what) && !error.to_string().contains('\n'), "{error}");
        error.is_retryable()
    };
    assert!(says(append(&part(0, 20), 9).await, &format!("answers at {}", way.address)));
    // Nobody has to wait for it to count its events.
    assert_eq!(keeper.counted(Table::Events, "test/v1").await.unwrap(), None);
    way.open();
    assert!(!says(append(&part(0, 20), 9).await, "make it by `silverbullet store init`"));
    init(&node.connect().await).await.unwrap();
    append(&part(0, 20), 9).await.unwrap();
    way.cut();
    assert!(says(append(&part(20, 20), 19).await, "Cassandra"));
    assert!(says(append(&part(20, 20), 19).await, &way.address));
    way.open();
    append(&part(0, 40), 19).await.unwrap();
    let dropped = "DROP TABLE test_away.bars";
    node.cql(dropped).await;
    assert!(append(&part(40, 80), 59).await.is_err());
    init(&node.connect().await).await.unwrap();
    append(&part(40, 80), 59).await.unwrap();
    let (_, reader) = node.made().await;
    assert_same(Table::Bars, &scan(&reader, Table::Bars).await, &all.slice(40, 80));
    node.drop_keyspace().await;
}

#[test]
fn rows_of_a_store_wait_while_cassandra_is_away_and_all_are_there_in_the_end() {
    let runtime = common::runtime();
    let node = runtime.block_on(Node::new("store"));
    let (_, reader) = runtime.block_on(node.made());
    let mut way = Way::closed(&node.settings.nodes[0]);
    let (folder, universe) = (tempfile::tempdir().unwrap(), universe("a"));
    let keepers = [Keeper::Cassandra(node.by(&way).into())];
    let open = || {
        let patient = StoreOptions { patience: 3_600 * SECOND, flush_rows: 50, ..options(folder.path()) };
        Store::open_with(patient, Arc::new(SystemClock), keepers.clone()).unwrap()
    };
    let store = open();
    store.resume(&universe).unwrap();
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    hand_over(&mut writer, &universe, None, 20, 4, false).unwrap();
    assert!(store.flush().is_err());
    let state = store.state();
    let said =
        format!("results cannot be stored in Cassandra: no node of Cassandra answers at {}", way.address);
    assert!(state.reason.as_ref().is_some_and(|reason| reason.starts_with(&said)), "{state:?}");
    assert_eq!((state.status, state.places.len()), (Status::Failing, 1));

    way.open();
    wait_until(&store, |store| store.state().commits > 0);
    way.cut();
    run(&mut writer, &universe, Some(&checkpoint(&universe, 20, false)), 40, 4, false).unwrap();
    assert!(store.flush().is_err());
    store.abandon();
    assert!(store.close().is_err());
    drop((writer, store));

    way.open();
    let store = open();
    let from = store.resume(&universe).unwrap();
    let mut writer = store.writer(&universe, &source("a", true), "run").unwrap();
    run(&mut writer, &universe, from.as_ref(), 60, 4, true).unwrap();
    store.close().unwrap();
    for (table, expected) in undisturbed(60) {
        let found = runtime.block_on(scan(&reader, table));
        assert_eq!(lines([&found]), expected, "{}", table.name());
    }
    runtime.block_on(node.drop_keyspace());
}

#[test]
fn a_source_that_cannot_be_had_again_is_taken_while_cassandra_is_away() {
    let runtime = common::runtime();
    let node = runtime.block_on(Node::new("socket"));
    let (_, reader) = runtime.block_on(node.made());
    let mut way = Way::closed(&node.settings.nodes[0]);
    let universe = universe("a");
    for (first, last) in [(0, 12), (12, 24)] {
        // A new directory each time: nothing but Cassandra knows how many events there were.
        let folder = tempfile::tempdir().unwrap();
        let patient = StoreOptions { patience: 3_600 * SECOND, ..options(folder.path()) };
        let keepers = [Keeper::Cassandra(node.by(&way).into())];
        let store = Store::open_with(patient, Arc::new(SystemClock), keepers).unwrap();
        let mut writer = store.writer(&universe, &source("a", false), "run").unwrap();
        let from = checkpoint(&universe, first, false);
        hand_over(&mut writer, &universe, Some(&from), last, 4, false).unwrap();
        way.open();
        store.close().unwrap();
        way.cut();
    }
    for (table, expected) in undisturbed(24) {
        let found = runtime.block_on(scan(&reader, table));
        assert_eq!(lines([&found]), expected, "{}", table.name());
    }
    runtime.block_on(node.drop_keyspace());
}
