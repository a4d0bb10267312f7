//! Which layer wins, who set what, and what is refused.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::*;
use crate::failure::Usage;

fn load_with(file: Option<&str>, variables: &[(&str, &str)], overrides: Overrides) -> anyhow::Result<Loaded> {
    let folder = tempfile::tempdir()?;
    let path: Option<PathBuf> = file.map(|_| folder.path().join("mine.toml"));
    if let (Some(text), Some(path)) = (file, &path) {
        std::fs::write(path, text)?;
    }
    let variables: Vec<(OsString, OsString)> =
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    load(path.as_deref(), Path::new("/nonexistent/silverbullet.toml"), variables.into_iter(), overrides)
}

fn origin<'a>(loaded: &'a Loaded, setting: &str) -> &'a str {
    &loaded.origins.iter().find(|origin| origin.setting == setting).unwrap().source
}

fn refused(file: Option<&str>, variables: &[(&str, &str)]) -> String {
    let error = load_with(file, variables, Overrides::default()).unwrap_err();
    assert!(error.is::<Usage>(), "{error:#}");
    let message = format!("{error:#}");
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn without_anything_the_defaults_of_the_contract_are_in_force() {
    let loaded = load_with(None, &[], Overrides::default()).unwrap();
    let universe = &loaded.settings.universes["default"];
    assert_eq!((loaded.settings.seed, universe.window, universe.population), (0, 600, 10_240));
    assert_eq!((universe.bar.as_str(), universe.estimator.as_str()), ("auto", "ledoit-wolf"));
    assert_eq!(loaded.settings.server.http, "127.0.0.1:8080");
    assert_eq!((loaded.settings.optimize.points, loaded.settings.run.speed), (20, Speed::RealTime(1.0)));
    assert_eq!(loaded.settings.simulator, SimulatorSettings::default());
    assert!(loaded.origins.len() > 20 && loaded.origins.iter().all(|origin| origin.source == "default"));
}

#[test]
fn later_layers_win_and_each_is_remembered() {
    let file = "seed = 1\n[run]\nspeed = 60\n[universes.default]\nwindow = 100\nhalf_life = 10.0\n";
    let variables = [
        ("SILVERBULLET_RUN__SPEED", "max"),
        ("SILVERBULLET_UNIVERSES__DEFAULT__WINDOW", "200"),
        ("PATH", "x"),
    ];
    let mut overrides = Overrides::default();
    overrides.universe("window", "--window", Some(300_usize));
    let loaded = load_with(Some(file), &variables, overrides).unwrap();
    let universe = &loaded.settings.universes["default"];
    assert_eq!((loaded.settings.seed, loaded.settings.run.speed, universe.window), (1, Speed::Max, 300));
    assert!(origin(&loaded, "seed").ends_with("mine.toml"));
    assert!(origin(&loaded, "universes.default.half_life").ends_with("mine.toml"));
    assert_eq!(origin(&loaded, "run.speed"), "SILVERBULLET_RUN__SPEED");
    assert_eq!(origin(&loaded, "universes.default.window"), "--window");
    assert_eq!(origin(&loaded, "universes.default.bar"), "default");
    assert!(loaded.window_flag);
}

#[test]
fn a_named_universe_inherits_and_replaces_the_default_one() {
    let file =
        "[universes.majors]\nassets = [\"BTC\", \"ETH\"]\nbounds = { BTC = [0.1, 0.6] }\n[universes.all]\n";
    let loaded = load_with(Some(file), &[], Overrides::default()).unwrap();
    assert_eq!(loaded.settings.universes.keys().collect::<Vec<_>>(), ["all", "majors"]);
    let majors = &loaded.settings.universes["majors"];
    assert_eq!((majors.assets.len(), majors.window, majors.bounds["BTC"]), (2, 600, [0.1, 0.6]));
    assert!(origin(&loaded, "universes.majors.bounds.BTC").ends_with("mine.toml"));
    assert_eq!(origin(&loaded, "universes.all.window"), "default");
}

#[test]
fn what_does_not_exist_is_named_with_its_place() {
    let message = refused(Some("[run]\nspede = 1\n"), &[]);
    assert!(message.contains("run.spede") && message.contains("mine.toml"), "{message}");
    assert!(message.contains("did you mean run.speed"), "{message}");
    let message = refused(None, &[("SILVERBULLET_NO_SUCH__NODES", "x")]);
    assert!(message.contains("unknown setting no_such in SILVERBULLET_NO_SUCH__NODES"), "{message}");
    let message = refused(Some("[universes.a]\nwindo = 3\n"), &[]);
    assert!(
        message.contains("universes.a.windo") && message.contains("did you mean universes.a.window"),
        "{message}"
    );
}

#[test]
fn a_wrong_value_is_named_with_its_place() {
    let message = refused(Some("[universes.default]\nwindow = \"long\"\n"), &[]);
    assert!(message.contains("universes.default.window in ") && message.contains("mine.toml"), "{message}");
    let message = refused(None, &[("SILVERBULLET_SEED", "-1")]);
    assert!(message.contains("seed in SILVERBULLET_SEED"), "{message}");
    let message = refused(Some("seed = 1\nseed = = 2\n"), &[]);
    assert!(message.contains("line 2"), "{message}");
    assert!(refused(Some("run = 1\n"), &[]).contains("run in "));
    assert!(refused(Some("[universes.\"a b\"]\n"), &[]).contains("letters, digits"));
    assert!(refused(None, &[("SILVERBULLET_RUN__SPEED", "fast")]).contains("run.speed"));
}

#[test]
fn a_seed_that_cannot_be_stored_is_refused_with_the_range() {
    let message = refused(None, &[("SILVERBULLET_SEED", "9223372036854775808")]);
    let expected = "seed in SILVERBULLET_SEED: 9223372036854775808 is too large";
    assert!(message.starts_with(expected) && message.contains("0 to 9223372036854775807"), "{message}");
    let mut overrides = Overrides::default();
    overrides.set("seed", "--seed", Some(u64::MAX));
    let error = load_with(None, &[], overrides).unwrap_err();
    assert!(error.is::<Usage>() && error.to_string().starts_with("seed in --seed: "), "{error}");
    let largest = load_with(Some("seed = 9223372036854775807"), &[], Overrides::default()).unwrap();
    assert_eq!(largest.settings.seed, i64::MAX.cast_unsigned());
}

#[test]
fn a_missing_file_is_a_failure_and_no_usage_error() {
    let missing = Path::new("/nonexistent/mine.toml");
    let error = load(Some(missing), missing, std::iter::empty(), Overrides::default()).unwrap_err();
    assert!(!error.is::<Usage>() && format!("{error:#}").contains("/nonexistent/mine.toml"));
}

#[test]
fn what_is_kept_and_shown_of_settings_has_no_secrets() {
    let file = "[kafka.properties]\n\"sasl.password\" = \"the word\"\n[store.cassandra]\npassword = \"the word\"\n\
                [server]\ntoken = \"the word\"\n";
    let loaded = load_with(Some(file), &[], Overrides::default()).unwrap();
    assert!(serde_json::to_string(&loaded.settings).unwrap().matches("the word").count() == 3);
    let kept = serde_json::to_string(&loaded.settings.redacted()).unwrap();
    assert_eq!((kept.matches("the word").count(), kept.matches(HIDDEN).count()), (0, 3), "{kept}");
    let shown: Vec<_> = loaded.origins.iter().map(|origin| origin.value.to_string()).collect();
    assert_eq!(shown.iter().filter(|value| value.contains(HIDDEN)).count(), 3);
    assert!(!shown.iter().any(|value| value.contains("the word")));
    // That there is none is no secret.
    let plain = load_with(None, &[], Overrides::default()).unwrap();
    assert_eq!(plain.settings.redacted().server.token, "");
}
