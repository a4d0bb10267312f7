//! What can go wrong on a connection.

use std::str::FromStr;

/// What goes wrong with one connection, after some frames of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Everything comes a tenth of a second later than on others.
    Late,
    /// Nothing is said any more, not even pong.
    Silence,
    /// Neither read nor written any more, as if the other machine was gone.
    HalfOpen,
    /// Reset (RST).
    Reset,
    /// Closed with this code.
    Close(u16),
    /// A byte at a time for a few frames.
    Drip,
    /// Messages in several frames each.
    Fragmented,
    /// A frame marked as compressed.
    Compressed,
    /// An extension in the answer that was not asked for.
    Extension,
    /// A frame of two megabytes.
    Oversized,
    /// A frame that is not JSON, one cut short, and one that is no text.
    WrongJson,
    /// Frames that are sent twice.
    Repeated,
    /// A frame that is left out.
    Skipped,
    /// The venue's clock is so many hours off from then on.
    Skewed(i64),
    /// Two thousand frames at once.
    Burst,
    /// The venue says that it shuts down, and does.
    Shutdown,
    /// An answer with this status instead of a WebSocket, and seconds to stay away where that is not zero.
    Http(u16, u32),
    /// What is asked for is refused.
    Refused,
}

impl Fault {
    /// Each of them that something is wrong with, once.
    pub const ALL: [Self; 20] = [
        Self::Silence,
        Self::HalfOpen,
        Self::Reset,
        Self::Close(1001),
        Self::Close(1011),
        Self::Drip,
        Self::Fragmented,
        Self::Compressed,
        Self::Extension,
        Self::Oversized,
        Self::WrongJson,
        Self::Repeated,
        Self::Skipped,
        Self::Skewed(1),
        Self::Skewed(-1),
        Self::Burst,
        Self::Shutdown,
        Self::Http(429, 1),
        Self::Http(503, 0),
        Self::Refused,
    ];

    /// The name it has on the command line.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self {
            Self::Close(code) => return format!("close:{code}"),
            Self::Skewed(hours) => return format!("skewed:{hours}"),
            Self::Http(status, 0) => return format!("http:{status}"),
            Self::Http(status, seconds) => return format!("http:{status}:{seconds}"),
            Self::None => "none",
            Self::Late => "late",
            Self::Silence => "silence",
            Self::HalfOpen => "half-open",
            Self::Reset => "reset",
            Self::Drip => "drip",
            Self::Fragmented => "fragmented",
            Self::Compressed => "compressed",
            Self::Extension => "extension",
            Self::Oversized => "oversized",
            Self::WrongJson => "wrong-json",
            Self::Repeated => "repeated",
            Self::Skipped => "skipped",
            Self::Burst => "burst",
            Self::Shutdown => "shutdown",
            Self::Refused => "refused",
        };
        name.to_owned()
    }
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Some(code) = text.strip_prefix("close:") {
            return Ok(Self::Close(code.parse()?));
        }
        if let Some(hours) = text.strip_prefix("skewed:") {
            return Ok(Self::Skewed(hours.parse()?));
        }
        if let Some(answer) = text.strip_prefix("http:") {
            let (status, seconds) = answer.split_once(':').unwrap_or((answer, "0"));
            return Ok(Self::Http(status.parse()?, seconds.parse()?));
        }
        let all = [Self::None, Self::Late].into_iter().chain(Self::ALL);
        let names: Vec<String> = all.clone().map(Self::name).collect();
        let found = all.zip(&names).find(|(_, name)| *name == text).map(|(fault, _)| fault);
        found.ok_or_else(|| anyhow::anyhow!("{text:?} is none of {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_by_its_name() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse::<Fault>().unwrap(), fault);
        }
        assert!("sleep".parse::<Fault>().unwrap_err().to_string().contains("half-open"));
    }
}
