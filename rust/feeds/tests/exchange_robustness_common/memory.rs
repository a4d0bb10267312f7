//! An allocator that knows how much of its memory a thread holds.
//!
//! Whoever has this module has the allocator: what is measured cannot be left out.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that are held, and the most that were since somebody began to look. Of a thread that releases what another
    /// has asked for it is a negative number.
    static HELD: Cell<[isize; 2]> = const { Cell::new([0; 2]) };
}

/// The system's allocator, with an account.
struct Accounting;

#[global_allocator]
static ALLOCATOR: Accounting = Accounting;

fn account(bytes: isize) {
    let _ = HELD.try_with(|held| {
        let [now, most] = held.get();
        held.set([now + bytes, most.max(now + bytes)]);
    });
}

// SAFETY: everything is passed on to the system's allocator as it is; no block has more bytes than an `isize` counts.
unsafe impl GlobalAlloc for Accounting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        account(layout.size().cast_signed());
        // SAFETY: the caller keeps to what the trait asks of it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        account(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes that this thread holds.
pub(crate) fn held() -> isize {
    HELD.get()[0]
}

/// The most bytes that this thread held while something was done, beyond those it held before.
pub(crate) fn peak(done: impl FnOnce()) -> isize {
    let before = held();
    HELD.set([before; 2]);
    done();
    HELD.get()[1] - before
}
