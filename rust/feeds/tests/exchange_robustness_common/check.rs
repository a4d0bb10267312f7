//! Whether a venue's parser does what is promised of it.

use std::collections::BTreeMap;

use silverbullet_feeds::exchange::{Break, Number, Said, Stream, Venue};
use silverbullet_market::Nanos;

use super::answer::{Answer, Connection, Judged};
use super::memory;
use super::told::Told;

/// Nothing, or what does not hold.
pub(crate) type Check = Result<(), String>;

/// When the first frame is received: November 2023, between the times of the recordings and of the documentation.
const BEGIN: Nanos = 1_700_000_000_000_000_000;
/// From a frame to the next.
const STEP: Nanos = 1_000_000;

/// The longest name of a symbol whose numbers are judged, in bytes.
const LONGEST: usize = 64;

/// What a fault may say of what was found: 80 letters, each ten at most when it is escaped, and a few words.
const DETAIL: usize = 1_000;

/// Memory that a frame of `length` bytes may take: the shortest entry of a list, `{}` and a comma, becomes a value of a
/// hundred bytes or two, in a list that doubles as it grows, and twice where lists are put together.
fn allowed(length: usize) -> usize {
    4_096 + 400 * length
}

/// Checks all that is promised of `new`, a connection to a venue, on `bytes`: frames, one a line.
pub(crate) fn check(new: fn() -> Box<dyn Venue>, bytes: &[u8]) -> Check {
    // A text frame is UTF-8, or never comes this far.
    let text = String::from_utf8_lossy(bytes);
    let frames: Vec<(Nanos, &str)> =
        (0..).map(|number| BEGIN + number * STEP).zip(text.split('\n')).collect();
    let mut venue = new();
    let answers = follow(&mut *venue, &frames);
    judge(&answers).map_err(|(place, fault)| format!("{fault}: frame {place} `{}`", frames[place].1))?;

    let understood: Vec<_> = frames
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.said.is_ok())
        .map(|(&frame, _)| frame)
        .collect();
    let alone = follow(&mut *new(), &understood);
    same(answers.iter().filter(|answer| answer.said.is_ok()), &alone)
        .map_err(|found| format!("without the frames that are not understood, {found}"))?;

    venue.begin();
    same(answers.iter(), &follow(&mut *venue, &frames))
        .map_err(|found| format!("on the next connection, {found}"))?;

    venue.begin();
    for (place, (_, frame)) in frames.iter().enumerate() {
        let peak = memory::peak(|| drop(venue.read(frame, &mut |_| {})));
        if peak > allowed(frame.len()).cast_signed() {
            return Err(format!("{peak} bytes of memory for {} of a frame: frame {place}", frame.len()));
        }
    }
    Ok(())
}

fn follow(venue: &mut dyn Venue, frames: &[(Nanos, &str)]) -> Vec<Answer> {
    let mut connection = Connection::default();
    frames.iter().map(|(receipt, frame)| connection.take(venue, *receipt, frame)).collect()
}

fn same<'a>(expected: impl Iterator<Item = &'a Answer>, found: &[Answer]) -> Check {
    match expected.zip(found).find(|(expected, found)| expected != found) {
        Some((expected, found)) => Err(format!("{found:?} instead of {expected:?}")),
        None => Ok(()),
    }
}

/// What does not hold, and of which frame.
fn judge(answers: &[Answer]) -> Result<(), (usize, String)> {
    let mut seen = Numbers::new();
    for (place, answer) in answers.iter().enumerate() {
        let prices = answer.prices.iter().flatten();
        shape(answer)
            .and_then(|()| prices.clone().try_for_each(|judged| sound(&judged.told)))
            .and_then(|()| prices.clone().try_for_each(|judged| numbered(&mut seen, judged)))
            .map_err(|fault| (place, fault))?;
    }
    Ok(())
}

/// Whether prices come only of a frame that says so, and faults are short.
fn shape(answer: &Answer) -> Check {
    if answer.said != Ok(Said::Prices) && !answer.prices.is_empty() {
        return Err(format!("prices of a frame that is {:?}", answer.said));
    }
    if answer.said.is_err() && answer.found.is_some() {
        return Err(format!("{:?} of a frame that is not understood", answer.found));
    }
    let faults =
        answer.prices.iter().filter_map(|price| price.as_ref().err()).chain(answer.said.as_ref().err());
    match faults.clone().find(|fault| fault.reason.is_empty() || fault.detail.len() > DETAIL) {
        Some(fault) => Err(format!("{} bytes of detail on `{}`", fault.detail.len(), fault.reason)),
        None => Ok(()),
    }
}

/// Whether a price is one.
fn sound(told: &Told) -> Check {
    let sides = [told.bid, told.ask];
    let is_positive = |value: f64| value.is_finite() && value > 0.0;
    let is_between = match sides {
        [Some(bid), Some(ask)] => (bid.min(ask)..=bid.max(ask)).contains(&told.price),
        _ => told.stream == Stream::Trade && sides == [None, None],
    };
    let is_sound = is_positive(told.price)
        && sides.into_iter().flatten().all(is_positive)
        && told.size.is_none_or(|size| size.is_finite() && size >= 0.0)
        && told.time.is_none_or(|time| time > 0);
    if is_sound && is_between { Ok(()) } else { Err(format!("no price: {told:?}")) }
}

/// All numbers that were seen of a symbol and stream since they began anew.
type Numbers = BTreeMap<(String, Stream), Vec<u64>>;

/// Whether what is wrong with a number is what is seen by looking at all that came before.
fn numbered(seen: &mut Numbers, judged: &Judged) -> Check {
    let told = &judged.told;
    let Some(to) = told.number.value() else { return silent(judged) };
    if told.symbol.len() > LONGEST {
        return silent(judged);
    }
    let before = seen.entry((told.symbol.clone(), told.stream)).or_default();
    let expected = before.iter().copied().max().and_then(|from| match told.number {
        _ if from == to => Some(Break::Repeated { number: to }),
        _ if from > to && begins_anew(before, from, to) => Some(Break::Anew { from, to }),
        _ if from > to => Some(Break::Backwards { from, to }),
        Number::Next(_) if to - from > 1 => Some(Break::Missing { from, to }),
        _ => None,
    });
    if matches!(expected, Some(Break::Anew { .. })) {
        before.clear();
    }
    before.push(to);
    if judged.found == expected { Ok(()) } else { Err(format!("not {expected:?}: {judged:?}")) }
}

/// Whether `to` is the third that rises among those below `newest` which came after it.
fn begins_anew(before: &[u64], newest: u64, to: u64) -> bool {
    let first = before.iter().position(|number| *number == newest).unwrap_or(0);
    let behind = before[first..].iter().rev().filter(|number| **number != newest);
    let mut rising: Vec<u64> = std::iter::once(to).chain(behind.copied()).collect();
    let falls = rising.windows(2).position(|pair| pair[0] < pair[1]);
    rising.truncate(falls.map_or(rising.len(), |place| place + 1));
    rising.dedup();
    rising.len() >= 3
}

fn silent(judged: &Judged) -> Check {
    judged.found.map_or(Ok(()), |found| Err(format!("{found:?} without a number: {judged:?}")))
}
