//! What flags change in the settings.

use figment::value::Value;

use super::layer::Layer;

/// Values given by flags. Those for universes apply to every universe.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    plain: Vec<Layer>,
    universes: Vec<(&'static str, &'static str, Value)>,
}

impl Overrides {
    /// Sets `path` where the flag was given.
    pub(crate) fn set<T: Into<Value>>(&mut self, path: &str, flag: &str, value: Option<T>) {
        if let Some(value) = value {
            self.plain.push(Layer::single(flag, path, value.into()));
        }
    }

    /// Sets `field` of every universe where the flag was given.
    pub(crate) fn universe<T: Into<Value>>(
        &mut self,
        field: &'static str,
        flag: &'static str,
        value: Option<T>,
    ) {
        if let Some(value) = value {
            self.universes.push((field, flag, value.into()));
        }
    }

    /// True where a flag sets `field` of the universes.
    pub(crate) fn touches(&self, field: &str) -> bool {
        self.universes.iter().any(|(name, ..)| *name == field)
    }

    /// The flags as layers over the universes of these names.
    pub(crate) fn into_layers(self, names: &[String]) -> impl Iterator<Item = Layer> {
        let of_universes = self.universes.into_iter().flat_map(|(field, flag, value)| {
            let paths = names.iter().map(move |name| format!("universes.{name}.{field}"));
            paths.map(move |path| Layer::single(flag, &path, value.clone())).collect::<Vec<_>>()
        });
        self.plain.into_iter().chain(of_universes)
    }
}
