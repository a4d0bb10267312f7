//! What happens when a thread does not end well.

use crate::error::Result;

/// `body`, with `then` called when it fails or panics.
pub(crate) fn on_failure<T>(
    body: impl FnOnce() -> Result<T>,
    then: impl FnOnce(),
) -> impl FnOnce() -> Result<T> {
    move || {
        let mut alarm = Alarm(Some(then));
        let outcome = body();
        if outcome.is_ok() {
            alarm.0 = None;
        }
        outcome
    }
}

/// Goes off when it is dropped, by an early return or by a panic.
struct Alarm<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Alarm<F> {
    fn drop(&mut self) {
        if let Some(then) = self.0.take() {
            then();
        }
    }
}
