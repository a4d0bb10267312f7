//! A list in a frame, without allocation as long as it is short.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// So many have room in place: more than the trades of a quarter of a second usually are.
const IN_PLACE: usize = 8;

/// Some values; those of a list longer than [`IN_PLACE`] are on the heap.
#[derive(Debug)]
pub(crate) struct Few<T> {
    first: [T; IN_PLACE],
    count: usize,
    all: Vec<T>,
}

impl<T: Copy + Default> Default for Few<T> {
    fn default() -> Self {
        Self { first: [T::default(); IN_PLACE], count: 0, all: Vec::new() }
    }
}

impl<T: Copy> Few<T> {
    pub(crate) fn push(&mut self, value: T) {
        if let Some(place) = self.first.get_mut(self.count) {
            *place = value;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.push(value);
        }
        self.count += 1;
    }

    pub(crate) fn values(&mut self) -> &mut [T] {
        if self.count > IN_PLACE { &mut self.all } else { &mut self.first[..self.count] }
    }
}

impl<'de, T: Deserialize<'de> + Copy + Default> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Copy + Default> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut few = Few::default();
        while let Some(item) = items.next_element()? {
            few.push(item);
        }
        Ok(few)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length_is_kept_in_order() {
        for count in 0..4 * IN_PLACE {
            let expected: Vec<usize> = (100..100 + count).collect();
            let mut few: Few<usize> = serde_json::from_str(&format!("{expected:?}")).unwrap();
            assert_eq!(few.values(), expected);
            assert_eq!(few.all.capacity() == 0, count <= IN_PLACE, "{count}");
        }
    }
}
