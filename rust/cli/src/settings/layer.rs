//! One layer of settings: a table of values that all came from the same place.

use std::ffi::OsString;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context;
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use crate::failure::{one_line, usage};

/// The origin of a setting nobody touched.
pub(crate) const BUILT_IN: &str = "default";
/// Every variable of ours starts with this.
const PREFIX: &str = "SILVERBULLET_";
/// Variables with our prefix that are not settings: the path of the settings file itself.
const NOT_SETTINGS: [&str; 1] = ["SILVERBULLET_CONFIG"];
/// A settings file larger than this is none.
const MOST_BYTES: u64 = 1 << 20;

/// Values and the place they came from, as a person would name it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    pub(crate) origin: String,
    pub(crate) dict: Dict,
}

impl Layer {
    /// One value at a path such as `run.speed`.
    pub(crate) fn single(origin: &str, path: &str, value: Value) -> Self {
        let mut parts = path.rsplit('.');
        let last = parts.next().unwrap_or(path);
        let leaf = Dict::from([(last.to_owned(), value)]);
        let dict = parts.fold(leaf, |inner, part| Dict::from([(part.to_owned(), Value::from(inner))]));
        Self { origin: origin.to_owned(), dict }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

/// The layer of a settings file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Layer> {
    let name = path.display().to_string();
    let size = std::fs::metadata(path).with_context(|| format!("settings file {name}"))?;
    if size.is_dir() {
        anyhow::bail!("settings file {name}: it is a directory; name the file in it");
    }
    if size.len() > MOST_BYTES {
        anyhow::bail!("settings file {name}: it is larger than 1 MiB and surely no settings file");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("settings file {name}"))?;
    parse(&name, &text)
}

/// The layer of a TOML text.
pub(crate) fn parse(origin: &str, text: &str) -> anyhow::Result<Layer> {
    let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        usage(format!("{origin}, line {line}: {}", one_line(error.message())))
    })?;
    let value = Value::serialize(table).map_err(|error| usage(format!("{origin}: {error}")))?;
    let dict = value.into_dict().ok_or_else(|| usage(format!("{origin}: it is no table")))?;
    Ok(Layer { origin: origin.to_owned(), dict })
}

/// One layer a variable, in the order of their names.
pub(crate) fn variables(all: impl Iterator<Item = (OsString, OsString)>) -> anyhow::Result<Vec<Layer>> {
    let mut layers = Vec::new();
    for (name, value) in all {
        let Some(name) = name.to_str() else { continue };
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        if NOT_SETTINGS.contains(&name) {
            continue;
        }
        let text = value.to_str().ok_or_else(|| usage(format!("{name}: its value is not UTF-8")))?;
        let path = path.to_ascii_lowercase().replace("__", ".");
        let Ok(value) = Value::from_str(text);
        layers.push(Layer::single(name, &path, value));
    }
    layers.sort_by(|a, b| a.origin.cmp(&b.origin));
    Ok(layers)
}
