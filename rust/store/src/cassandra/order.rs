//! The order of the assets in a map of weights.
//!
//! Cassandra sorts a map by its keys, while weights are in universe order. Beside the map stands therefore a blob
//! that says for each asset, in universe order, which entry of the sorted map is its own: two bytes, high byte
//! first. Where universe order is the sorted order there is no blob. So everybody can read the map, and what is
//! read back is what was written, bit for bit.

/// Most assets of a map.
pub(crate) const MAX_ASSETS: usize = 1 << 16;

/// How the assets of a row are sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// For each entry of the sorted map, its place in universe order.
    pub(crate) sorted: Vec<u32>,
    /// The blob; empty where both orders are the same.
    pub(crate) blob: Vec<u8>,
}

/// Why a row of weights has no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unordered {
    /// An asset is there twice.
    Twice,
    /// More than [`MAX_ASSETS`].
    TooMany,
}

impl Order {
    /// The order of `names`, which stand in universe order.
    pub(crate) fn of(names: &[&[u8]]) -> Result<Self, Unordered> {
        if names.len() > MAX_ASSETS {
            return Err(Unordered::TooMany);
        }
        let mut sorted: Vec<u32> = (0..names.len() as u32).collect();
        sorted.sort_unstable_by_key(|place| names[*place as usize]);
        if sorted.windows(2).any(|pair| names[pair[0] as usize] == names[pair[1] as usize]) {
            return Err(Unordered::Twice);
        }
        let mut blob = Vec::new();
        if !sorted.is_sorted() {
            blob.resize(2 * names.len(), 0);
            for (entry, place) in sorted.iter().enumerate() {
                let place = 2 * *place as usize;
                blob[place..place + 2].copy_from_slice(&(entry as u16).to_be_bytes());
            }
        }
        Ok(Self { sorted, blob })
    }
}

/// The entries of a sorted map of `count` in universe order, as `blob` has them; `None` where it belongs to another map.
pub(crate) fn entries(blob: &[u8], count: usize) -> Option<impl Iterator<Item = usize>> {
    if !blob.is_empty() && blob.len() != 2 * count {
        return None;
    }
    let entry = move |place: usize| match blob.get(2 * place..2 * place + 2) {
        Some(bytes) => usize::from(u16::from_be_bytes([bytes[0], bytes[1]])),
        None => place,
    };
    Some((0..count).map(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn universe_order_comes_back_from_the_sorted_map() {
        for names in [vec!["XRP", "ADA", "BTC"], vec!["ADA", "BTC", "XRP"], vec!["B", "A"], vec![]] {
            let bytes: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
            let order = Order::of(&bytes).unwrap();
            let map: Vec<&str> = order.sorted.iter().map(|place| names[*place as usize]).collect();
            assert!(map.is_sorted());
            assert_eq!(order.blob.is_empty(), names.is_sorted());
            let back: Vec<&str> = entries(&order.blob, names.len()).unwrap().map(|at| map[at]).collect();
            assert_eq!(back, names);
        }
        assert_eq!(Order::of(&[b"A", b"A"]), Err(Unordered::Twice));
        assert!(entries(&[0, 1], 2).is_none());
    }
}
