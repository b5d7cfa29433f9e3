//! The random programs of a seed.

use isa::asm::Source;
use isa::random::{Rng, Shape, case, hazard};
use isa::{Add, Bltu, Instr};

/// Any instructions; one program in four runs them in a loop.
pub(crate) fn plain(seed: u64) -> Source {
    let mut rng = Rng::new(!seed);
    let mut source: Source = case(seed, 10 + rng.below(60) as usize).into();
    if seed.is_multiple_of(4) {
        // Behind the four loads of the prologue, before the two stores and HALT of the epilogue.
        // The instructions may change the counter; the limit ends what never comes to its end.
        let repeat: [Instr; 2] = [Add { rd: 15, ra: 15, rb: 0, imm: 1 }.into(), Bltu { ra: 15, rb: 14, imm: 4 }.into()];
        let end = source.text.len() - 3;
        source.text.splice(end..end, repeat.iter().map(Instr::encode));
        source.profile.limit = source.profile.limit.min(3000);
    }
    source
}

/// Neighbours that share rows, for memories of these sizes; one program in four in the smallest, where everything meets.
pub(crate) fn hazards(seed: u64, spad: u8, acc: u8) -> Source {
    let shape = if seed.is_multiple_of(4) { Shape { spad: 6, acc: 3 } } else { Shape { spad, acc } };
    hazard(seed, shape).into()
}
