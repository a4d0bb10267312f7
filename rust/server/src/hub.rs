//! One universe as everyone who asks sees it: what takes work to form is formed once and shared.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use silverbullet_engine::live::LiveState;
use silverbullet_engine::scene::Scene;
use silverbullet_market::{Clock, Nanos};

use crate::frames::{self, Pictures, Update};
use crate::meters::Meters;

/// A scene is this long good for everyone: 15 a second at most.
const SCENE_TIME: Nanos = 66_666_667;
/// An update is this long good for everyone: a little less than the shortest time between two of a client.
const UPDATE_TIME: Nanos = 12_000_000;

/// What is formed at most once in a while.
#[derive(Debug)]
struct Formed<T> {
    /// How many publications there were.
    published: u64,
    /// On the monotonic clock.
    at: Nanos,
    value: T,
}

impl<T> Formed<T> {
    /// Nothing newer can be formed, or it is too early to.
    fn is_good(&self, published: u64, now: Nanos, time: Nanos) -> bool {
        self.published == published || now.saturating_sub(self.at) < time
    }
}

/// One universe's engine, with what has been formed from it.
pub(crate) struct Hub {
    pub(crate) live: Arc<LiveState>,
    clock: Arc<dyn Clock>,
    scene: tokio::sync::Mutex<Option<Formed<Option<Arc<Drawn>>>>>,
    update: Mutex<Option<Formed<Arc<Update>>>>,
}

/// A scene, and what clients of the stream are sent of it.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) scene: Scene,
    pictures: OnceLock<Option<Pictures>>,
}

impl Drawn {
    /// Messages of the stream; encoded for the first who asks. `None` where that fails, which is logged.
    pub(crate) fn pictures(&self, live: &LiveState) -> Option<&Pictures> {
        let form = || {
            Pictures::new(live, &self.scene)
                .inspect_err(|error| tracing::error!(%error, "a scene could not be encoded"))
                .ok()
        };
        self.pictures.get_or_init(form).as_ref()
    }
}

impl Hub {
    pub(crate) fn new(live: Arc<LiveState>, clock: Arc<dyn Clock>) -> Self {
        Self { live, clock, scene: tokio::sync::Mutex::default(), update: Mutex::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.live.universe.name
    }

    /// The newest scene, at most [`SCENE_TIME`] old where there are publications; `None` before the first.
    pub(crate) async fn scene(&self, meters: &Meters) -> Option<Arc<Drawn>> {
        // Whoever comes meanwhile waits here for the one that is being formed.
        let mut formed = self.scene.lock().await;
        let (published, now) = (self.live.latest.published(), self.clock.monotonic());
        if let Some(known) = formed.as_ref()
            && known.is_good(published, now, SCENE_TIME)
        {
            return known.value.clone();
        }
        let live = Arc::clone(&self.live);
        // It takes as long as a frontier takes: not on the threads that others wait for.
        let scene = tokio::task::spawn_blocking(move || live.scene()).await.ok().flatten();
        let took = self.clock.monotonic().saturating_sub(now).max(0).unsigned_abs();
        meters.scene_seconds.observe(Duration::from_nanos(took).as_secs_f64());
        let value = scene.map(|scene| Arc::new(Drawn { scene, pictures: OnceLock::new() }));
        *formed = Some(Formed { published, at: now, value: value.clone() });
        value
    }

    /// The newest publication as messages of the stream; `None` before the first.
    pub(crate) fn update(&self) -> Option<Arc<Update>> {
        let mut formed = self.update.lock().unwrap_or_else(PoisonError::into_inner);
        let (published, now) = (self.live.latest.published(), self.clock.monotonic());
        if let Some(known) = formed.as_ref()
            && known.is_good(published, now, UPDATE_TIME)
        {
            return Some(Arc::clone(&known.value));
        }
        let publication = self.live.publication()?;
        let update = frames::update(&self.live, &publication)
            .inspect_err(|error| tracing::error!(%error, "an update could not be encoded"))
            .ok()?;
        let update = Arc::new(update);
        *formed = Some(Formed { published, at: now, value: Arc::clone(&update) });
        Some(update)
    }
}
