//! Flight and Flight SQL by the clients of arrow-flight, over a real server.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod common;
#[path = "common/flight.rs"]
mod server;

use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, SqlInfo};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelStatus, FlightDescriptor, RenewFlightEndpointRequest, Ticket,
};
use futures::{StreamExt, TryStreamExt, stream};
use server::{FlightServer, Keep, code, rows, told};
use silverbullet_feeds::collect_ticks;
use tonic::Code;

const NUMBERS: &str = "SELECT value AS n, value * 0.5 AS half FROM generate_series(1, 100000) ORDER BY n";

/// The numbers of the first column of batches.
fn first_column(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// One column of text of an answer.
fn texts(batches: &[RecordBatch], column: &str) -> Vec<String> {
    let all = concat_batches(&batches[0].schema(), batches).unwrap();
    let column = all
        .column_by_name(column)
        .unwrap_or_else(|| panic!("{column} in {}", all.schema()))
        .as_any()
        .downcast_ref::<StringArray>()
        .unwrap();
    column.iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

#[test]
fn however_many_endpoints_there_are_together_they_are_the_answer_once() {
    let server = FlightServer::start();
    server.run(async |mut client| {
        for endpoints in [1, 2, 3, 7, 16, 63, 64] {
            let command = format!(r#"{{"query": "{NUMBERS}", "endpoints": {endpoints}}}"#);
            let info = client.get_flight_info(FlightDescriptor::new_cmd(command)).await.unwrap();
            assert_eq!((info.endpoint.len(), info.total_records, info.ordered), (endpoints, 100_000, true));
            assert!(info.total_bytes > 1_600_000, "{}", info.total_bytes);
            let mut all = Vec::new();
            for endpoint in &info.endpoint {
                let share = rows(&mut client, endpoint).await.unwrap();
                let share = first_column(&share);
                assert!(share.len().abs_diff(100_000 / endpoints) <= 1, "{} of {endpoints}", share.len());
                all.extend(share);
            }
            assert!(all.into_iter().eq(1..=100_000), "{endpoints}");
        }
        let few = r#"{"query": "SELECT 1 AS n", "endpoints": 8}"#;
        let info = client.get_flight_info(FlightDescriptor::new_cmd(few)).await.unwrap();
        let mut counts = Vec::new();
        for endpoint in &info.endpoint {
            counts.push(first_column(&rows(&mut client, endpoint).await.unwrap()).len());
        }
        assert_eq!((counts.len(), counts.iter().sum::<usize>()), (8, 1));
    });
}

#[test]
fn a_ticket_is_good_for_many_readings_until_it_expires_and_longer_once_renewed() {
    let server = FlightServer::start();
    server.run(async |mut client| {
        let info = client.get_flight_info(FlightDescriptor::new_cmd(NUMBERS)).await.unwrap();
        let endpoint = info.endpoint[0].clone();
        let expires = endpoint.expiration_time.unwrap().seconds;
        for _ in 0..3 {
            assert_eq!(first_column(&rows(&mut client, &endpoint).await.unwrap()).len(), 100_000);
        }
        server.clock.advance(200_000_000_000);
        let renewed =
            client.renew_flight_endpoint(RenewFlightEndpointRequest::new(endpoint.clone())).await.unwrap();
        assert_eq!(renewed.expiration_time.unwrap().seconds, expires + 200);
        server.clock.advance(200_000_000_000);
        assert!(rows(&mut client, &endpoint).await.is_ok());
        server.clock.advance(101_000_000_000);
        let error = rows(&mut client, &endpoint).await.unwrap_err();
        assert_eq!(code(&error), Code::NotFound);
        assert!(told(&error).contains("GetFlightInfo"), "{}", told(&error));
        let renewal = RenewFlightEndpointRequest::new(endpoint);
        assert_eq!(code(&client.renew_flight_endpoint(renewal).await.unwrap_err()), Code::NotFound);
    });
}

#[test]
fn what_is_cancelled_is_gone_and_what_is_no_ticket_is_told() {
    let server = FlightServer::start();
    server.run(async |mut client| {
        let info = client.get_flight_info(FlightDescriptor::new_cmd("SELECT 1 AS n")).await.unwrap();
        let endpoint = info.endpoint[0].clone();
        for expected in [CancelStatus::Cancelled, CancelStatus::NotCancellable] {
            let result = client.cancel_flight_info(CancelFlightInfoRequest::new(info.clone())).await.unwrap();
            assert_eq!(result.status(), expected);
        }
        assert_eq!(code(&rows(&mut client, &endpoint).await.unwrap_err()), Code::NotFound);
        let ticket = String::from_utf8(endpoint.ticket.unwrap().ticket.to_vec()).unwrap();
        let (start, rest) = ticket.split_once('.').unwrap();
        let other = format!("{}.{rest}", start.parse::<u64>().unwrap() + 1);
        for (ticket, expected) in [(other.as_str(), Code::NotFound), ("garbage", Code::InvalidArgument)] {
            let error = client.do_get(Ticket::new(ticket.to_owned())).await.err().unwrap();
            assert_eq!(code(&error), expected, "{ticket}");
        }
    });
}

#[test]
fn a_table_has_its_columns_as_a_path_as_json_and_in_the_list() {
    let server = FlightServer::start();
    server.run(async |mut client| {
        let path = |name: &str| FlightDescriptor::new_path(name.split('.').map(str::to_owned).collect());
        let info = client.get_flight_info(path("catalog.tables")).await.unwrap();
        let tables = rows(&mut client, &info.endpoint[0]).await.unwrap();
        let mut names: Vec<String> = texts(&tables, "table_schema")
            .into_iter()
            .zip(texts(&tables, "table_name"))
            .map(|(schema, name)| if schema == "public" { name } else { format!("{schema}.{name}") })
            .collect();
        names.sort_unstable();
        let has = |name: &str| names.iter().any(|known| known == name);
        assert!(has("portfolios") && has("live.ticks"), "{names:?}");
        let schema = client.get_schema(path("bars")).await.unwrap();
        assert!(schema.field_with_name("close").unwrap().metadata().contains_key("comment"));
        let json = r#"{"table": "bars", "columns": ["close", "bar"]}"#;
        let schema = client.get_schema(FlightDescriptor::new_cmd(json)).await.unwrap();
        let columns: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(columns, ["close", "bar"]);
        let listed: Vec<_> = client.list_flights("").await.unwrap().try_collect().await.unwrap();
        let mut listed: Vec<String> =
            listed.into_iter().map(|info| info.flight_descriptor.unwrap().path.join(".")).collect();
        listed.sort_unstable();
        assert_eq!(listed, names);
        let error = client.get_flight_info(path("prices")).await.unwrap_err();
        assert_eq!(code(&error), Code::NotFound);
        assert!(told(&error).contains("portfolios"), "{}", told(&error));
    });
}

#[test]
fn what_is_wrong_has_its_code_and_the_remedy() {
    let server = FlightServer::with(Keep { memory: 4 << 20, ..Keep::default() }, None);
    server.run(async |mut client| {
        for (query, expected, words) in [
            ("SELEC 1", Code::InvalidArgument, "SELEC"),
            ("SELECT x FROM bars", Code::NotFound, "x"),
            ("DROP TABLE bars", Code::PermissionDenied, "read"),
            ("SELECT value FROM generate_series(1, 1000000000000)", Code::ResourceExhausted, "MiB"),
        ] {
            let error = client.get_flight_info(FlightDescriptor::new_cmd(query)).await.unwrap_err();
            assert_eq!(code(&error), expected, "{query}: {}", told(&error));
            assert!(told(&error).contains(words), "{query}: {}", told(&error));
        }
        // What failed holds nothing.
        let info = client.get_flight_info(FlightDescriptor::new_cmd(NUMBERS)).await.unwrap();
        assert_eq!(first_column(&rows(&mut client, &info.endpoint[0]).await.unwrap()).len(), 100_000);
        let error = client.do_action(Action::new("BeginTransaction", "")).await.err().unwrap();
        assert_eq!(code(&error), Code::Unimplemented);
        assert!(told(&error).contains("transactions"), "{}", told(&error));
    });
}

#[test]
fn where_room_is_short_answers_that_were_read_go_and_others_stay() {
    let server = FlightServer::with(Keep { memory: 6 << 20, ..Keep::default() }, None);
    server.run(async |mut client| {
        let descriptor = || FlightDescriptor::new_cmd(NUMBERS);
        let first = client.get_flight_info(descriptor()).await.unwrap().endpoint.remove(0);
        let second = client.get_flight_info(descriptor()).await.unwrap().endpoint.remove(0);
        let error = client.get_flight_info(descriptor()).await.unwrap_err();
        assert_eq!(code(&error), Code::ResourceExhausted);
        assert!(told(&error).contains("cancel"), "{}", told(&error));
        rows(&mut client, &second).await.unwrap();
        client.get_flight_info(descriptor()).await.unwrap();
        assert_eq!(code(&rows(&mut client, &second).await.unwrap_err()), Code::NotFound);
        assert!(rows(&mut client, &first).await.is_ok());
    });
}

#[test]
fn a_prepared_statement_takes_its_parameters_and_is_run_again_and_again() {
    let server = FlightServer::start();
    server.run_sql(async |mut client| {
        let query = "SELECT value AS n FROM generate_series(1, 10) WHERE value > ? AND value < $2";
        let mut statement = client.prepare(query.to_owned(), None).await.unwrap();
        assert_eq!(statement.parameter_schema().unwrap().fields().len(), 2);
        assert_eq!(statement.dataset_schema().unwrap().field(0).name(), "n");
        for (low, high) in [(3_i64, 6_i64), (8, 100)] {
            let column = |value: i64| std::sync::Arc::new(Int64Array::from(vec![value])) as _;
            let batch = RecordBatch::try_from_iter([("1", column(low)), ("2", column(high))]).unwrap();
            statement.set_parameters(batch).unwrap();
            let info = statement.execute().await.unwrap();
            let ticket = info.endpoint[0].ticket.clone().unwrap();
            let batches: Vec<_> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
            assert!(first_column(&batches).into_iter().eq(low + 1..high.min(11)));
        }
        statement.close().await.unwrap();
        let mut statement = client.prepare(query.to_owned(), None).await.unwrap();
        let error = statement.execute().await.unwrap_err();
        assert!(error.to_string().contains("2 parameters"), "{error}");
    });
}

#[test]
fn flight_sql_tells_of_catalogs_schemas_tables_keys_types_and_itself() {
    let server = FlightServer::start();
    server.run_sql(async |mut client| {
        async fn read(
            client: &mut server::SqlClient,
            info: Result<arrow_flight::FlightInfo, arrow_flight::error::FlightError>,
        ) -> Vec<RecordBatch> {
            let ticket = info.unwrap().endpoint[0].ticket.clone().unwrap();
            client.do_get(ticket).await.unwrap().try_collect().await.unwrap()
        }
        let info = client.get_catalogs().await;
        assert_eq!(texts(&read(&mut client, info).await, "catalog_name"), ["silverbullet"]);
        let schemas = CommandGetDbSchemas { catalog: None, db_schema_filter_pattern: Some("l%".into()) };
        let info = client.get_db_schemas(schemas).await;
        assert_eq!(texts(&read(&mut client, info).await, "db_schema_name"), ["live"]);
        let tables = CommandGetTables {
            db_schema_filter_pattern: Some("history".into()),
            table_name_filter_pattern: Some("%s".into()),
            include_schema: true,
            ..CommandGetTables::default()
        };
        let info = client.get_tables(tables).await;
        let tables = read(&mut client, info).await;
        assert!(texts(&tables, "table_name").contains(&"portfolios".to_owned()));
        assert!(texts(&tables, "table_type").iter().all(|kind| kind == "TABLE"));
        let info = client.get_table_types().await;
        assert_eq!(texts(&read(&mut client, info).await, "table_type"), ["SYSTEM TABLE", "TABLE", "VIEW"]);
        let keys = CommandGetPrimaryKeys { catalog: None, db_schema: None, table: "portfolios".into() };
        let info = client.get_primary_keys(keys).await;
        let columns = texts(&read(&mut client, info).await, "column_name");
        assert_eq!(columns, ["universe", "variant", "bar", "objective", "method"]);
        let info =
            client.get_sql_info(vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerReadOnly]).await;
        let told = read(&mut client, info).await;
        assert_eq!(told.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
        let info =
            client.get_xdbc_type_info(arrow_flight::sql::CommandGetXdbcTypeInfo { data_type: None }).await;
        assert!(texts(&read(&mut client, info).await, "type_name").contains(&"DOUBLE".to_owned()));
    });
}

#[test]
fn the_token_is_wanted_and_a_login_with_it_gives_it() {
    let server = FlightServer::with(Keep::default(), Some("s3cret"));
    server.run(async |mut client| {
        let error = client.get_flight_info(FlightDescriptor::new_cmd("SELECT 1 AS n")).await.unwrap_err();
        assert_eq!(code(&error), Code::Unauthenticated);
        assert!(told(&error).contains("authorization: Bearer"), "{}", told(&error));
        let error = client.do_get(Ticket::new("1.1.1")).await.err().unwrap();
        assert_eq!(code(&error), Code::Unauthenticated);
        client.add_header("authorization", "Bearer s3cret").unwrap();
        assert!(client.get_flight_info(FlightDescriptor::new_cmd("SELECT 1 AS n")).await.is_ok());
    });
    server.run_sql(async |mut client| {
        assert!(client.handshake("anyone", "guessed").await.is_err());
        client.handshake("anyone", "s3cret").await.unwrap();
        let info = client.execute("SELECT 1 AS n".into(), None).await.unwrap();
        assert_eq!(info.total_records, 1);
    });
}

#[test]
fn a_reader_that_stands_still_is_given_up_and_its_memory_is_free_again() {
    let patience = Duration::from_secs(4);
    let server = FlightServer::with(Keep { memory: 80 << 20, patience, ..Keep::default() }, None);
    server.run(async |mut client| {
        // Thirty-two megabytes while it is formed and as it is sent: more than any buffer on the way holds.
        let many = || FlightDescriptor::new_cmd("SELECT value FROM generate_series(1, 4000000)");
        let info = client.get_flight_info(many()).await.unwrap();
        let mut still = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
        assert!(still.try_next().await.unwrap().is_some());
        client.cancel_flight_info(CancelFlightInfoRequest::new(info)).await.unwrap();
        let error = client.get_flight_info(many()).await.unwrap_err();
        assert_eq!(code(&error), Code::ResourceExhausted, "{}", told(&error));
        let mut waited = 0;
        while client.get_flight_info(many()).await.is_err() {
            waited += 1;
            assert!(waited < 300, "the memory of a reader that stands still is not free after half a minute");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let error = loop {
            match still.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a share was cut short without a word"),
                Err(error) => break error,
            }
        };
        assert_eq!(code(&error), Code::DeadlineExceeded, "{}", told(&error));
    });
}

#[test]
fn more_connections_than_there_are_places_are_closed_and_those_inside_go_on() {
    let server = FlightServer::start();
    server.run(async |mut client| {
        let crowd = server.crowd(600);
        assert!((480..=512).contains(&crowd.open()), "{} are open", crowd.open());
        assert!(client.get_flight_info(FlightDescriptor::new_cmd("SELECT 1 AS n")).await.is_ok());
        drop(crowd);
        let mut waited = 0;
        while server.crowd(1).open() == 0 {
            waited += 1;
            assert!(waited < 100, "nobody gets in after the crowd has gone");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

#[test]
fn tls_is_spoken_where_there_is_a_certificate() {
    let server = FlightServer::with_tls();
    server.run(async |mut client| {
        let info = client.get_flight_info(FlightDescriptor::new_cmd(NUMBERS)).await.unwrap();
        assert_eq!(first_column(&rows(&mut client, &info.endpoint[0]).await.unwrap()).len(), 100_000);
    });
    server.garbage();
}

#[test]
fn garbage_is_refused_and_the_server_goes_on() {
    let server = FlightServer::start();
    server.garbage();
    server.run(async |mut client| {
        assert!(client.get_flight_info(FlightDescriptor::new_cmd("SELECT 1 AS n")).await.is_ok());
        let huge = FlightDescriptor::new_cmd(vec![b'x'; 32 << 20]);
        let error = client.get_flight_info(huge).await.unwrap_err();
        assert!(matches!(code(&error), Code::OutOfRange | Code::ResourceExhausted), "{error}");
        let long = FlightDescriptor::new_cmd(format!("SELECT '{}'", "x".repeat(100 << 10)));
        assert_eq!(code(&client.get_flight_info(long).await.unwrap_err()), Code::InvalidArgument);
        assert!(client.get_flight_info(FlightDescriptor::new_cmd("SELECT 1 AS n")).await.is_ok());
    });
}

/// Puts batches under a name; what each is answered.
async fn put(
    client: &mut arrow_flight::FlightClient,
    name: &str,
    batches: Vec<RecordBatch>,
) -> Result<Vec<String>, FlightError> {
    let descriptor = FlightDescriptor::new_path(vec![name.to_owned()]);
    let batches = stream::iter(batches.into_iter().map(Ok::<_, FlightError>));
    let messages = FlightDataEncoderBuilder::new().with_flight_descriptor(Some(descriptor)).build(batches);
    let answers = client.do_put(messages.map(|message| message)).await?;
    answers.map_ok(|answer| String::from_utf8(answer.app_metadata.to_vec()).unwrap()).try_collect().await
}

fn prices(assets: &[&str], prices: &[f64]) -> RecordBatch {
    let times: Vec<i64> = (0..prices.len() as i64).map(|row| 1_747_008_000_000 + row).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("timestamp", std::sync::Arc::new(Int64Array::from(times))),
        ("asset", std::sync::Arc::new(StringArray::from(assets.to_vec()))),
        ("price", std::sync::Arc::new(Float64Array::from(prices.to_vec()))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[test]
fn what_is_put_reaches_the_source_and_each_batch_is_answered() {
    let (server, mut source) = FlightServer::with_source(&["BTC", "ETH"]);
    server.run(async |mut client| {
        let batches = vec![prices(&["BTC", "ETH"], &[5.0, 6.0]), prices(&["DOGE", "BTC"], &[1.0, 7.0])];
        let answers = put(&mut client, "ticks", batches).await.unwrap();
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0], r#"{"first":null,"quarantined":0,"rows":2}"#);
        assert!(answers[1].contains(r#""quarantined":1"#) && answers[1].contains("DOGE"), "{}", answers[1]);
        let wrong = put(&mut client, "bars", vec![prices(&["BTC"], &[1.0])]).await.unwrap_err();
        assert_eq!(code(&wrong), Code::InvalidArgument);
        assert!(told(&wrong).contains("no column open_time"), "{}", told(&wrong));
        let unknown = put(&mut client, "trades", vec![prices(&["BTC"], &[1.0])]).await.unwrap_err();
        assert!(told(&unknown).contains("`ticks`, `bars`"), "{}", told(&unknown));
    });
    drop(server);
    let seen = collect_ticks(&mut source).unwrap();
    assert_eq!(seen.ticks.iter().map(|tick| tick.price).collect::<Vec<_>>(), [5.0, 6.0, 7.0]);
    assert_eq!(seen.events.len(), 1);
}

#[test]
fn prices_are_refused_where_they_come_from_elsewhere() {
    let server = FlightServer::start();
    server.run(async |mut client| {
        let refused = put(&mut client, "ticks", vec![prices(&["BTC"], &[1.0])]).await.unwrap_err();
        assert_eq!(code(&refused), Code::FailedPrecondition);
        assert!(told(&refused).contains("--source flight"), "{}", told(&refused));
    });
}
