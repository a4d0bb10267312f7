//! One line of a recording, to and fro.

use std::borrow::Cow;
use std::io::Write;

use silverbullet_market::{EventKind, Nanos};

use crate::exchange::{Connection, Step, Told};

/// Kinds of events by the names they have in recordings.
const KINDS: [EventKind; 8] = [
    EventKind::Quarantined,
    EventKind::Ignored,
    EventKind::Gap,
    EventKind::Fallback,
    EventKind::Connection,
    EventKind::Decision,
    EventKind::Command,
    EventKind::Clock,
];

/// What a line says.
#[derive(Debug, PartialEq)]
pub(crate) enum Line<'a> {
    /// A step of a connection that needs no text of its own.
    Step(Connection, Step<'a>),
    /// A frame whose text was quoted.
    Quoted(Connection, String),
    Note(EventKind, String, String),
    Gap(Nanos, Nanos, String),
    LeftOut(u64),
}

/// Appends the line of something that was told at `utc`.
pub(crate) fn write(out: &mut Vec<u8>, utc: Nanos, told: &Told<'_>) {
    // Writing to memory cannot fail.
    let _ = match told {
        Told::Of(Connection { line, number }, step) => {
            let _ = write!(out, "{utc} {line}.{number} ");
            write_step(out, *step)
        }
        Told::Note { kind, reason, detail } => {
            let _ = write!(out, "{utc} - note ");
            json(out, &(kind.name(), reason, detail))
        }
        Told::Gap { from, to, why } => {
            let _ = write!(out, "{utc} - gap ");
            json(out, &(from, to, why))
        }
    };
    out.push(b'\n');
}

/// Appends a line that says how many are missing.
pub(crate) fn write_left_out(out: &mut Vec<u8>, utc: Nanos, count: u64) {
    let _ = writeln!(out, "{utc} - left-out {count}");
}

fn write_step(out: &mut Vec<u8>, step: Step<'_>) -> std::io::Result<()> {
    match step {
        Step::Frame(text) if text.contains('\n') => {
            out.extend_from_slice(b"quoted ");
            json(out, &text)
        }
        Step::Frame(text) => {
            out.extend_from_slice(b"frame ");
            out.write_all(text.as_bytes())
        }
        Step::Binary(length) => write!(out, "binary {length}"),
        Step::Begun { held } => out.write_all(if held { b"held" } else { b"begun" }),
        Step::Answered(time) => write!(out, "answered {time}"),
        Step::Taken => out.write_all(b"taken"),
        Step::Switched => out.write_all(b"switched"),
        Step::Ended => out.write_all(b"ended"),
    }
}

fn json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> std::io::Result<()> {
    serde_json::to_writer(out, value).map_err(Into::into)
}

/// When something was told, and what; `None` of a line that is none.
pub(crate) fn parse(line: &str) -> Option<(Nanos, Line<'_>)> {
    let (utc, rest) = line.split_once(' ')?;
    let (connection, rest) = rest.split_once(' ')?;
    let (kind, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let utc = utc.parse().ok()?;
    let said = match connection {
        "-" => source_wide(kind, rest)?,
        connection => {
            let (line, number) = connection.split_once('.')?;
            let connection = Connection { line: line.parse().ok()?, number: number.parse().ok()? };
            match kind {
                "quoted" => Line::Quoted(connection, serde_json::from_str(rest).ok()?),
                kind => Line::Step(connection, step(kind, rest)?),
            }
        }
    };
    Some((utc, said))
}

fn step<'a>(kind: &str, rest: &'a str) -> Option<Step<'a>> {
    Some(match kind {
        "frame" => Step::Frame(rest),
        "binary" => Step::Binary(rest.parse().ok()?),
        "begun" => Step::Begun { held: false },
        "held" => Step::Begun { held: true },
        "answered" => Step::Answered(rest.parse().ok()?),
        "taken" => Step::Taken,
        "switched" => Step::Switched,
        "ended" => Step::Ended,
        _ => return None,
    })
}

fn source_wide<'a>(kind: &str, rest: &str) -> Option<Line<'a>> {
    Some(match kind {
        "note" => {
            let (kind, reason, detail): (Cow<'_, str>, String, String) = serde_json::from_str(rest).ok()?;
            let kind = KINDS.into_iter().find(|known| known.name() == kind)?;
            Line::Note(kind, reason, detail)
        }
        "gap" => {
            let (from, to, why) = serde_json::from_str(rest).ok()?;
            Line::Gap(from, to, why)
        }
        "left-out" => Line::LeftOut(rest.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHICH: Connection = Connection { line: 1, number: 23 };

    fn written(told: &Told<'_>) -> String {
        let mut out = Vec::new();
        write(&mut out, 17, told);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        text.trim_end_matches('\n').to_owned()
    }

    #[test]
    fn a_step_reads_back_as_it_was() {
        for (step, expected) in [
            (Step::Begun { held: false }, "begun"),
            (Step::Begun { held: true }, "held"),
            (Step::Answered(-5), "answered -5"),
            (Step::Frame(r#"{"a": "x y"}"#), r#"frame {"a": "x y"}"#),
            (Step::Frame(" \r"), "frame  \r"),
            (Step::Frame(""), "frame "),
            (Step::Binary(9), "binary 9"),
            (Step::Taken, "taken"),
            (Step::Switched, "switched"),
            (Step::Ended, "ended"),
        ] {
            let line = written(&Told::Of(WHICH, step));
            assert_eq!(line, format!("17 1.23 {expected}"));
            assert_eq!(parse(&line), Some((17, Line::Step(WHICH, step))));
        }
    }

    #[test]
    fn what_has_line_ends_is_quoted() {
        let line = written(&Told::Of(WHICH, Step::Frame("a\nb")));
        assert_eq!(line, r#"17 1.23 quoted "a\nb""#);
        assert_eq!(parse(&line), Some((17, Line::Quoted(WHICH, "a\nb".into()))));
        let note = Told::Note { kind: EventKind::Clock, reason: "r", detail: "d\n\"e\"" };
        let expected = Line::Note(EventKind::Clock, "r".into(), "d\n\"e\"".into());
        assert_eq!(parse(&written(&note)), Some((17, expected)));
        let gap = Told::Gap { from: 1, to: 2, why: "x" };
        assert_eq!(parse(&written(&gap)), Some((17, Line::Gap(1, 2, "x".into()))));
        let mut out = Vec::new();
        write_left_out(&mut out, 3, 4);
        assert_eq!(parse(std::str::from_utf8(&out).unwrap().trim_end()), Some((3, Line::LeftOut(4))));
    }

    #[test]
    fn every_kind_of_event_is_known_by_its_name() {
        for kind in KINDS {
            let line = written(&Told::Note { kind, reason: "", detail: "" });
            assert_eq!(parse(&line), Some((17, Line::Note(kind, String::new(), String::new()))));
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "17",
            "x 0.0 taken",
            "17 0 taken",
            "17 0.0 given",
            "17 - note []",
            "17 - gap",
            "17 0.0 answered x",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
