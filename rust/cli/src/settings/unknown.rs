//! Refuses settings that do not exist, and says what was probably meant.

use figment::value::{Dict, Value};
use strsim::levenshtein;

use super::layer::Layer;
use crate::failure::usage;

/// Typing errors up to this many letters away count as meant.
const NEAR: usize = 2;

/// Compares the keys of `layer` with those of the built-in settings, which have every key there is.
pub(crate) fn refuse(built_in: &Dict, layer: &Layer) -> anyhow::Result<()> {
    check(built_in, &layer.dict, &layer.origin, &mut Vec::new())
}

fn check(known: &Dict, given: &Dict, origin: &str, path: &mut Vec<String>) -> anyhow::Result<()> {
    for (key, value) in given {
        path.push(key.clone());
        let expected = match path[..] {
            // A person names universes; each has the fields of the default one.
            [ref first, _] if first == "universes" => known.values().next(),
            _ => known.get(key),
        };
        let Some(expected) = expected else {
            let setting = path.join(".");
            return Err(usage(format!("unknown setting {setting} in {origin}{}", remedy(known, path))));
        };
        match (expected, value) {
            // An empty table takes names of the user's own, such as assets.
            (Value::Dict(_, inner), Value::Dict(_, _)) if inner.is_empty() => {}
            (Value::Dict(_, inner), Value::Dict(_, values)) => check(inner, values, origin, path)?,
            (Value::Dict(_, inner), _) => {
                let keys = inner.keys().cloned().collect::<Vec<_>>().join(", ");
                let setting = path.join(".");
                return Err(usage(format!("{setting} in {origin}: it is a table with {keys}")));
            }
            _ => {}
        }
        path.pop();
    }
    Ok(())
}

fn remedy(known: &Dict, path: &[String]) -> String {
    let (parents, key) = match path {
        [parents @ .., key] => (parents, key.as_str()),
        [] => return String::new(),
    };
    let nearest = known.keys().map(|name| (levenshtein(name, key), name)).min();
    match nearest {
        Some((distance, name)) if distance <= NEAR => {
            let meant: Vec<&str> =
                parents.iter().map(String::as_str).chain(std::iter::once(name.as_str())).collect();
            format!("; did you mean {}?", meant.join("."))
        }
        _ => format!("; there are {}", known.keys().cloned().collect::<Vec<_>>().join(", ")),
    }
}
