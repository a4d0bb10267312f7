//! Where threads run, how they give way, and how one is woken without a system call where it is awake.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::Thread;
use std::time::Duration;

/// Looks at an empty ring before a thread sleeps.
const SPINS: u32 = 2_000;
/// Longest sleep: the wake-up of a thread that ends may be missed.
const NAP: Duration = Duration::from_micros(500);

/// Wakes a thread that waits for input, where it sleeps.
#[derive(Debug)]
pub(crate) struct Bell {
    asleep: AtomicBool,
    never_sleeps: bool,
}

impl Bell {
    /// For a thread that sleeps when it has waited a little, or never.
    pub(crate) fn new(never_sleeps: bool) -> Self {
        Self { asleep: AtomicBool::new(false), never_sleeps }
    }

    /// Wakes the thread if it sleeps. To be called after what it waits for is there.
    #[inline]
    pub(crate) fn ring(&self, thread: &Thread) {
        // Either this side sees that the other is about to sleep, or that one sees what is there.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            thread.unpark();
        }
    }

    /// Waits a moment: the first times awake, later asleep until the bell rings. `idle` counts the times since there
    /// was something.
    #[inline]
    pub(crate) fn wait(&self, idle: &mut u32, there_is_something: impl Fn() -> bool) {
        if *idle < SPINS || self.never_sleeps {
            *idle += u32::from(*idle < SPINS);
            std::hint::spin_loop();
            return;
        }
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !there_is_something() {
            std::thread::park_timeout(NAP);
        }
        self.asleep.store(false, Ordering::Relaxed);
    }
}

/// Keeps the calling thread on one core. Where the system does not let it, it runs as it would otherwise, and the log
/// says so.
pub(crate) fn stay_on(core: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut cores = CpuSet::new();
        if core < CpuSet::MAX_CPU {
            cores.set(core);
        }
        if let Err(error) = sched_setaffinity(None, &cores) {
            tracing::warn!(core, %error, "the hot thread is not pinned to its core");
        }
    }
    #[cfg(not(target_os = "linux"))]
    tracing::warn!(core, "threads are pinned to cores on Linux only");
}

/// Lets the calling thread run only where no other wants to: for work in the background. Where the system does not let
/// it, it works at the usual priority.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
            thread_native_id,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_err() {
            tracing::debug!("the refresh thread runs at the usual priority");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_sleeper_is_woken_and_nobody_else_is_called() {
        let (bell, count) = (Arc::new(Bell::new(false)), Arc::new(std::sync::atomic::AtomicU64::new(0)));
        let waiter = {
            let (bell, count) = (Arc::clone(&bell), Arc::clone(&count));
            std::thread::spawn(move || {
                for wanted in 1..=2_000 {
                    let mut idle = 0;
                    while count.load(Ordering::Acquire) < wanted {
                        bell.wait(&mut idle, || count.load(Ordering::Acquire) >= wanted);
                    }
                }
            })
        };
        for _ in 0..2_000 {
            count.fetch_add(1, Ordering::Release);
            bell.ring(waiter.thread());
        }
        waiter.join().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_stays_where_it_is_put_and_gives_way() {
        let places = std::thread::spawn(|| {
            stay_on(0);
            give_way();
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // Fields after the name, of which the scheduling policy is one: five is the idle policy.
            let fields: Vec<String> =
                stat.rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect();
            let cores = rustix::thread::sched_getaffinity(None).unwrap();
            (cores.count(), cores.is_set(0), fields[38].clone())
        });
        assert_eq!(places.join().unwrap(), (1, true, "5".to_owned()));
        stay_on(usize::MAX);
    }
}
