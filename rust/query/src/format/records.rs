//! Records of comma-separated values.

use std::fmt::Display;

pub use csv::Terminator;
use csv::{Writer, WriterBuilder};

use crate::{Error, ErrorKind, Result};

/// Collects records of comma-separated values; fields are quoted where they must be.
#[derive(Debug)]
pub struct Records(Writer<Vec<u8>>);

impl Records {
    /// None yet; each will end with `end`.
    #[must_use]
    pub fn new(end: Terminator) -> Self {
        Self(WriterBuilder::new().terminator(end).from_writer(Vec::new()))
    }

    /// Appends a record.
    ///
    /// # Errors
    /// `Failed` where it has more or fewer fields than those before it.
    pub fn push<F: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = F>) -> Result<()> {
        for field in fields {
            self.0.write_field(field.as_ref()).map_err(failed)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(failed)
    }

    /// All records as text.
    ///
    /// # Errors
    /// None that writing to memory could bring about.
    pub fn finish(self) -> Result<String> {
        let bytes = self.0.into_inner().map_err(failed)?;
        String::from_utf8(bytes).map_err(failed)
    }
}

fn failed(error: impl Display) -> Error {
    Error::new(ErrorKind::Failed, format!("a record cannot be written as CSV: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_would_break_its_record() {
        let mut records = Records::new(Terminator::Any(b'\n'));
        for record in [["a b", ""], ["a,b", "\"c\""], ["d\re", "f\ng"]] {
            records.push(record).unwrap();
        }
        let expected = "a b,\n\"a,b\",\"\"\"c\"\"\"\n\"d\re\",\"f\ng\"\n";
        assert_eq!(records.finish().unwrap(), expected);
    }

    #[test]
    fn a_lone_empty_field_is_no_empty_line_which_readers_pass_over() {
        let mut records = Records::new(Terminator::CRLF);
        records.push([""]).unwrap();
        assert_eq!(records.finish().unwrap(), "\"\"\r\n");
    }

    #[test]
    fn records_have_equally_many_fields() {
        let mut records = Records::new(Terminator::CRLF);
        records.push(["a", "b"]).unwrap();
        assert_eq!(records.push(["c"]).unwrap_err().kind(), ErrorKind::Failed);
    }
}
