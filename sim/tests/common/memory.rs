//! The memory behind the port, as a seed makes it.

use isa::random::Rng;
use sim::{DramConfig, RtlEngine};

/// Gives a machine the memory of a seed, from the next run on; one in four runs with every part's clock.
pub(crate) fn set(engine: &mut RtlEngine, seed: u64) {
    engine.set_dram(dram(seed));
    engine.set_base_row(base_row(seed));
    engine.set_clock_gating(seed % 4 != 3);
}

/// One in three answers at full speed.
pub(crate) fn dram(seed: u64) -> DramConfig {
    let mut rng = Rng::new(seed ^ 0x6d65_6d6f_7279);
    if rng.one_in(3) {
        return DramConfig { latency_cycles: rng.below(40) as u32, ..DramConfig::default() };
    }
    DramConfig {
        bytes_per_cycle: 1 + rng.below(16) as u32,
        latency_cycles: rng.below(12) as u32,
        outstanding: 1 + rng.below(16) as u32,
        stall_permille: rng.below(700) as u32,
        jitter_cycles: rng.below(30) as u32,
        seed,
    }
}

/// Anywhere; or where many programs lie, so that what a machine keeps of the last one would be taken for the next one's.
fn base_row(seed: u64) -> u32 {
    let mut rng = Rng::new(seed);
    if rng.one_in(2) { rng.below(1 << 31) as u32 } else { rng.below(2) as u32 * 64 }
}
