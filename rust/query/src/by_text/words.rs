//! Which group a row belongs to, where groups are made by text: each word gets a number, each combination of numbers another.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};
use datafusion::common::cast::as_string_view_array;
use datafusion::common::{HashMap, Result};

/// Places of the table that is looked into first.
const PLACES: usize = 256;
/// The part of a view that is the length of its word.
const LENGTH: u128 = 0xffff_ffff;
/// Words up to this length stand in their view, which then is the same wherever the word stands.
const INLINE: u128 = 12;
/// Combinations of numbers that are found by their place alone: a table of a megabyte.
const DIRECT: usize = 1 << 18;
/// No number.
const NONE: u32 = u32::MAX;

/// The words of one column, each with its number.
#[derive(Debug)]
pub(super) struct Words {
    numbers: HashMap<String, u32>,
    /// By number; nothing is what a missing value has.
    words: Vec<Option<String>>,
    missing: u32,
    /// Views that were seen lately, with their numbers.
    seen: [(u128, u32); PLACES],
}

impl Default for Words {
    fn default() -> Self {
        Self { numbers: HashMap::new(), words: Vec::new(), missing: NONE, seen: [(0, NONE); PLACES] }
    }
}

impl Words {
    /// Hands on the number of each row's word.
    #[inline]
    fn each(&mut self, column: &StringViewArray, mut take: impl FnMut(u32)) {
        // A longer word's view says where it stands, in this batch.
        self.seen.iter_mut().filter(|(view, _)| (view & LENGTH) > INLINE).for_each(|seen| seen.1 = NONE);
        let views = column.views();
        if column.null_count() == 0 {
            views.iter().enumerate().for_each(|(row, &view)| take(self.of_view(column, row, view)));
            return;
        }
        for (row, &view) in views.iter().enumerate() {
            take(if column.is_null(row) { self.of_missing() } else { self.of_view(column, row, view) });
        }
    }

    #[inline]
    fn of_view(&mut self, column: &StringViewArray, row: usize, view: u128) -> u32 {
        // Words of one length mostly differ at their beginning or end.
        let folded = (view as u64) ^ (view >> 64) as u64;
        let place = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES.ilog2())) as usize;
        let (seen, number) = self.seen[place];
        if seen == view && number != NONE {
            return number;
        }
        let number = self.of_word(column.value(row));
        self.seen[place] = (view, number);
        number
    }

    #[inline(never)]
    fn of_word(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        let number = self.words.len() as u32;
        self.words.push(Some(word.to_owned()));
        self.numbers.insert(word.to_owned(), number);
        number
    }

    fn of_missing(&mut self) -> u32 {
        if self.missing == NONE {
            self.missing = self.words.len() as u32;
            self.words.push(None);
        }
        self.missing
    }

    fn size(&self) -> usize {
        let words: usize = self.words.iter().flatten().map(|word| 2 * word.len()).sum();
        words + self.words.len() * 2 * size_of::<(String, u32)>()
    }
}

/// A number for each pair of numbers: from a table while there are few, by hashing where there are many.
#[derive(Debug, Default)]
struct Pairs {
    /// Row by row for the first of a pair, `width` columns for the second.
    table: Vec<u32>,
    width: usize,
    hashed: HashMap<(u32, u32), u32>,
    /// By number.
    pairs: Vec<(u32, u32)>,
}

impl Pairs {
    #[inline]
    fn number(&mut self, first: u32, second: u32) -> u32 {
        let (row, column) = (first as usize, second as usize);
        if column < self.width
            && let Some(&number) = self.table.get(row * self.width + column)
            && number != NONE
        {
            return number;
        }
        self.look_up(first, second)
    }

    #[cold]
    fn look_up(&mut self, first: u32, second: u32) -> u32 {
        if let Some(&number) = self.hashed.get(&(first, second)) {
            return number;
        }
        let number = self.pairs.len() as u32;
        self.pairs.push((first, second));
        self.hashed.insert((first, second), number);
        self.enter(first as usize, second as usize, number);
        number
    }

    /// Puts a new pair into the table, which grows as long as it may.
    fn enter(&mut self, row: usize, column: usize, number: u32) {
        let rows = self.table.len().checked_div(self.width).unwrap_or(0);
        if row >= rows || column >= self.width {
            let width = self.width.max((column + 1).next_power_of_two());
            let rows = rows.max((row + 1).next_power_of_two());
            if width * rows > DIRECT {
                return;
            }
            self.table = vec![NONE; width * rows];
            self.width = width;
            for (number, &(first, second)) in self.pairs.iter().enumerate() {
                self.table[first as usize * width + second as usize] = number as u32;
            }
        }
        self.table[row * self.width + column] = number;
    }

    fn size(&self) -> usize {
        self.table.len() * size_of::<u32>() + self.pairs.len() * 4 * size_of::<(u32, u32)>()
    }
}

/// The groups of all rows so far.
#[derive(Debug)]
pub(super) struct Groups {
    columns: Vec<Words>,
    /// The first combines the words of the first two columns, the next its numbers with the words of the third.
    combinations: Vec<Pairs>,
    /// Of the batch's rows: the words so far.
    combined: Vec<u32>,
}

impl Groups {
    /// By so many columns, one at least.
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns: (0..columns).map(|_| Words::default()).collect(),
            combinations: (1..columns).map(|_| Pairs::default()).collect(),
            combined: Vec::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.combinations.last().map_or(self.columns[0].words.len(), |last| last.pairs.len())
    }

    /// The group of each row; new ones are numbered as they come.
    pub(super) fn of(&mut self, columns: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        groups.clear();
        self.combined.clear();
        let first = as_string_view_array(&columns[0])?;
        let Some((last, between)) = self.combinations.split_last_mut() else {
            self.columns[0].each(first, |number| groups.push(number as usize));
            return Ok(());
        };
        self.columns[0].each(first, |number| self.combined.push(number));
        for (place, pairs) in between.iter_mut().enumerate() {
            let column = as_string_view_array(&columns[place + 1])?;
            let mut combined = self.combined.iter_mut();
            self.columns[place + 1].each(column, |number| {
                if let Some(combined) = combined.next() {
                    *combined = pairs.number(*combined, number);
                }
            });
        }
        let column = as_string_view_array(&columns[columns.len() - 1])?;
        let mut combined = self.combined.iter();
        self.columns[columns.len() - 1].each(column, |number| {
            if let Some(&combined) = combined.next() {
                groups.push(last.number(combined, number) as usize);
            }
        });
        Ok(())
    }

    /// The words of all groups, column by column.
    pub(super) fn words(&self) -> Vec<ArrayRef> {
        let mut numbers: Vec<u32> = (0..self.len() as u32).collect();
        let mut words = Vec::with_capacity(self.columns.len());
        for place in (0..self.columns.len()).rev() {
            let own: Vec<u32> = match place.checked_sub(1) {
                None => std::mem::take(&mut numbers),
                Some(combination) => {
                    let pairs = &self.combinations[combination].pairs;
                    let (first, second) = numbers.iter().map(|&number| pairs[number as usize]).unzip();
                    numbers = first;
                    second
                }
            };
            let of = &self.columns[place].words;
            let column: StringViewArray = own.iter().map(|&number| of[number as usize].as_deref()).collect();
            words.push(Arc::new(column) as ArrayRef);
        }
        words.reverse();
        words
    }

    /// Bytes of memory, about.
    pub(super) fn size(&self) -> usize {
        let words: usize = self.columns.iter().map(Words::size).sum();
        words + self.combinations.iter().map(Pairs::size).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(words: &[Option<&str>]) -> ArrayRef {
        Arc::new(words.iter().copied().collect::<StringViewArray>())
    }

    fn text(array: &ArrayRef) -> Vec<Option<String>> {
        let views = as_string_view_array(array).unwrap();
        views.iter().map(|word| word.map(str::to_owned)).collect()
    }

    #[test]
    fn each_combination_has_a_number_in_the_order_in_which_they_come() {
        let mut groups = Groups::new(2);
        let mut numbers = Vec::new();
        let first =
            [column(&[Some("a"), Some("b"), Some("a"), None]), column(&[None, Some("x"), None, Some("x")])];
        groups.of(&first, &mut numbers).unwrap();
        assert_eq!(numbers, [0, 1, 0, 2]);
        let second = [column(&[Some("b"), Some("b")]), column(&[Some("x"), Some("")])];
        groups.of(&second, &mut numbers).unwrap();
        assert_eq!((numbers, groups.len()), (vec![1, 3], 4));
        let words = groups.words();
        assert_eq!(
            text(&words[0]),
            [Some("a"), Some("b"), None, Some("b")].map(|word| word.map(str::to_owned))
        );
        assert_eq!(
            text(&words[1]),
            [None, Some("x"), Some("x"), Some("")].map(|word| word.map(str::to_owned))
        );
    }

    #[test]
    fn long_words_are_told_apart_from_batch_to_batch() {
        // In both batches the views of the long words are the same: they say where in a buffer the word begins.
        let mut groups = Groups::new(1);
        let mut numbers = Vec::new();
        for (word, expected) in
            [("fallback: no positive", 0), ("fallback: singular mat", 1), ("fallback: no positive", 0)]
        {
            groups.of(&[column(&[Some(word), Some(word)])], &mut numbers).unwrap();
            assert_eq!(numbers, [expected, expected], "{word}");
        }
    }

    #[test]
    fn many_words_and_combinations_are_as_a_map_has_them() {
        let mut groups = Groups::new(3);
        let mut expected: HashMap<[String; 3], usize> = HashMap::new();
        let mut numbers = Vec::new();
        for batch in 0..40_u64 {
            let word = |row: u64, salt: u64| {
                let drawn = (batch * 1_000 + row).wrapping_mul(salt) >> 40;
                format!("{}{}", "a long beginning "[..(drawn % 17) as usize].to_owned(), drawn % 900)
            };
            let rows: Vec<[String; 3]> = (0..1_000)
                .map(|row| {
                    [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb]
                        .map(|salt| word(row, salt))
                })
                .collect();
            let columns: Vec<ArrayRef> = (0..3)
                .map(|place| {
                    Arc::new(rows.iter().map(|row| Some(row[place].as_str())).collect::<StringViewArray>())
                        as ArrayRef
                })
                .collect();
            groups.of(&columns, &mut numbers).unwrap();
            for (row, &number) in rows.into_iter().zip(&numbers) {
                let next = expected.len();
                assert_eq!(*expected.entry(row).or_insert(next), number);
            }
        }
        assert_eq!(groups.len(), expected.len());
        assert!(expected.len() > 20_000 && groups.combinations[1].table.len() <= DIRECT);
        let words = groups.words();
        for (row, number) in expected {
            assert_eq!(
                row.map(Some).to_vec(),
                words.iter().map(|column| text(&column.slice(number, 1))[0].clone()).collect::<Vec<_>>()
            );
        }
    }
}
