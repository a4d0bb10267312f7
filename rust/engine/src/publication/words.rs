//! A publication as a row of atomic words of fixed places, so that it can be copied while it changes without a lock.
//!
//! Numbers are their bits, absent ones NaN. Written and read word by word in the same order; where one side is shorter
//! than the other the rest is left alone.

use std::sync::atomic::{AtomicU64, Ordering};

use silverbullet_kernel::{Fallback, Label, Method, Objective};

use super::{Answer, Publication, Trigger};

/// Words before the assets.
const HEAD: usize = 13;
/// Words of an answer before its weights.
const ANSWER_HEAD: usize = 7;
/// Assets whose eligibility fits a word.
const BITS: usize = 64;
/// Assets whose venues fit a word.
const VENUES: usize = 4;

/// How many words a publication takes.
pub(crate) fn count(assets: usize, answers: usize) -> usize {
    HEAD + 3 * assets + assets.div_ceil(VENUES) + assets.div_ceil(BITS) + answers * (ANSWER_HEAD + assets)
}

/// Writes all of `publication` to `words`.
pub(crate) fn write(publication: &Publication, words: &[AtomicU64]) {
    let mut to = words.iter();
    let mut put = |word: u64| {
        if let Some(place) = to.next() {
            place.store(word, Ordering::Relaxed);
        }
    };
    let (kind, trigger) = match publication.trigger {
        Trigger::None => (0, 0),
        Trigger::Tick(position) => (1, position as u64),
        Trigger::BarClose(bar) => (2, bar.cast_unsigned()),
    };
    let stamps = publication.stamps;
    for word in [publication.sequence, publication.event_time.cast_unsigned(), kind, trigger] {
        put(word);
    }
    put(publication.bar.cast_unsigned());
    for stamp in [stamps.received, stamps.dequeued, stamps.computed, stamps.published] {
        put(stamp.cast_unsigned());
    }
    put(bits(publication.condition_number));
    put(publication.answered as u64);
    put(publication.skipped);
    put(publication.answers.len() as u64);
    publication.prices.iter().for_each(|price| put(price.to_bits()));
    for venues in publication.venues.chunks(VENUES) {
        put(venues.iter().rev().fold(0, |word, &venue| word << 16 | u64::from(venue)));
    }
    publication.tick_times.iter().for_each(|time| put(time.cast_unsigned()));
    publication.closes.iter().for_each(|close| put(close.to_bits()));
    for assets in publication.eligible.chunks(BITS) {
        put(assets.iter().rev().fold(0, |word, &eligible| word << 1 | u64::from(eligible)));
    }
    for answer in publication.portfolios() {
        put(answer.objective as u64);
        put(answer.method as u64);
        put(code_of(answer.label));
        put(answer.mean.to_bits());
        put(answer.risk.to_bits());
        put(bits(answer.sharpe));
        put(bits(answer.gap));
        answer.weights.iter().for_each(|weight| put(weight.to_bits()));
    }
}

/// Reads all of `words` into `publication`. What is read while it is written makes no sense, but does no harm.
pub(crate) fn read(words: &[AtomicU64], publication: &mut Publication) {
    let mut from = words.iter();
    let mut take = || from.next().map_or(0, |place| place.load(Ordering::Relaxed));
    publication.sequence = take();
    publication.event_time = take().cast_signed();
    publication.trigger = match (take(), take()) {
        (1, position) => Trigger::Tick(usize::try_from(position).unwrap_or_default()),
        (2, bar) => Trigger::BarClose(bar.cast_signed()),
        _ => Trigger::None,
    };
    publication.bar = take().cast_signed();
    let stamps = &mut publication.stamps;
    for stamp in [&mut stamps.received, &mut stamps.dequeued, &mut stamps.computed, &mut stamps.published] {
        *stamp = take().cast_signed();
    }
    publication.condition_number = number(take());
    publication.answered = usize::try_from(take()).unwrap_or_default();
    publication.skipped = take();
    let _ = take();
    publication.prices.iter_mut().for_each(|price| *price = f64::from_bits(take()));
    for venues in publication.venues.chunks_mut(VENUES) {
        let word = take();
        for (place, venue) in venues.iter_mut().enumerate() {
            *venue = (word >> (16 * place)) as u16;
        }
    }
    publication.tick_times.iter_mut().for_each(|time| *time = take().cast_signed());
    publication.closes.iter_mut().for_each(|close| *close = f64::from_bits(take()));
    for assets in publication.eligible.chunks_mut(BITS) {
        let word = take();
        for (place, eligible) in assets.iter_mut().enumerate() {
            *eligible = word >> place & 1 == 1;
        }
    }
    let answered = publication.answered;
    for answer in publication.answers.iter_mut().take(answered) {
        read_answer(answer, &mut take);
    }
}

fn read_answer(answer: &mut Answer, take: &mut impl FnMut() -> u64) {
    answer.objective = named(&Objective::ALL, take(), Objective::MaxSharpe);
    answer.method = named(&METHODS, take(), Method::Exact);
    answer.label = named(&LABELS, take(), Label::Ok);
    answer.mean = f64::from_bits(take());
    answer.risk = f64::from_bits(take());
    answer.sharpe = number(take());
    answer.gap = number(take());
    answer.weights.iter_mut().for_each(|weight| *weight = f64::from_bits(take()));
}

const METHODS: [Method; 3] = [Method::Exact, Method::MonteCarlo, Method::Baseline];

/// Every label at its code.
const LABELS: [Label; 9] = [
    Label::Ok,
    Label::Fallback(Fallback::NoPositiveExcessMean),
    Label::Fallback(Fallback::Singular),
    Label::Fallback(Fallback::SingleAsset),
    Label::Fallback(Fallback::ZeroVariance),
    Label::Fallback(Fallback::NoEligibleAsset),
    Label::Fallback(Fallback::InfeasibleBounds),
    Label::Fallback(Fallback::NotConverged),
    Label::Fallback(Fallback::ObjectiveNotLive),
];

fn code_of(label: Label) -> u64 {
    match label {
        Label::Ok => 0,
        Label::Fallback(reason) => reason as u64 + 1,
    }
}

fn named<T: Copy>(all: &[T], code: u64, other: T) -> T {
    usize::try_from(code).ok().and_then(|code| all.get(code)).copied().unwrap_or(other)
}

fn bits(number: Option<f64>) -> u64 {
    number.unwrap_or(f64::NAN).to_bits()
}

fn number(bits: u64) -> Option<f64> {
    Some(f64::from_bits(bits)).filter(|number| !number.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_is_read() {
        let assets = 70;
        let answers = LABELS.len();
        let mut publication = Publication::with_capacity(assets, answers);
        publication.sequence = 7;
        publication.event_time = -3;
        publication.trigger = Trigger::BarClose(-5);
        publication.bar = 9;
        publication.skipped = 11;
        publication.stamps = crate::Stamps { received: 1, dequeued: 2, computed: 3, published: 4 };
        publication.condition_number = Some(12.5);
        publication.answered = answers;
        for (place, label) in LABELS.into_iter().enumerate() {
            let answer = &mut publication.answers[place];
            answer.label = label;
            answer.objective = Objective::ALL[place];
            answer.method = METHODS[place % 3];
            answer.weights[place] = place as f64;
            (answer.mean, answer.risk) = (1.0, 2.0);
            (answer.sharpe, answer.gap) = ((place % 2 == 0).then_some(0.5), (place % 3 == 0).then_some(0.0));
        }
        for asset in 0..assets {
            publication.eligible[asset] = asset % 3 == 1;
            publication.tick_times[asset] = asset as i64 - 5;
            publication.venues[asset] = if asset % 5 == 0 { crate::NO_VENUE } else { asset as u16 };
            (publication.prices[asset], publication.closes[asset]) = (asset as f64, -(asset as f64));
        }
        for trigger in [Trigger::None, Trigger::Tick(69), Trigger::BarClose(-5)] {
            publication.trigger = trigger;
            let words: Vec<AtomicU64> =
                (0..count(assets, answers)).map(|_| AtomicU64::new(u64::MAX)).collect();
            write(&publication, &words);
            let mut seen = Publication::with_capacity(assets, answers);
            read(&words, &mut seen);
            assert_eq!(seen, publication);
            assert_ne!(words.last().unwrap().load(Ordering::Relaxed), u64::MAX, "the last word is used");
        }
    }
}
