//! What the thread that reads frames asks the system's allocator for, once every symbol has been seen: nothing.
//!
//! In a program of its own, because the allocator is one for all threads: it counts for the thread that is told to.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod exchange_frames;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use exchange_frames::{Frames, VENUES};
use silverbullet_feeds::exchange::{Continuity, Said, Skew, Venue};

thread_local! {
    /// Allocations and releases of this thread since it began to count; none while it does not.
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The system's allocator, with a count.
struct Counting;

fn count() {
    let _ = COUNT.try_with(|count| count.set(count.get().map(|count| count + 1)));
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to what the trait asks of it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and releases of what is done.
fn counted(done: impl FnOnce()) -> u64 {
    COUNT.set(Some(0));
    done();
    COUNT.replace(None).unwrap()
}

/// Reads all frames; gives how many prices were in them.
fn read(venue: &mut dyn Venue, frames: &[&str], continuity: &mut Continuity, skew: &mut Skew) -> usize {
    let mut prices = 0;
    for frame in frames {
        let said = venue.read(frame, &mut |print| {
            let print = print.unwrap();
            continuity.look(&print);
            print.time.map(|time| skew.look(1_700_000_000_000_000_000, time));
            prices += 1;
        });
        assert!(
            matches!(said, Ok(Said::Prices | Said::Other("before the subscription"))),
            "{said:?}: {frame}"
        );
        venue.frame_break();
    }
    prices
}

#[test]
fn a_frame_with_prices_of_an_exchange_allocates_nothing() {
    for Frames { new, prices: frames, .. } in VENUES {
        let mut venue = new();
        let (mut continuity, mut skew) = (Continuity::default(), Skew::default());
        // Names are kept: by the venue the first time, and where that price is of before, by the judge the second.
        for _ in 0..2 {
            read(&mut *venue, frames, &mut continuity, &mut skew);
        }
        let mut prices = 0;
        let count = counted(|| prices = read(&mut *venue, frames, &mut continuity, &mut skew));
        assert!(prices >= frames.len(), "{}: {prices} prices", venue.name());
        assert_eq!(count, 0, "{}", venue.name());
    }
    assert_eq!(counted(|| drop(std::hint::black_box(vec![1]))), 2, "what is done is counted");
}
