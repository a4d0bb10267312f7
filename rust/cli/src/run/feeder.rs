//! The thread that runs the source, and the limit on its ticks.

use silverbullet_engine::{End, FanOut};
use silverbullet_market::{Input, Sink, Source, SourceError, StopFlag};

/// Runs `source` into the engines to its end, to `limit` ticks, or until `stop` is raised.
pub(crate) fn feed(
    source: &mut dyn Source,
    engines: FanOut,
    limit: Option<u64>,
    stop: &StopFlag,
) -> Result<(), SourceError> {
    let mut sink = Limited { engines, left: limit, stop };
    let result = source.run(&mut sink, stop);
    // Only what came to its own end closes the last bar.
    let end = if result.is_ok() && !stop.is_raised() { End::Input } else { End::Stopped };
    sink.engines.end(end);
    result
}

/// Lets so many ticks through and then raises the flag.
struct Limited<'a, S> {
    engines: S,
    left: Option<u64>,
    stop: &'a StopFlag,
}

impl<S: Sink> Sink for Limited<'_, S> {
    fn push(&mut self, input: Input) {
        if let (Some(left), Input::Tick(_), false) = (&mut self.left, &input, self.engines.hurries()) {
            if *left == 0 {
                return;
            }
            *left -= 1;
            if *left == 0 {
                self.stop.raise();
            }
        }
        self.engines.push(input);
    }

    fn frame(&mut self) {
        if self.left != Some(0) {
            self.engines.frame();
        }
    }

    fn hurries(&self) -> bool {
        self.engines.hurries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silverbullet_market::{AssetId, Event, EventKind, Tick};

    #[derive(Default)]
    struct Count {
        ticks: usize,
        events: usize,
        frames: usize,
    }

    impl Sink for Count {
        fn push(&mut self, input: Input) {
            match input {
                Input::Tick(_) => self.ticks += 1,
                _ => self.events += 1,
            }
        }

        fn frame(&mut self) {
            self.frames += 1;
        }
    }

    #[test]
    fn exactly_as_many_ticks_as_the_limit_pass_and_other_input_is_not_counted() {
        let tick = Tick {
            asset: AssetId(0),
            price: 1.0,
            bid: None,
            ask: None,
            size: None,
            event_time: 0,
            receipt_time: 0,
            venue: 0,
            sequence: None,
            partition: 0,
            offset: 0,
        };
        let event = Event {
            kind: EventKind::Ignored,
            reason: "test",
            detail: String::new(),
            partition: 0,
            offset: 0,
        };
        let stop = StopFlag::default();
        let mut sink = Limited { engines: Count::default(), left: Some(2), stop: &stop };
        for _ in 0..2 {
            assert!(!stop.is_raised());
            sink.frame();
            sink.push(Input::Event(Box::new(event.clone())));
            sink.frame();
            sink.push(Input::Tick(tick));
        }
        assert!(stop.is_raised());
        sink.frame();
        sink.push(Input::Tick(tick));
        assert_eq!((sink.engines.ticks, sink.engines.events, sink.engines.frames), (2, 2, 4));
    }
}
