//! Settings: the built-in defaults, then a file, then variables, then flags, each value with its origin.
//!
//! Unknown keys are refused with where they stood. What comes out is passed on as a value; nothing here is
//! global.

mod layer;
mod overrides;
#[cfg(test)]
mod tests;
mod unknown;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use silverbullet_feeds::kafka::is_secret;
use silverbullet_feeds::{ExchangeSettings, KafkaSettings, RecordingSettings, SimulatorSettings, Speed};
use silverbullet_market::UniverseSettings;

use crate::failure::{one_line, usage};
use layer::{BUILT_IN, Layer};
pub(crate) use overrides::Overrides;

/// The name of the universe that is there without any settings.
const DEFAULT_UNIVERSE: &str = "default";
/// The setting that nobody may read, of those of Cassandra.
const PASSWORD: &str = "password";
/// What is shown in its place.
const HIDDEN: &str = "(hidden)";

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) log: String,
    pub(crate) run: RunSettings,
    pub(crate) optimize: OptimizeSettings,
    pub(crate) store: StoreSettings,
    pub(crate) sql: SqlSettings,
    pub(crate) server: ServerSettings,
    pub(crate) kafka: KafkaSettings,
    /// Runs of earlier versions were stored without it.
    #[serde(default)]
    pub(crate) exchange: ExchangeSettings,
    #[serde(default)]
    pub(crate) recording: RecordingSettings,
    pub(crate) csv: CsvSettings,
    pub(crate) simulator: SimulatorSettings,
    pub(crate) universes: BTreeMap<String, UniverseSettings>,
}

/// Where `run` takes its prices from, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSettings {
    pub(crate) source: String,
    pub(crate) speed: Speed,
    pub(crate) workers: usize,
    pub(crate) pin_core: i64,
    pub(crate) busy_poll: bool,
}

/// What `optimize` does differently from a universe's own settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptimizeSettings {
    pub(crate) estimator: String,
    pub(crate) points: usize,
    pub(crate) samples: u64,
}

/// How price files are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CsvSettings {
    pub(crate) timestamp_unit: String,
}

/// Whether, where and how results are kept. Times are durations such as `10s`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSettings {
    pub(crate) enabled: bool,
    #[serde(default = "yes")]
    pub(crate) delta: bool,
    pub(crate) directory: PathBuf,
    pub(crate) flush_every: String,
    pub(crate) flush_rows: usize,
    pub(crate) spool_mib: u64,
    pub(crate) memory_mib: usize,
    pub(crate) maintain_every: String,
    pub(crate) retention: String,
    /// As it was written; [`crate::store::cassandra`] makes sense of it.
    #[serde(default)]
    pub(crate) cassandra: BTreeMap<String, serde_json::Value>,
}

impl StoreSettings {
    fn redacted(&self) -> Self {
        let mut shown = self.clone();
        if let Some(password) = shown.cassandra.get_mut(PASSWORD) {
            *password = HIDDEN.into();
        }
        shown
    }
}

/// What was always so before it was a setting.
fn yes() -> bool {
    true
}

/// What a query may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlSettings {
    pub(crate) time: String,
    pub(crate) memory_mib: usize,
    pub(crate) rows: usize,
    #[serde(default = "yes")]
    pub(crate) full_scans: bool,
}

/// Whether, where and to whom HTTP and gRPC are served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSettings {
    pub(crate) enabled: bool,
    pub(crate) http: String,
    pub(crate) grpc: String,
    pub(crate) token: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) keep: String,
    pub(crate) keep_mib: usize,
}

impl ServerSettings {
    fn redacted(&self) -> Self {
        let mut shown = self.clone();
        if !shown.token.is_empty() {
            HIDDEN.clone_into(&mut shown.token);
        }
        shown
    }
}

impl Settings {
    /// The same without secrets.
    pub(crate) fn redacted(&self) -> Self {
        let (kafka, store, server) = (self.kafka.redacted(), self.store.redacted(), self.server.redacted());
        Self { kafka, store, server, ..self.clone() }
    }
}

/// Settings with the origin of each.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// One row a setting, sorted by its path.
    pub(crate) origins: Vec<Origin>,
    /// True where `--window` was given: `optimize` then takes the last bars only.
    pub(crate) window_flag: bool,
}

/// One setting: its path, its value, and who set it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Origin {
    #[serde(skip)]
    pub(crate) path: Vec<String>,
    pub(crate) setting: String,
    pub(crate) value: serde_json::Value,
    pub(crate) source: String,
}

/// Puts the layers together. `file` must exist; `default_file` is read where it does.
pub(crate) fn load(
    file: Option<&Path>,
    default_file: &Path,
    variables: impl Iterator<Item = (OsString, OsString)>,
    overrides: Overrides,
) -> anyhow::Result<Loaded> {
    let built_in = layer::parse(BUILT_IN, include_str!("../../default.toml"))?;
    let mut layers = Vec::new();
    match file {
        Some(path) => layers.push(layer::read(path)?),
        None if default_file.exists() => layers.push(layer::read(default_file)?),
        None => {}
    }
    layers.extend(layer::variables(variables)?);
    for layer in &layers {
        unknown::refuse(&built_in.dict, layer)?;
    }
    let names = universe_names(&layers);
    let window_flag = overrides.touches("window");
    let mut figment = Figment::from(inherit(&built_in, &names)?);
    for layer in layers.into_iter().chain(overrides.into_layers(&names)) {
        figment = figment.merge(layer);
    }
    let mut settings: Settings = figment.extract().map_err(|error| usage(explain(&error)))?;
    settings.universes.retain(|name, _| names.contains(name));
    let origins = origins_of(&figment, &names)?;
    refuse_seed(settings.seed, &origins)?;
    Ok(Loaded { settings, origins, window_flag })
}

/// Stored seeds are signed integers of 64 bits.
fn refuse_seed(seed: u64, origins: &[Origin]) -> anyhow::Result<()> {
    if i64::try_from(seed).is_ok() {
        return Ok(());
    }
    let origin = origins.iter().find(|origin| origin.setting == "seed");
    let origin = origin.map_or("the settings", |origin| &origin.source);
    Err(usage(format!("seed in {origin}: {seed} is too large; a seed is a number from 0 to {}", i64::MAX)))
}

/// The universes a person named, or the default one.
fn universe_names(layers: &[Layer]) -> Vec<String> {
    let named = layers.iter().filter_map(|layer| layer.dict.get("universes").and_then(Value::as_dict));
    let mut names: Vec<String> = named.flat_map(|universes| universes.keys().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { vec![DEFAULT_UNIVERSE.to_owned()] } else { names }
}

/// The built-in settings with each named universe as a copy of the default one.
fn inherit(built_in: &Layer, names: &[String]) -> anyhow::Result<Layer> {
    let mut dict = built_in.dict.clone();
    let default = Value::from(dict.clone()).find(&format!("universes.{DEFAULT_UNIVERSE}"));
    let default = default.ok_or_else(|| anyhow::anyhow!("the built-in settings have no default universe"))?;
    for name in names {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(usage(format!("universe {name:?}: a name is made of letters, digits, - and _")));
        }
    }
    let universes: Dict = names.iter().map(|name| (name.clone(), default.clone())).collect();
    dict.insert("universes".to_owned(), universes.into());
    Ok(Layer { origin: BUILT_IN.to_owned(), dict })
}

/// A wrong value in one line: what, where, why.
fn explain(error: &figment::Error) -> String {
    let origin = error.metadata.as_ref().map_or("the settings", |metadata| metadata.name.as_ref());
    format!("{} in {origin}: {}", error.path.join("."), one_line(&error.kind.to_string()))
}

/// One row a setting of the merged layers, in the order of their paths.
fn origins_of(figment: &Figment, names: &[String]) -> anyhow::Result<Vec<Origin>> {
    let fail = |error: figment::Error| usage(explain(&error));
    let merged: Dict = figment.extract().map_err(fail)?;
    let mut origins = Vec::new();
    for key in merged.keys() {
        let value = figment.find_value(key).map_err(fail)?;
        collect(figment, &value, &mut vec![key.clone()], &mut origins)?;
    }
    origins.retain(|origin| match &origin.path[..] {
        [first, name, ..] if first == "universes" => names.contains(name),
        _ => true,
    });
    Ok(origins)
}

fn collect(
    figment: &Figment,
    value: &Value,
    path: &mut Vec<String>,
    origins: &mut Vec<Origin>,
) -> anyhow::Result<()> {
    match value.as_dict() {
        Some(inner) if !inner.is_empty() => {
            for (key, value) in inner {
                path.push(key.clone());
                collect(figment, value, path, origins)?;
                path.pop();
            }
        }
        _ => {
            let source = figment.get_metadata(value.tag()).map_or(BUILT_IN, |metadata| &metadata.name);
            let hidden = match &path[..] {
                [table, .., name] if table == "kafka" => is_secret(name),
                [table, part, name] if table == "store" && part == "cassandra" => name == PASSWORD,
                [table, name] if table == "server" && name == "token" => {
                    value.as_str().is_some_and(|token| !token.is_empty())
                }
                _ => false,
            };
            origins.push(Origin {
                path: path.clone(),
                setting: path.join("."),
                value: if hidden { HIDDEN.into() } else { serde_json::to_value(value)? },
                source: source.to_owned(),
            });
        }
    }
    Ok(())
}
