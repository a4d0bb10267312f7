//! What was delivered to whom.

/// One connection, as the exchange saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Frames of prices that were sent, by their place in the market, and by how many hours their times were moved.
    pub frames: Vec<(usize, i64)>,
    /// Frames that asked for prices.
    pub requests: usize,
    /// Texts that were sent to keep the connection alive.
    pub kept_alive: usize,
    /// Pongs that came.
    pub pongs: usize,
    /// Whether the other side has said goodbye.
    pub goodbye: bool,
    /// Whether the answer was another one than a WebSocket.
    pub turned_away: bool,
}

/// All connections, in the order they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log(pub Vec<Delivered>);

impl Log {
    /// Frames that were delivered on any connection, each once, in order.
    #[must_use]
    pub fn frames(&self) -> Vec<(usize, i64)> {
        let mut all: Vec<(usize, i64)> =
            self.0.iter().flat_map(|delivered| delivered.frames.iter().copied()).collect();
        all.sort_unstable();
        all.dedup_by_key(|&mut (place, _)| place);
        all
    }
}
