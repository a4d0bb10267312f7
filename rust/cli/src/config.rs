//! The command `config`: the settings in force and where each came from.

use std::fmt::Write;
use std::process::ExitCode;

use silverbullet_query::format::{Records, Terminator};

use crate::args::{ConfigArguments, ConfigFormat};
use crate::output;
use crate::settings::{Loaded, Origin};

/// Prints every setting.
pub(crate) fn print(arguments: &ConfigArguments, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let text = match arguments.format {
        ConfigFormat::Table => table(&loaded.origins),
        ConfigFormat::Json => serde_json::to_string_pretty(&loaded.origins)?,
        ConfigFormat::Csv => csv(&loaded.origins)?,
        ConfigFormat::Toml => toml(&loaded.origins)?,
    };
    output::line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn table(origins: &[Origin]) -> String {
    let mut table = output::table(&["setting", "value", "from"]);
    for origin in origins {
        table.add_row([&origin.setting, &shown(&origin.value), &origin.source]);
    }
    table.to_string()
}

fn csv(origins: &[Origin]) -> anyhow::Result<String> {
    let mut records = Records::new(Terminator::Any(b'\n'));
    records.push(["setting", "value", "source"])?;
    for origin in origins {
        records.push([origin.setting.as_str(), &shown(&origin.value), &origin.source])?;
    }
    Ok(records.finish()?)
}

/// A settings file with these values; who set what stands behind each.
fn toml(origins: &[Origin]) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut section: &[String] = &[];
    let (top, mut nested): (Vec<_>, Vec<_>) = origins.iter().partition(|origin| origin.path.len() == 1);
    // A table's own values stand together, before the tables within it.
    nested.sort_by(|one, other| table_of(one).cmp(table_of(other)));
    for origin in top.into_iter().chain(nested) {
        let Some((key, table)) = origin.path.split_last() else { continue };
        if table != section {
            let name = table.iter().map(|part| toml_key(part)).collect::<Vec<_>>().join(".");
            writeln!(text, "\n[{name}]")?;
            section = table;
        }
        let value = toml::Value::try_from(&origin.value)?;
        writeln!(text, "{} = {value} # {}", toml_key(key), origin.source)?;
    }
    Ok(text)
}

/// The table that a setting stands in.
fn table_of(origin: &Origin) -> &[String] {
    origin.path.split_last().map_or(&[], |(_, table)| table)
}

fn toml_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if key.chars().all(bare) { key.to_owned() } else { toml::Value::from(key).to_string() }
}

fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
