//! `ISA_HASH`: the table and the golden vectors of its meaning.

use sha2::{Digest, Sha256};

use super::BANNER;
use crate::random;
use crate::state::Subtree;
use crate::step::{Stepped, step};
use crate::table::TABLE;
use crate::word::{Leaf, ZERO};
use crate::{Memory, Regs};

/// Golden programs.
const GOLDEN: u64 = 96;

/// SHA-256 over every row of the table and over the state after every instruction of the golden programs
/// (the first [`GOLDEN`] cases of [`random::case`], with a head whose leaf 0 is zero).
/// A changed encoding, rounding, trap or order of traps changes it.
#[must_use]
pub fn isa_hash() -> Leaf {
    let mut hash = Sha256::new();
    for row in TABLE {
        hash.update(format!("{:02x} {} {}\n", row.opcode, row.mnemonic, row.operation));
        for (field, (suffix, lsb, width, signed)) in row.fields.iter().flat_map(|f| f.parts().map(move |p| (f, p))) {
            hash.update(format!("{}.{suffix} {lsb} {width} {signed}\n", field.name));
        }
    }
    for seed in 0..GOLDEN {
        golden(seed, &mut hash);
    }
    hash.finalize().into()
}

fn golden(seed: u64, hash: &mut Sha256) {
    let case = random::case(seed, 40);
    let mut memory = Memory::new(&[ZERO, case.profile.to_leaf(), ZERO, ZERO], &case.text, &case.constant, &case.input);
    loop {
        let Ok(stepped) = step(&mut memory);
        let boundary = match stepped {
            Stepped::Ran { last, .. } => last,
            Stepped::Stopped(_) | Stepped::Idle => true,
        };
        if boundary {
            for tree in [Subtree::Regs, Subtree::Onchip, Subtree::Work, Subtree::Output] {
                for (index, leaf) in memory.tree(tree).nonzero() {
                    hash.update([tree as u8]);
                    hash.update(index.to_be_bytes());
                    hash.update(leaf);
                }
            }
        }
        if memory.regs().status != Regs::default().status {
            return;
        }
    }
}

/// The text of `isa/src/hash.rs`.
#[must_use]
pub fn isa_hash_source() -> String {
    let mut out = format!("//! {BANNER}\n\n");
    out.push_str("/// SHA-256 of the instruction table and of the golden vectors of its meaning.\n");
    out.push_str("#[rustfmt::skip]\npub const ISA_HASH: [u8; 32] = [\n");
    for half in isa_hash().chunks(16) {
        let bytes: Vec<String> = half.iter().map(|byte| format!("0x{byte:02x}")).collect();
        out.push_str(&format!("    {},\n", bytes.join(", ")));
    }
    out.push_str("];\n");
    out
}
