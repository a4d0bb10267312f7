use super::*;
use crate::exchange::settings::VenueSettings;

fn settings(venues: &str, assets: &[&str]) -> ExchangeSettings {
    let assets: Vec<String> = assets.iter().map(|&asset| asset.to_owned()).collect();
    ExchangeSettings { quote: "USDT".into(), ..ExchangeSettings::new(venues, &assets) }
}

fn mix(settings: &ExchangeSettings) -> Mix {
    Mix::new(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(settings: &ExchangeSettings) -> String {
    let message = Mix::new(settings).err().unwrap().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_single_exchange_is_what_it_was_whatever_the_rule() {
    for rule in ["freshest", "best", "venues"] {
        let settings = ExchangeSettings { rule: rule.into(), ..settings("kraken", &["BTC", "ETH"]) };
        let mix = mix(&settings);
        assert_eq!((mix.name(), mix.identity()), ("kraken".into(), "kraken:BTC/USDT,ETH/USDT".into()));
    }
    let settings = ExchangeSettings { url: "wss://a.b/c".into(), ..settings("okx", &["BTC"]) };
    assert_eq!(mix(&settings).identity(), "okx:BTC-USDT@wss://a.b/c");
}

#[test]
fn the_rule_and_all_markets_make_the_identity() {
    let several = settings("binance, kraken", &["BTC"]);
    let identity = |rule: &str, within: &str| {
        mix(&ExchangeSettings { rule: rule.into(), fresh_within: within.into(), ..several.clone() })
            .identity()
    };
    assert_eq!(mix(&several).name(), "binance+kraken");
    assert_eq!(identity("freshest", ""), "freshest:binance:BTCUSDT+kraken:BTC/USDT");
    assert_eq!(identity("best", "500ms"), "best 500ms:binance:BTCUSDT+kraken:BTC/USDT");
    assert_ne!(identity("best", "500ms"), identity("best", ""));
}

#[test]
fn each_asset_has_one_exchange_where_exchanges_are_named() {
    let settings = ExchangeSettings {
        rule: "venues".into(),
        venues: map(&[("ETH", "kraken")]),
        ..settings("okx,kraken", &["BTC", "ETH"])
    };
    let mix = mix(&settings);
    assert_eq!(mix.identity(), "venues:okx:BTC-USDT+kraken:ETH/USDT");
    let asked: Vec<Vec<String>> = mix.sites.iter().map(|site| site.symbols().asked_for()).collect();
    assert_eq!(asked, [["BTC-USDT"], ["ETH/USDT"]]);
}

#[test]
fn an_exchange_may_have_settings_of_its_own() {
    let own = VenueSettings {
        quote: "EUR".into(),
        symbols: map(&[("BTC", "XBT/EUR")]),
        url: "wss://a.b/c".into(),
        ..VenueSettings::default()
    };
    let settings = ExchangeSettings {
        at: [("kraken".to_owned(), own)].into(),
        mix_quotes: true,
        ..settings("binance,kraken", &["BTC", "ETH"])
    };
    let expected = "freshest:binance:BTCUSDT,ETHUSDT+kraken:XBT/EUR,ETH/EUR@wss://a.b/c";
    assert_eq!(mix(&settings).identity(), expected);
}

#[test]
fn currencies_are_not_mixed_unless_somebody_says_so() {
    let unsaid = ExchangeSettings { quote: String::new(), ..settings("binance,kraken", &["BTC"]) };
    let message = refusal(&unsaid);
    assert!(
        message.contains("binance in USDT, kraken in USD") && message.contains("mix_quotes = true"),
        "{message}"
    );
    let said = ExchangeSettings { mix_quotes: true, ..unsaid.clone() };
    assert_eq!(mix(&said).identity(), "freshest:binance:BTCUSDT+kraken:BTC/USD");
    assert_eq!(mix(&ExchangeSettings { quote: "usd".into(), ..unsaid }).sites.len(), 2);
}

#[test]
fn what_cannot_be_is_refused_in_one_line() {
    let several = || settings("okx,kraken", &["BTC", "ETH"]);
    let venues = |entries| ExchangeSettings { rule: "venues".into(), venues: map(entries), ..several() };
    let cases = [
        (settings("okx,mtgox", &["BTC"]), "exchange.venue: \"mtgox\" is none of the exchanges"),
        (settings("okx,okx", &["BTC"]), "okx is named twice"),
        (settings("okx,", &["BTC"]), "\"\" is none of the exchanges"),
        (ExchangeSettings { rule: "mean".into(), ..several() }, "use freshest, best or venues"),
        (ExchangeSettings { fresh_within: "soon".into(), ..several() }, "exchange.fresh_within"),
        (ExchangeSettings { idle_after: "0s".into(), ..several() }, "exchange.idle_after"),
        (ExchangeSettings { url: "wss://a.b".into(), ..several() }, "[exchange.at.NAME] url"),
        (ExchangeSettings { symbols: map(&[("BTC", "x")]), ..several() }, "[exchange.at.NAME] symbols"),
        (
            ExchangeSettings { instruments: "https://a.b".into(), ..several() },
            "[exchange.at.NAME] instruments",
        ),
        (
            ExchangeSettings { at: [("mtgox".to_owned(), VenueSettings::default())].into(), ..several() },
            "exchange.at: \"mtgox\"",
        ),
        (venues(&[("SOL", "okx")]), "\"SOL\" is not one of the assets"),
        (venues(&[("BTC", "bybit")]), "BTC = \"bybit\" is not in the source, which has okx, kraken"),
        (venues(&[]), "no asset is of kraken"),
        (settings("okx,kraken", &[]), "name the assets"),
    ];
    for (settings, expected) in cases {
        let message = refusal(&settings);
        assert!(message.contains(expected), "{message}");
    }
}
