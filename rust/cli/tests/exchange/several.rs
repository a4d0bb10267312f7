//! `run` on two exchanges with different prices: what each rule leaves in the tables, and what is told when one dies.
#![expect(clippy::disallowed_methods, reason = "real sockets take real time")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use silverbullet_exchange_replay::{Exchange, Market};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{played, run_in};

/// BTC and ETH at both, dearer at the second, whose offers are wider.
const FIRST: [(&str, u32, u32); 2] = [("BTC", 100, 104), ("ETH", 10, 14)];
const SECOND: [(&str, u32, u32); 2] = [("BTC", 101, 110), ("ETH", 11, 20)];

/// Two exchanges, and a folder whose settings know them.
struct Place {
    folder: TempDir,
    _first: (Exchange, Runtime),
    second: Option<(Exchange, Runtime)>,
}

impl Place {
    /// `more` are lines of the table of settings.
    fn new(more: &str) -> Self {
        let first = played("okx", &Market::flat(&FIRST, 120_000), &[]);
        let second = played("bybit", &Market::flat(&SECOND, 120_000), &[]);
        let folder = tempfile::tempdir().unwrap();
        let certificates = [first.0.certificate(), second.0.certificate()].concat();
        fs::write(folder.path().join("ca.pem"), certificates).unwrap();
        let at = |exchange: &Exchange| {
            format!("url = \"{}\"\ninstruments = \"{}\"\n", exchange.url(), exchange.list_url())
        };
        let settings = format!(
            "[exchange]\nca_file = \"ca.pem\"\nfirst_pause = \"50ms\"\nlongest_pause = \"100ms\"\n{more}\n\
             [exchange.at.okx]\n{}\n[exchange.at.bybit]\n{}",
            at(&first.0),
            at(&second.0)
        );
        fs::write(folder.path().join("silverbullet.toml"), settings).unwrap();
        Self { folder, _first: first, second: Some(second) }
    }

    /// The connections of the second are cut, and nobody listens there any more.
    fn kill_second(&mut self) {
        let (exchange, runtime) = self.second.take().unwrap();
        drop(exchange);
        runtime.shutdown_timeout(Duration::from_secs(1));
    }

    fn run(&self, more: &[&str]) -> Command {
        let mut command = run_in(self.folder.path());
        command.args(["run", "--source", "okx,bybit", "--assets", "BTC,ETH"]);
        command.args(["--bar", "100ms", "--window", "5", "--samples", "500", "--format", "json"]).args(more);
        command
    }

    fn sql(&self, query: &str) -> Value {
        let mut sql = run_in(self.folder.path());
        let output = sql.args(["sql", "--format", "json", query]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Of each asset the lowest and the highest price in its stored bars, but for those of the first moments.
    fn prices(&self) -> Vec<(f64, f64)> {
        let rows = self.sql(
            "select asset, min(low) as low, max(high) as high from bars \
             where bar > (select min(bar) + 3 from bars) and ticks > 0 group by asset order by asset",
        );
        let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
        rows.as_array().unwrap().iter().map(|row| (number(row, "low"), number(row, "high"))).collect()
    }
}

#[test]
fn each_rule_leaves_its_prices_in_the_bars() {
    let cases = [
        // Trades are at the bid, quotes in the middle.
        ("rule = \"freshest\"", [(100.0, 105.5), (10.0, 15.5)]),
        ("rule = \"best\"", [(102.5, 102.5), (12.5, 12.5)]),
        ("rule = \"venues\"\nvenues = { ETH = \"bybit\" }", [(100.0, 102.0), (11.0, 15.5)]),
    ];
    for (rule, expected) in cases {
        let place = Place::new(rule);
        let output = place.run(&["--limit", "2500", "--no-http"]).output().unwrap();
        assert!(output.status.success(), "{rule}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(place.prices(), expected, "{rule}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&summary["ticks"], &summary["quarantined"]),
            (&2_500.into(), &0.into()),
            "{rule}: {summary}"
        );
    }
}

#[test]
fn currencies_are_not_mixed_silently() {
    let folder = tempfile::tempdir().unwrap();
    let output = run_in(folder.path()).args(["run", "--source", "binance,kraken"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("binance in USDT, kraken in USD") && said.contains("mix_quotes = true"), "{said}");
}

/// A program that is ended when it is not needed any more.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
fn one_that_dies_is_named_to_all_and_prices_are_those_of_the_other() {
    let mut place = Place::new("");
    let mut command = place.run(&["--http", "127.0.0.1:0"]);
    let mut program =
        Program(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(program.0.stderr.take().unwrap()).lines();
    let address =
        lines.find_map(|line| Some(line.unwrap().split_once("listening on ")?.1.to_owned())).unwrap();
    // Whatever else is said is read, so that nothing waits for it.
    std::thread::spawn(move || lines.for_each(drop));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let ready = || {
        let mut answer = agent.get(format!("{address}/readyz")).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    let ticks = || {
        let request = agent.post(format!("{address}/api/v1/sql")).content_type("text/plain");
        let mut answer = request.send("select asset, price, venue from live.ticks order by asset").unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    // That takes a price of each. Whose is the newest after that, the venues' clocks decide.
    until("both are live", || ready().0 == 200);
    place.kill_second();
    until("it is named", || {
        let (status, text) = ready();
        status == 503 && text.contains("bybit: ") && !text.contains("okx: ")
    });
    until("prices are those of the other", || {
        let ticks = ticks();
        ticks.contains("okx") && !ticks.contains("bybit")
    });
    let id = program.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(program.0.wait().unwrap().code(), Some(130));
    let rows = place.sql(
        "select count(*) as n from events where partition = 1 and kind = 'connection' and detail like '%bybit: %'",
    );
    assert!(rows[0]["n"].as_u64().unwrap() > 0, "{rows}");
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
