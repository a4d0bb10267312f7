//! Where threads run, how they give way, and how one is woken without a system call where it is awake.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::Thread;
use std::time::Duration;

use silverbullet_market::{Clock, Nanos, SystemClock};

/// How long a thread stays awake for its next input at most.
const LONGEST: Nanos = 100_000;
/// The same where inputs never come so soon: a small part of what waking it takes.
const SHORTEST: Nanos = 3_000;
/// Longest sleep: the wake-up of a thread that ends may be missed.
const NAP: Duration = Duration::from_micros(500);

/// How long a thread stays awake for its next input: twice as long after each that came soon, half as long after each that
/// did not. A source that sends every few microseconds finds it awake; one that sends every millisecond leaves the core
/// to those it needs itself.
#[derive(Debug)]
pub(crate) struct Patience {
    /// When it began to wait.
    since: Option<Nanos>,
    most: Nanos,
}

impl Default for Patience {
    fn default() -> Self {
        Self { since: None, most: LONGEST }
    }
}

impl Patience {
    /// There is something.
    #[inline]
    pub(crate) fn found(&mut self) {
        if let Some(since) = self.since.take() {
            self.learn(SystemClock.monotonic() - since);
        }
    }

    /// So long it took. Whether it was still awake then does not matter: it might have been.
    fn learn(&mut self, waited: Nanos) {
        self.most =
            if waited < LONGEST { (2 * self.most).min(LONGEST) } else { (self.most / 2).max(SHORTEST) };
    }

    /// There is nothing at this time; whether to look again at once.
    #[inline]
    fn lasts(&mut self, now: Nanos) -> bool {
        now - *self.since.get_or_insert(now) < self.most
    }
}

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

    /// Waits a moment: the first times awake, later asleep until the bell rings.
    #[inline]
    pub(crate) fn wait(&self, patience: &mut Patience, there_is_something: impl Fn() -> bool) {
        if self.never_sleeps || patience.lasts(SystemClock.monotonic()) {
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
                    let mut patience = Patience::default();
                    while count.load(Ordering::Acquire) < wanted {
                        bell.wait(&mut patience, || count.load(Ordering::Acquire) >= wanted);
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

    #[test]
    fn who_waits_long_looks_less_and_who_finds_soon_looks_longer() {
        let awake = |patience: &mut Patience| {
            patience.since = None;
            (0..).find(|&now| !patience.lasts(now)).unwrap()
        };
        let mut patience = Patience::default();
        let mut most = LONGEST;
        for _ in 0..10 {
            assert_eq!(awake(&mut patience), most);
            patience.learn(LONGEST);
            most = (most / 2).max(SHORTEST);
        }
        assert_eq!(most, SHORTEST);
        // Longer than it was awake, but not long.
        for _ in 0..10 {
            patience.learn(LONGEST / 2);
        }
        assert_eq!(awake(&mut patience), LONGEST);
        // What comes without being waited for says nothing.
        patience.since = None;
        patience.most = SHORTEST;
        patience.found();
        assert_eq!(awake(&mut patience), SHORTEST);
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
