//! Weights that are constants stay packed, for every run of an image.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use isa::Leaf;

use super::pack::Packed;
use super::{Product, STRIP};
use crate::fast::observe::read_rows;
use crate::fast::origins::Origins;
use crate::fast::simd::Simd;
use crate::fast::space::Row;

/// Most bytes of panels that stay; what comes later is packed each time.
const LIMIT_BYTES: usize = 1 << 30;

/// Which tiles, and how: copies of `kt` tiles of `const` from row `first` on, `step` rows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::fast) struct Key {
    simd: Simd,
    first: u32,
    step: i64,
    kt: u64,
    n: usize,
    k: usize,
    transposed: bool,
}

/// The panels of an image.
#[derive(Debug, Default)]
pub(in crate::fast) struct PackedWeights(Mutex<Store>);

#[derive(Debug, Default)]
struct Store {
    panels: HashMap<Key, Arc<Packed>>,
    bytes: usize,
}

/// The panels that an instruction had when it was done last.
pub(in crate::fast) type Kept = Option<(Key, Arc<Packed>)>;

/// Where constants in spad are known, and kept.
#[derive(Clone, Copy)]
pub(in crate::fast) struct Constants<'a> {
    pub(in crate::fast) origins: &'a Origins,
    pub(in crate::fast) rows: &'a [Leaf],
    pub(in crate::fast) packed: &'a PackedWeights,
}

impl Constants<'_> {
    /// The panels of a product of one strip, if all its tiles are constants and there is room for what is new.
    pub(in crate::fast) fn panels(&self, simd: Simd, p: &Product, last: Option<&mut Kept>) -> Option<Arc<Packed>> {
        if p.kt > STRIP {
            return None;
        }
        let key = self.key(simd, p)?;
        let Some(last) = last else { return self.find(simd, p, key) };
        if let Some((of, packed)) = last
            && *of == key
        {
            return Some(packed.clone());
        }
        let packed = self.find(simd, p, key)?;
        *last = Some((key, packed.clone()));
        Some(packed)
    }

    fn find(&self, simd: Simd, p: &Product, key: Key) -> Option<Arc<Packed>> {
        let mut store = self.packed.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packed) = store.panels.get(&key) {
            return Some(packed.clone());
        }
        if store.bytes >= LIMIT_BYTES {
            return None;
        }
        let tiles = (0..p.kt as i64).map(|tap| self.tile(i64::from(key.first) + tap * key.step));
        let packed = Arc::new(Packed::new(simd, tiles, p));
        store.bytes += packed.size();
        store.panels.insert(key, packed.clone());
        Some(packed)
    }

    /// The tile that begins with a row of `const`.
    fn tile(&self, first: i64) -> [Row; 32] {
        let mut leaves = [isa::ZERO; 32];
        read_rows(self.rows, first as u64, &mut leaves);
        leaves.map(|leaf| leaf.map(u8::cast_signed))
    }

    fn key(&self, simd: Simd, p: &Product) -> Option<Key> {
        // Rows of a tile that count.
        let rows = if p.transposed { p.n } else { p.k };
        if rows == 32
            && p.w_sk == 32
            && let Some(first) = self.origins.of(p.w, 32 * p.kt as usize)
        {
            let step = if p.kt > 1 { 32 } else { 0 };
            return Some(Key { simd, first, step, kt: p.kt, n: p.n, k: p.k, transposed: p.transposed });
        }
        let origin = |tap: u64| self.origins.of(p.w + tap as i64 * p.w_sk, rows);
        let first = origin(0)?;
        let step = if p.kt > 1 { i64::from(origin(1)?) - i64::from(first) } else { 0 };
        for tap in 2..p.kt {
            if i64::from(origin(tap)?) != i64::from(first) + tap as i64 * step {
                return None;
            }
        }
        Some(Key { simd, first, step, kt: p.kt, n: p.n, k: p.k, transposed: p.transposed })
    }
}
