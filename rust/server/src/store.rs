//! How the store fares, as the server shows and judges it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Where the state of the store is looked up, whenever somebody asks for it.
#[derive(Clone)]
pub struct StoreWatch(Arc<dyn Fn() -> Value + Send + Sync>);

impl StoreWatch {
    /// Calls `state` for each look. What it gives has at least a `status`: `ok`, `behind`, `failing` or `full`, and
    /// a `reason` where it is neither of the first two.
    pub fn new<S: Serialize>(state: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || serde_json::to_value(state()).unwrap_or_default()))
    }
}

/// Statuses with which rows are kept, perhaps a little later than they are made.
const WELL: [&str; 2] = ["ok", "behind"];
/// All statuses.
pub(crate) const STATUSES: [&str; 4] = ["ok", "behind", "failing", "full"];

/// The store's state as it describes itself: `status` is `ok`, `behind`, `failing` or `full`, with its `reason`, since
/// when, and what is pending.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StoreState, value_type = Object)]
#[serde(transparent)]
pub(crate) struct StoreView(Value);

impl StoreView {
    /// As it is now.
    pub(crate) fn of(store: &StoreWatch) -> Self {
        Self((store.0)())
    }

    /// One of [`STATUSES`].
    pub(crate) fn status(&self) -> &str {
        self.0.get("status").and_then(Value::as_str).unwrap_or("unknown")
    }

    /// A count by its name.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The places that keep the tables, with their names.
    pub(crate) fn places(&self) -> Vec<(&str, &Value)> {
        let places = self.0.get("places").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| Some((place.get("name")?.as_str()?, place))).collect()
    }

    /// Why it keeps the server from being ready, if it does.
    pub(crate) fn trouble(&self) -> Option<String> {
        let status = self.status();
        if WELL.contains(&status) {
            return None;
        }
        let reason = self.0.get("reason").and_then(Value::as_str).unwrap_or("no reason given");
        Some(format!("the store is {status}: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_behind_is_no_trouble_and_one_that_fails_says_why() {
        for status in WELL {
            assert_eq!(StoreView(serde_json::json!({"status": status})).trouble(), None);
        }
        for status in ["failing", "full"] {
            let view = StoreView(serde_json::json!({"status": status, "reason": "no space left"}));
            assert_eq!(view.trouble().unwrap(), format!("the store is {status}: no space left"));
        }
        assert!(StoreView(Value::Null).trouble().is_some());
    }
}
