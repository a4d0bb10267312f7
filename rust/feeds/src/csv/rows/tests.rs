//! Rows against the `csv` crate as a second opinion, and what that crate does otherwise.

use proptest::prelude::*;

use super::*;

type Found = (u64, Option<Flaw>, Vec<String>);

/// Hands out a few bytes at a time, as a decoder may.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn rows_of(input: impl Read, width: Option<usize>) -> Vec<Found> {
    let mut rows = Rows::new(input);
    if let Some(width) = width {
        rows.set_width(width);
    }
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let fields = (0..row.len()).map(|i| String::from_utf8_lossy(row.field(i)).into_owned()).collect();
        found.push((row.line, row.flaw, fields));
    }
    found
}

fn rows(text: &str) -> Vec<Found> {
    let found = rows_of(text.as_bytes(), Some(3));
    assert_eq!(found, rows_of(Dribble(text.as_bytes(), 1), Some(3)), "a byte at a time");
    found
}

fn good(line: u64, fields: [&str; 3]) -> Found {
    (line, None, fields.map(str::to_owned).to_vec())
}

#[test]
fn line_ends_blank_lines_and_a_byte_order_mark() {
    let expected = vec![good(1, ["a", "b", "c"]), good(4, ["1", "2", "3"]), good(5, ["4", "", "6"])];
    assert_eq!(rows("a,b,c\n\n  \n1,2,3\n4,,6\n"), expected);
    assert_eq!(rows("\u{feff}a,b,c\r\n\r\n\t\r\n1,2 , 3\r\n4,,6"), expected);
    assert_eq!(rows(""), vec![]);
    assert_eq!(rows("\u{feff}\n\n"), vec![]);
}

#[test]
fn quoted_fields() {
    assert_eq!(
        rows("\"a\",\"b,\"\"x\"\"\",c\r\n1,2\"x,\"3\"\r\n"),
        vec![good(1, ["a", "b,\"x\"", "c"]), good(2, ["1", "2\"x", "3"])]
    );
}

#[test]
fn a_quoted_line_break_is_counted() {
    assert_eq!(
        rows("a,b,c\n1,\"x\ny\r\nz\",3\n\n4,5,6\n"),
        vec![good(1, ["a", "b", "c"]), good(2, ["1", "x\ny\r\nz", "3"]), good(6, ["4", "5", "6"])]
    );
}

#[test]
fn an_open_quote_spoils_its_own_line_only() {
    let open = |line| (line, Some(Flaw::OpenQuote), vec![]);
    assert_eq!(
        rows("a,b,c\n1,\"x,2\n3,4,5\n6,7,\"8\n"),
        vec![good(1, ["a", "b", "c"]), open(2), good(3, ["3", "4", "5"]), open(4)]
    );
    // Two stray quotes far apart would make one row of all between: its width gives it away.
    assert_eq!(rows("1,\"x,2\n3,4,5\n6,7,8\n9,\"y,10\n").len(), 4);
}

#[test]
fn a_line_without_end_is_passed_over() {
    let long = "x".repeat(3 * BUFFER);
    for text in [format!("a,b,c\n{long}\n1,2,3\n"), format!("a,b,c\n{}\n1,2,3", &long[..=MAX_ROW])] {
        let found = rows_of(text.as_bytes(), Some(3));
        assert_eq!(found.len(), 3);
        assert_eq!((found[1].0, found[1].1), (2, Some(Flaw::TooLong)));
        assert_eq!(found[2], good(3, ["1", "2", "3"]));
    }
    assert_eq!(rows_of(long.as_bytes(), None).len(), 1);
}

#[test]
fn an_error_comes_after_every_whole_line() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
    let mut rows = Rows::new(b"a,b\n1,2\n3".as_slice().chain(Broken));
    assert!(rows.next().unwrap().is_some() && rows.next().unwrap().is_some());
    assert!(rows.next().is_err());
    assert_eq!(rows.lines_read(), 2);
}

proptest! {
    #[test]
    fn what_the_csv_crate_writes_is_read_back(
        records in proptest::collection::vec(proptest::collection::vec("[a,\"\n\r b]{1,6}", 3), 1..20),
        crlf in any::<bool>(),
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .terminator(terminator)
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(Vec::new());
        let mut line = 1;
        let mut expected = Vec::new();
        for record in &records {
            writer.write_record(record).unwrap();
            let fields = record.iter().map(|f| String::from_utf8_lossy(f.as_bytes().trim_ascii()).into_owned());
            expected.push((line, None, fields.collect()));
            line += 1 + record.iter().map(|f| f.matches('\n').count() as u64).sum::<u64>();
        }
        let bytes = writer.into_inner().unwrap();
        prop_assert_eq!(rows_of(bytes.as_slice(), Some(3)), expected);
    }

    #[test]
    fn plain_rows_are_those_of_the_csv_crate(text in "([ab1. ]{0,3}(,|\n|\r\n)){0,30}") {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
        let expected: Vec<Vec<String>> = reader
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            // A line of blanks is a blank line here.
            .filter(|record: &Vec<String>| record.len() > 1 || !record[0].is_empty())
            .collect();
        let found: Vec<Vec<String>> = rows_of(text.as_bytes(), None).into_iter().map(|row| row.2).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_size_of_the_reads_does_not_matter(text in "[a,\"\n\r]{0,60}", step in 1_usize..9) {
        prop_assert_eq!(rows_of(text.as_bytes(), Some(2)), rows_of(Dribble(text.as_bytes(), step), Some(2)));
    }
}
