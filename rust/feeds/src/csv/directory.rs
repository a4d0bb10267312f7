//! Asset names to positions, quickly: files tend to name assets in the same order again and again.

use std::collections::HashMap;

use silverbullet_market::AssetId;

/// Names in the order they were added. The map is only ever looked up, so its order shows nowhere.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    names: Vec<Box<[u8]>>,
    positions: HashMap<Box<[u8]>, u32>,
    /// Which asset came after each one the last time.
    successors: Vec<u32>,
    last: usize,
}

impl Directory {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut directory = Self::default();
        for name in names {
            directory.add(name.as_bytes());
        }
        directory
    }

    /// Number of names.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, position: usize) -> String {
        String::from_utf8_lossy(&self.names[position]).into_owned()
    }

    /// Adds a name that is not there yet.
    pub(crate) fn add(&mut self, name: &[u8]) -> AssetId {
        let position = self.names.len() as u32;
        self.names.push(name.into());
        self.positions.insert(name.into(), position);
        self.successors.push(position);
        AssetId(position)
    }

    /// The position of `name`.
    #[inline]
    pub(crate) fn find(&mut self, name: &[u8]) -> Option<AssetId> {
        let guess = *self.successors.get(self.last)?;
        if &*self.names[guess as usize] == name {
            self.last = guess as usize;
            return Some(AssetId(guess));
        }
        let position = *self.positions.get(name)?;
        self.successors[self.last] = position;
        self.last = position as usize;
        Some(AssetId(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_order_and_others_are_not() {
        let mut directory = Directory::new(["BTC", "ETH", "SOL"]);
        for (name, position) in [("SOL", 2), ("BTC", 0), ("SOL", 2), ("ETH", 1), ("ETH", 1), ("BTC", 0)] {
            assert_eq!(directory.find(name.as_bytes()), Some(AssetId(position)), "{name}");
        }
        assert_eq!(directory.find(b"btc"), None);
        assert_eq!(directory.find(b""), None);
        assert_eq!(Directory::default().find(b"BTC"), None);
    }
}
