//! Cuts a byte stream into rows and fields, with the line each row begins on.
//!
//! RFC 4180 with the usual leniency: LF or CRLF, quoted fields that may hold commas, quotes and line breaks, a
//! byte-order mark, a last line without an end, blank lines between. Two things are stricter than in a general
//! reader, because one bad row must not take its neighbours with it: a quote that is not closed by a row of the
//! right width spoils its own line only, and a line longer than [`MAX_ROW`] is passed over.
//! Memory is one fixed buffer, whatever the file holds.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memchr2_iter};

/// The longest row that is read, in bytes.
pub(crate) const MAX_ROW: usize = 64 * 1024;

const BUFFER: usize = 4 * MAX_ROW;

/// Why a row has no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A quote was opened and not closed.
    OpenQuote,
    /// Longer than [`MAX_ROW`].
    TooLong,
}

/// Where a field lies in a row's text.
type Span = (u32, u32);

/// One row, borrowed from the reader.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// The line it begins on; the first of the file is 1.
    pub(crate) line: u64,
    /// Set when there are no fields to look at.
    pub(crate) flaw: Option<Flaw>,
    text: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Row<'a> {
    /// Number of fields.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// A field without the blanks around it; empty beyond the last one.
    #[inline]
    pub(crate) fn field(&self, index: usize) -> &'a [u8] {
        self.spans.get(index).map_or(&[], |&(from, to)| self.text[from as usize..to as usize].trim_ascii())
    }

    /// All fields in a row, or the line as it stands where there is a flaw.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// Reads rows from `R`.
pub(crate) struct Rows<R> {
    input: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    ended: bool,
    at_beginning: bool,
    line: u64,
    width: Option<usize>,
    spans: Vec<Span>,
    unquoted: Vec<u8>,
}

/// A line in the buffer: its length without and with its end.
struct Line {
    length: usize,
    consumed: usize,
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            ended: false,
            at_beginning: true,
            line: 1,
            width: None,
            spans: Vec::new(),
            unquoted: Vec::new(),
        }
    }

    /// Says how many fields a row has: a row over several lines must have as many.
    pub(crate) fn set_width(&mut self, width: usize) {
        self.width = Some(width);
    }

    /// The last line that was read whole.
    pub(crate) fn lines_read(&self) -> u64 {
        self.line - 1
    }

    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// The next row that is not blank.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        if self.at_beginning {
            self.skip_byte_order_mark()?;
        }
        loop {
            let Some(line) = self.next_line()? else { return Ok(None) };
            let number = self.line;
            self.line += 1;
            if line.length > MAX_ROW {
                return self.too_long(number, line).map(Some);
            }
            let from = self.start;
            self.start += line.consumed;
            let text = &self.buffer[from..from + line.length];
            if text.trim_ascii().is_empty() {
                continue;
            }
            self.spans.clear();
            let mut field = 0;
            let mut quoted = false;
            for at in memchr2_iter(b',', b'"', text) {
                if text[at] == b'"' {
                    quoted = true;
                    break;
                }
                self.spans.push((field, at as u32));
                field = at as u32 + 1;
            }
            if quoted {
                return self.quoted_row(number, from, line.length).map(Some);
            }
            self.spans.push((field, text.len() as u32));
            // Sliced anew: the borrow of `text` ends where `self` is used again on the other paths.
            let text = &self.buffer[from..from + line.length];
            return Ok(Some(Row { line: number, flaw: None, text, spans: &self.spans }));
        }
    }

    /// The extent of the line at `start`; more than [`MAX_ROW`] when its end is not in sight.
    #[inline]
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = memchr(b'\n', &unread[searched..]) {
                let newline = searched + at;
                let length = newline - usize::from(newline > 0 && unread[newline - 1] == b'\r');
                return Ok(Some(Line { length, consumed: newline + 1 }));
            }
            let length = unread.len();
            if self.ended {
                return Ok((length > 0).then_some(Line { length, consumed: length }));
            }
            if length > MAX_ROW {
                return Ok(Some(Line { length, consumed: length }));
            }
            searched = length;
            self.fill()?;
        }
    }

    /// Reads once more from the input, behind what is not yet consumed.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    self.ended |= count == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        while !self.ended && self.end < 3 {
            self.fill()?;
        }
        if self.buffer[..self.end].starts_with(b"\xef\xbb\xbf") {
            self.start = 3;
        }
        self.at_beginning = false;
        Ok(())
    }

    /// Passes over a line that is too long; its beginning stands for it.
    fn too_long(&mut self, line: u64, found: Line) -> io::Result<Row<'_>> {
        self.unquoted.clear();
        self.unquoted.extend_from_slice(&self.buffer[self.start..self.start + 100]);
        self.start += found.consumed;
        if self.buffer[self.start - 1] != b'\n' {
            self.skip_to_line_end()?;
        }
        Ok(Row { line, flaw: Some(Flaw::TooLong), text: &self.unquoted, spans: &[] })
    }

    fn skip_to_line_end(&mut self) -> io::Result<()> {
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[self.start..self.end]) {
                self.start += at + 1;
                return Ok(());
            }
            self.start = self.end;
            if self.ended {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// A row with a quote in it, which begins at `from` and whose first line has `length` bytes; that line is
    /// consumed already.
    fn quoted_row(&mut self, line: u64, from: usize, length: usize) -> io::Result<Row<'_>> {
        if split_quoted(&self.buffer[from..from + length], End::Here, &mut self.unquoted, &mut self.spans)
            .is_some()
        {
            return Ok(Row { line, flaw: None, text: &self.unquoted, spans: &self.spans });
        }
        // The quote is open at the end of the line: look further, from the beginning of the row.
        let consumed = self.start - from;
        self.start = from;
        while !self.ended && self.end - self.start < MAX_ROW {
            self.fill()?;
        }
        let (from, reach) = (self.start, self.end.min(self.start + MAX_ROW));
        let end = if self.ended && reach == self.end { End::HereStrict } else { End::BeyondStrict };
        let whole = split_quoted(&self.buffer[from..reach], end, &mut self.unquoted, &mut self.spans);
        if let Some(taken) = whole
            && self.width.is_none_or(|width| width == self.spans.len())
        {
            self.start += taken;
            self.line += memchr_iter(b'\n', &self.buffer[from + consumed..from + taken]).count() as u64;
            return Ok(Row { line, flaw: None, text: &self.unquoted, spans: &self.spans });
        }
        self.start += consumed;
        let text = &self.buffer[from..from + length];
        Ok(Row { line, flaw: Some(Flaw::OpenQuote), text, spans: &[] })
    }
}

/// Where the splitting of a quoted row stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// What the end of the bytes given to [`split_quoted`] means, and how strictly quotes are read. Over several lines
/// nothing may follow a closing quote but a comma or the end: two stray quotes must not make one row of all between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It ends the row.
    Here,
    /// It ends the row; strict.
    HereStrict,
    /// The row may go on; strict.
    BeyondStrict,
}

/// Splits the first row of `bytes` into `text` and `spans` and returns its length with its end; `None` when it has
/// no end here.
fn split_quoted(bytes: &[u8], end: End, text: &mut Vec<u8>, spans: &mut Vec<Span>) -> Option<usize> {
    text.clear();
    spans.clear();
    let mut state = State::FieldStart;
    let mut field = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        state = match (state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::FieldStart, b'"') => State::Quoted,
            (State::Quoted, _) | (State::QuoteInQuoted, b'"') => {
                text.push(byte);
                State::Quoted
            }
            (_, b',') => {
                spans.push((field, text.len() as u32));
                field = text.len() as u32;
                State::FieldStart
            }
            (_, b'\n') => {
                if at > 0 && bytes[at - 1] == b'\r' {
                    text.pop();
                }
                spans.push((field, text.len() as u32));
                return Some(at + 1);
            }
            (State::QuoteInQuoted, _) if end != End::Here && byte != b'\r' => return None,
            _ => {
                text.push(byte);
                State::Plain
            }
        };
    }
    if end == End::BeyondStrict || state == State::Quoted {
        return None;
    }
    spans.push((field, text.len() as u32));
    Some(bytes.len())
}

#[cfg(test)]
mod tests;
