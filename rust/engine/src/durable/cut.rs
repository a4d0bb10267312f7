//! Consistent cuts: who asks for one, and what the hot thread contributes to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use silverbullet_market::Assembly;

/// Asks for a cut after the next final bar. Clones share one request.
#[derive(Debug, Clone)]
pub struct CutRequest(Vec<Arc<AtomicBool>>);

impl Default for CutRequest {
    fn default() -> Self {
        Self(vec![Arc::default()])
    }
}

impl CutRequest {
    /// A request that is raised when any of `requests` is; raising it raises all of them.
    #[must_use]
    pub fn any_of(requests: impl IntoIterator<Item = Self>) -> Self {
        Self(requests.into_iter().flat_map(|request| request.0).collect())
    }

    /// Asks for a cut.
    pub fn raise(&self) {
        self.0.iter().for_each(|flag| flag.store(true, Ordering::Release));
    }

    /// Whether a cut was asked for since the last look; this look takes the request back.
    #[must_use]
    pub fn take(&self) -> bool {
        // Every flag is taken back, not only the first one found.
        let raised = self.0.iter().filter(|flag| flag.load(Ordering::Relaxed));
        raised.filter(|flag| flag.swap(false, Ordering::AcqRel)).count() > 0
    }
}

/// The hot thread's part of a checkpoint. The sequencer adds its window and the writer what was written.
#[derive(Debug)]
pub struct Cut {
    pub(crate) inputs: u64,
    pub(crate) bar: Option<i64>,
    pub(crate) complete: bool,
    pub(crate) offsets: BTreeMap<u32, u64>,
    pub(crate) assembly: Assembly,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once_whoever_raised_it() {
        let (mine, yours) = (CutRequest::default(), CutRequest::default());
        let either = CutRequest::any_of([mine.clone(), yours.clone()]);
        assert!(!either.take());
        yours.raise();
        assert!(either.take() && !either.take() && !yours.take());
        mine.raise();
        yours.raise();
        assert!(either.take() && !mine.take() && !yours.take());
        assert!(!CutRequest::any_of([]).take());
    }
}
