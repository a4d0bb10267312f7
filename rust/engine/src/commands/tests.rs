//! What commands mean one after the other, and which are refused.

use super::*;
use crate::fixtures::{settings, universe};

fn bounds(pairs: &[(&str, f64, f64)]) -> Command {
    Command::Bounds(pairs.iter().map(|&(asset, l, u)| (asset.to_owned(), [l, u])).collect())
}

fn holdings(pairs: &[(&str, f64)]) -> Command {
    Command::Holdings(pairs.iter().map(|&(asset, weight)| (asset.to_owned(), weight)).collect())
}

fn entry(sequence: u64, bar: i64, command: Command) -> Entry {
    Entry { sequence, bar, taken: 0, command }
}

#[test]
fn commands_are_read_as_they_are_written() {
    for (text, command) in [
        (r#"{"command":"bounds","bounds":{"A0":[0.0,0.3]}}"#, bounds(&[("A0", 0.0, 0.3)])),
        (r#"{"command":"holdings","holdings":{"A0":0.1,"A1":0.9}}"#, holdings(&[("A0", 0.1), ("A1", 0.9)])),
        (r#"{"command":"pause"}"#, Command::Pause),
        (r#"{"command":"resume"}"#, Command::Resume),
    ] {
        assert_eq!(Command::from_json(text.as_bytes()).unwrap(), command);
        let entry = entry(3, -7, command);
        assert_eq!(Entry::from_json(&entry.to_json()).unwrap(), entry);
        assert!(entry.to_json().contains(text));
    }
    for wrong in
        ["", "{}", r#"{"command":"stop"}"#, r#"{"command":"pause","bar":3}"#, r#"{"command":"bounds"}"#]
    {
        let error = Command::from_json(wrong.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(r#"{"command":"pause"}"#), "{error}");
    }
    assert!(Command::from_json(br#"{"command":"bounds","bounds":{"A0":[0.0,1e999]}}"#).is_err());
}

#[test]
fn each_takes_effect_at_its_bar_in_the_order_of_bars_and_numbers() {
    let mut state = CommandState::default();
    state.add(entry(1, 20, bounds(&[("A0", 0.0, 0.4)])));
    state.add(entry(2, 20, bounds(&[("A0", 0.0, 0.5), ("A1", 0.1, 0.6)])));
    state.add(entry(3, 10, Command::Pause));
    assert_eq!(state.sequence, 3);
    assert!(!state.is_due(9) && state.advance(9).is_empty() && !state.paused);
    assert!(state.is_due(10));
    assert_eq!(state.advance(12).len(), 1);
    assert!(state.paused && state.bounds.is_empty());
    let numbers: Vec<u64> = state.advance(20).iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(state.bounds["A0"], [0.0, 0.5], "the later one");
    state.add(entry(4, 21, bounds(&[])));
    state.add(entry(5, 21, Command::Resume));
    state.advance(21);
    assert!(state.bounds.is_empty() && !state.paused);
}

#[test]
fn terms_are_those_of_the_settings_but_for_what_was_commanded() {
    let universe = universe(3, &settings());
    let mut state = CommandState::default();
    assert_eq!(state.terms(&universe).holdings, None);
    state.apply(&bounds(&[("A1", 0.1, 0.3)]));
    state.apply(&holdings(&[("A2", 0.25), ("A0", 0.75)]));
    let terms = state.terms(&universe);
    assert_eq!((terms.lower, terms.upper), (vec![0.0, 0.1, 0.0], vec![1.0, 0.3, 1.0]));
    let held: Vec<f64> = terms.holdings.unwrap().0.into_iter().map(|(_, weight)| weight).collect();
    assert_eq!(held, [0.75, 0.0, 0.25]);
    state.apply(&holdings(&[]));
    assert_eq!(state.terms(&universe).holdings, None);
}

#[test]
fn what_cannot_be_followed_is_refused_with_what_is_wrong() {
    let universe = universe(3, &settings());
    let mut state = CommandState::default();
    let says = |state: &CommandState, command: Command, part: &str| {
        let error = state.check(&universe, &command).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    says(&state, bounds(&[("DOGE", 0.0, 1.0)]), "\"DOGE\"; there are A0, A1, A2");
    says(&state, bounds(&[("A0", 0.5, 0.4)]), "lower 0.5 is above upper 0.4");
    says(&state, bounds(&[("A0", 0.0, f64::INFINITY)]), "finite");
    says(&state, bounds(&[("A0", 0.0, 0.25), ("A1", 0.0, 0.25), ("A2", 0.0, 0.25)]), "sum to 0.75");
    says(&state, holdings(&[("A0", 0.5)]), "sum to 0.5");
    says(&state, holdings(&[("A0", f64::NAN), ("A1", 1.0)]), "finite");
    says(&state, holdings(&[("X", 1.0)]), "\"X\"");
    // Each of two may be met by itself and both together not.
    state.add(entry(1, 100, bounds(&[("A0", 0.0, 0.25), ("A1", 0.0, 0.25)])));
    says(&state, bounds(&[("A2", 0.0, 0.25)]), "sum to 0.75");
    assert!(state.check(&universe, &bounds(&[])).is_ok());
    assert!(state.check(&universe, &holdings(&[])).is_ok());
    assert!(state.check(&universe, &Command::Resume).is_ok());
}
