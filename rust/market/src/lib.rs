//! Ticks, universes, bars, return windows and their moments.
pub mod admission;
pub mod assembly;
pub mod bar;
pub mod batch;
pub mod clock;
pub mod duration;
pub mod moments;
pub mod source;
pub mod tick;
pub mod universe;
pub mod window;

pub use admission::{Admission, Admitted};
pub use assembly::{Assembly, Step};
pub use bar::{AssetBar, BarBuilder, FinalBar, Placement, Ready, bar_number};
pub use clock::{Clock, ManualClock, Nanos, SECOND, SystemClock};
pub use duration::{format_duration, parse_duration};
pub use source::{Sink, Source, SourceDescription, SourceError, StopFlag};
pub use tick::{AssetId, Event, EventKind, HistoryBar, Input, OrderKey, Tick};
pub use universe::{Universe, UniverseError, UniverseSettings};
pub use window::ReturnWindow;
