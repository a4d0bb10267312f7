//! The vector units: which there are, and the loops that run on them.
//!
//! Every loop is written once, over the operations of `vector::Simd`, and compiled for each [`InstructionSet`].
//! Sixteen portfolios are one register of 512 bits, two of 256 or four of 128. A lane does the same operations in the
//! same order on each of them, fused multiplications and additions included, so the bits are the same.
//!
//! This is the only module of the crate with unsafe code, of two kinds: the intrinsics, which are sound on a
//! processor that has them, and the calls into functions compiled for an instruction set. Both rest on `Machine`,
//! which only `InstructionSet::machine` makes, after the processor was asked.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod compensated;
mod dispatch;
mod draw;
mod evaluate;
mod fused;
pub mod live;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pass;
mod peak;
mod portable;
mod vector;

pub use compensated::{Compensator, Product};
pub(crate) use dispatch::Machine;
pub(crate) use draw::{Around, Draw, GROUPS, Recipe, Seeds, Spacings};
pub(crate) use evaluate::Triangle;
pub(crate) use pass::Hurdle;
pub use peak::{MultiplyAdds, multiply_adds};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The vector instructions that portfolios are drawn and evaluated with. Results have the same bits under each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstructionSet {
    /// AVX-512 (F, DQ): sixteen lanes a register.
    Avx512,
    /// AVX2 with FMA: eight lanes a register.
    Avx2,
    /// NEON of 64-bit ARM: four lanes a register.
    Neon,
    /// No vector instructions beyond those that the crate was compiled for. Slow where those have no fused
    /// multiplication and addition, which is then computed in software.
    Portable,
}

impl InstructionSet {
    /// The environment variable by which programs around the kernel (never the kernel itself, which is pure) let their
    /// user force an instruction set: `avx512`, `avx2`, `neon` or `portable`.
    pub const VARIABLE: &str = "SILVERBULLET_INSTRUCTION_SET";

    /// Every instruction set, the fastest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];

    /// The fastest that this processor has.
    #[must_use]
    pub fn detect() -> Self {
        Self::ALL.into_iter().find(|set| set.is_available()).unwrap_or(Self::Portable)
    }

    /// Those that this processor has, the fastest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|set| set.is_available()).collect()
    }

    /// Whether this processor has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            Self::Portable => true,
            // Those of other architectures.
            _ => false,
        }
    }

    /// The name used in settings and interfaces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Portable => "portable",
        }
    }

    /// Portfolios in one register.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self {
            Self::Avx512 => 16,
            Self::Avx2 => 8,
            Self::Neon | Self::Portable => 4,
        }
    }

    /// The right to run its code.
    ///
    /// # Errors
    /// An instruction set that this processor does not have.
    pub(crate) fn machine(self) -> Result<Machine> {
        Machine::new(self).ok_or(Error::InstructionSet { name: self.name() })
    }
}

impl std::fmt::Display for InstructionSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::str::FromStr for InstructionSet {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|set| set.name() == name);
        found.ok_or_else(|| format!("{name:?} is no instruction set: avx512, avx2, neon or portable"))
    }
}

#[cfg(test)]
mod tests;
