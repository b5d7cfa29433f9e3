//! SHA-256 of two nodes, and the roots of empty trees.

use std::sync::LazyLock;

use isa::Leaf;
use sha2::digest::generic_array::GenericArray;

/// Deepest tree that [`zero`] knows: a DRAM region has 2^32 rows at most.
pub const DEPTH_MAX: u8 = 40;

/// FIPS 180-4 initial hash value.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The padding of a 64-byte message: one bit, zeros, the length in bits.
const PADDING: [u8; 64] = {
    let mut block = [0; 64];
    block[0] = 0x80;
    block[62] = 0x02;
    block
};

/// SHA-256(left ‖ right).
pub fn hash_pair(left: &Leaf, right: &Leaf) -> Leaf {
    let mut state = INITIAL;
    let mut block = [0; 64];
    block[..32].copy_from_slice(left);
    block[32..].copy_from_slice(right);
    sha2::compress256(&mut state, &[GenericArray::from(block), GenericArray::from(PADDING)]);
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// Z(depth): the root of the empty tree of `depth` levels. Panics beyond [`DEPTH_MAX`].
pub fn zero(depth: u8) -> Leaf {
    static ZEROS: LazyLock<[Leaf; DEPTH_MAX as usize + 1]> = LazyLock::new(|| {
        let mut zeros = [[0; 32]; DEPTH_MAX as usize + 1];
        for depth in 0..usize::from(DEPTH_MAX) {
            zeros[depth + 1] = hash_pair(&zeros[depth], &zeros[depth]);
        }
        zeros
    });
    ZEROS[usize::from(depth)]
}

/// The root of the tree over `leaves`, whose number is a power of two.
pub fn root_of(leaves: &[Leaf]) -> Leaf {
    match leaves {
        [] => zero(0),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            hash_pair(&root_of(left), &root_of(right))
        }
    }
}

/// Climbs from `node` at position `index` of its level along `siblings`, bottom first.
pub fn climb<'a>(node: Leaf, mut index: u64, siblings: impl IntoIterator<Item = &'a Leaf>) -> Leaf {
    let mut node = node;
    for sibling in siblings {
        node = if index & 1 == 0 { hash_pair(&node, sibling) } else { hash_pair(sibling, &node) };
        index >>= 1;
    }
    node
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn pair_is_plain_sha256() {
        let (left, right) = ([7; 32], [9; 32]);
        let expected: Leaf = Sha256::new().chain_update(left).chain_update(right).finalize().into();
        assert_eq!(hash_pair(&left, &right), expected);
    }

    #[test]
    fn climb_finds_the_root() {
        let leaves: Vec<Leaf> = (0..8).map(|i| [i; 32]).collect();
        let siblings = [leaves[4], hash_pair(&leaves[6], &leaves[7]), root_of(&leaves[..4])];
        assert_eq!(climb(leaves[5], 5, &siblings), root_of(&leaves));
        assert_eq!(root_of(&[[0; 32]; 16]), zero(4));
    }
}
