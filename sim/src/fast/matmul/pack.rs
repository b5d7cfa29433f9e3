//! Weights as panels, and rows as kernels read them.

use super::kernel::Sums;
use super::order::{Order, fits};
use super::sorted::Sorted;
use super::{COLUMNS, Memory, Product};
use crate::fast::place::Chip;
use crate::fast::simd::{Simd, twice};
use crate::fast::space::Row;

/// What kernels multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Rows and weights as pairs of i16: products of two, summed in 32 bits.
    Pairs,
    /// Rows as u8, 128 more than they are, weights as groups of four i8.
    Bytes,
    /// Rows as they are, weights as groups of four i8.
    Plain,
}

impl Form {
    /// Bytes of a row.
    pub(super) fn row_bytes(self) -> usize {
        if self == Form::Pairs { 64 } else { 32 }
    }

    /// Inputs that share a vector of weights.
    fn depth(self) -> usize {
        if self == Form::Pairs { 2 } else { 4 }
    }

    /// The form for these weights. `Avx2` has bytes only by sums that saturate, so only for weights that keep them small.
    pub(super) fn of(simd: Simd, tiles: impl Iterator<Item = [Row; 32]>, p: &Product) -> Form {
        let small = || tiles.map(|tile| live(&tile, p)).all(|tile| is_small(&tile));
        match simd {
            Simd::Portable => Form::Pairs,
            Simd::Avx2 => {
                if small() {
                    Form::Bytes
                } else {
                    Form::Pairs
                }
            }
            Simd::AvxVnni | Simd::Avx512Vnni => Form::Bytes,
            Simd::NeonDot => Form::Plain,
        }
    }
}

/// The weights of 16 columns, or of 32 one half after the other, a vector for each step and half: four bytes of a row.
pub(super) struct Panel<'a> {
    pub(super) weights: &'a [u8],
    /// What the sums of each half begin with, to take off what `x + 128` adds.
    pub(super) bias: &'a [Sums],
    /// Of each tap, the order that rows are to be brought into; `None` leaves them as they are, or were left.
    pub(super) orders: Option<&'a [Order]>,
    /// Where the bytes of each step are, if not one after another.
    pub(super) places: Option<&'a [i32]>,
}

/// The weights of one strip of tiles.
#[derive(Clone, Copy)]
pub(super) struct Panels<'a> {
    weights: &'a [u8],
    layout: Layout,
    sorted: Option<&'a Sorted>,
}

/// What panels are, but for the weights themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) form: Form,
    bias: [Sums; 2],
    /// Bytes of a row and tap that there are weights for.
    tap_len: usize,
    halves: usize,
}

impl<'a> Panels<'a> {
    /// Packs the tiles of a strip into `memory`.
    pub(super) fn pack(
        simd: Simd,
        form: Form,
        memory: &'a mut Memory,
        tiles: impl Iterator<Item = [Row; 32]>,
        p: &Product,
    ) -> Panels<'a> {
        let halves = if p.n > COLUMNS { 2 } else { 1 };
        let tap_len = (p.k * form.row_bytes() / 32).next_multiple_of(4);
        // A vector of weights has 64 bytes, and meets four bytes of a row.
        let tile_len = tap_len / 4 * 64;
        let len = p.kt as usize * tile_len;
        let weights = &mut memory.bytes(len * halves)[..len * halves];
        let mut sums = [0; 32];
        for (tap, tile) in tiles.enumerate() {
            let tile = live(&tile, p);
            if form == Form::Bytes {
                add_columns(simd, &tile, &mut sums);
            }
            for (half, panel) in weights.chunks_exact_mut(len).enumerate() {
                let to = &mut panel[tap * tile_len..][..tile_len];
                match form.depth() {
                    2 => pack_pairs(simd, &tile, half, to),
                    _ => pack_quads(simd, &tile, half, to),
                }
            }
        }
        Panels { weights, layout: Layout { form, bias: biases(&sums), tap_len, halves }, sorted: None }
    }

    /// What the weights are for.
    pub(super) fn form(&self) -> Form {
        self.layout.form
    }

    /// Bytes of a row and tap that there are weights for, where steps are one after another.
    pub(super) fn tap_len(&self) -> usize {
        self.layout.tap_len
    }

    /// The panels: columns 0..16, then the others if they count; or both as one, for kernels that take two at once.
    pub(super) fn each(&self, at_once: usize) -> impl Iterator<Item = Panel<'_>> {
        let Layout { halves, bias, .. } = &self.layout;
        let both = self.sorted.is_none() && at_once >= *halves;
        let first = match self.sorted {
            Some(sorted) => sorted.panels[0].places.len() * 64,
            None => self.weights.len() / if both { 1 } else { *halves },
        };
        let (first, second) = self.weights.split_at(first);
        let panels = if both { 1 } else { *halves };
        (0..panels).zip([first, second]).zip(bias.chunks(halves / panels)).map(|((half, weights), bias)| Panel {
            weights,
            bias,
            orders: self.sorted.and_then(|sorted| sorted.orders.get(half).map(Vec::as_slice)),
            places: self.sorted.map(|sorted| sorted.panels[half].places.as_slice()),
        })
    }
}

/// Panels that stay.
#[derive(Debug)]
pub(in crate::fast) struct Packed {
    memory: Memory,
    len: usize,
    layout: Layout,
    sorted: Option<Sorted>,
}

impl Packed {
    /// Packs the tiles of a strip.
    pub(super) fn new(simd: Simd, tiles: impl Iterator<Item = [Row; 32]> + Clone, p: &Product) -> Packed {
        let form = Form::of(simd, tiles.clone(), p);
        if simd == Simd::Avx2
            && form == Form::Pairs
            && let Some(sorted) = Sorted::best(simd, tiles.clone(), p)
        {
            return Packed::sorted(tiles, p, sorted);
        }
        Packed::plain(simd, form, tiles, p)
    }

    /// In this form, rows as they are.
    pub(super) fn plain(simd: Simd, form: Form, tiles: impl Iterator<Item = [Row; 32]>, p: &Product) -> Packed {
        let mut memory = Memory::default();
        let Panels { weights, layout, .. } = Panels::pack(simd, form, &mut memory, tiles, p);
        let len = weights.len();
        Packed { memory, len, layout, sorted: None }
    }

    /// By bytes, in orders and in steps that are exact.
    pub(super) fn sorted(tiles: impl Iterator<Item = [Row; 32]>, p: &Product, mut sorted: Sorted) -> Packed {
        let mut sums = [0; 32];
        tiles.for_each(|tile| add_columns(Simd::Portable, &live(&tile, p), &mut sums));
        let memory =
            Memory { lines: sorted.panels.iter_mut().flat_map(|panel| std::mem::take(&mut panel.weights)).collect() };
        let layout = Layout { form: Form::Bytes, bias: biases(&sums), tap_len: 0, halves: sorted.panels.len() };
        Packed { len: memory.lines.len() * 64, memory, layout, sorted: Some(sorted) }
    }

    pub(super) fn panels(&self) -> Panels<'_> {
        Panels { weights: &self.memory.as_bytes()[..self.len], layout: self.layout, sorted: self.sorted.as_ref() }
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        let sorted = self.sorted.iter().flat_map(|sorted| {
            let orders = sorted.orders.iter().map(|orders| size_of_val(orders.as_slice()));
            orders.chain(sorted.panels.iter().map(|panel| size_of_val(panel.places.as_slice())))
        });
        self.memory.as_bytes().len() + size_of::<Packed>() + sorted.sum::<usize>()
    }
}

/// The tiles of a strip.
pub(super) fn tiles(chip: Chip, p: &Product) -> impl Iterator<Item = [Row; 32]> + Clone + use<> {
    let (w, w_sk) = (p.w, p.w_sk);
    (0..p.kt as i64).map(move |tap| *chip.rows8::<32>(w + tap * w_sk))
}

/// Whether no sum of two products of an unsigned byte and such weights leaves 16 bits: 255 · 128 does not.
fn is_small(tile: &[Row; 32]) -> bool {
    let (pairs, _) = tile.as_chunks::<2>();
    pairs.iter().all(|[one, other]| fits(one, other))
}

/// What sums of x + 128 begin with, by the sums of columns.
fn biases(sums: &[i32; 32]) -> [Sums; 2] {
    [0, 16].map(|first| Sums(std::array::from_fn(|column| sums[first + column].wrapping_mul(-128))))
}

/// The tile by inputs, with zeros where no input or output is.
pub(super) fn live(tile: &[Row; 32], p: &Product) -> [Row; 32] {
    let mut out = *tile;
    if p.transposed {
        for (i, row) in out.iter_mut().enumerate() {
            for (weight, column) in row.iter_mut().zip(tile) {
                *weight = column[i];
            }
        }
    }
    out[p.k..].fill([0; 32]);
    if p.n < 32 {
        for row in &mut out {
            row[p.n..].fill(0);
        }
    }
    out
}

twice! {
    fn pack_pairs(tile: &[Row; 32], half: usize, to: &mut [u8]) {
        let (pairs, _) = tile.as_chunks::<2>();
        for ([even, odd], to) in pairs.iter().zip(to.as_chunks_mut::<64>().0) {
            for column in 0..COLUMNS {
                let [a, b] = [even, odd].map(|row| i16::from(row[half * COLUMNS + column]).to_ne_bytes());
                to[4 * column..4 * column + 4].copy_from_slice(&[a[0], a[1], b[0], b[1]]);
            }
        }
    }

    fn pack_quads(tile: &[Row; 32], half: usize, to: &mut [u8]) {
        let (quads, _) = tile.as_chunks::<4>();
        for (rows, to) in quads.iter().zip(to.as_chunks_mut::<64>().0) {
            for column in 0..COLUMNS {
                for (i, row) in rows.iter().enumerate() {
                    to[4 * column + i] = row[half * COLUMNS + column].cast_unsigned();
                }
            }
        }
    }

    fn add_columns(tile: &[Row; 32], sums: &mut [i32; 32]) {
        for row in tile {
            for lane in 0..32 {
                sums[lane] = sums[lane].wrapping_add(row[lane].into());
            }
        }
    }

    fn widen_pairs(from: Taps, to: &mut [u8]) {
        from.each(to.as_chunks_mut::<64>().0, |_, row, to| {
            let mut wide = [0i16; 32];
            for lane in 0..32 {
                wide[lane] = row[lane].into();
            }
            // SAFETY: as many bytes of plain data.
            *to = unsafe { std::mem::transmute::<[i16; 32], [u8; 64]>(wide) };
        });
    }

    fn widen_bytes(from: Taps, to: &mut [u8]) {
        from.each(to.as_chunks_mut::<32>().0, |_, row, to| {
            for lane in 0..32 {
                to[lane] = row[lane].cast_unsigned() ^ 0x80;
            }
        });
    }
}

/// Rows of spad, each with its taps. Who makes one sees to it that they are there, and that nothing writes them.
#[derive(Clone, Copy)]
pub(super) struct Taps {
    pub(super) first: *const Row,
    pub(super) rows: usize,
    pub(super) row_step: isize,
    pub(super) taps: usize,
    pub(super) tap_step: isize,
}

impl Taps {
    /// Calls `f` with the number of each tap, its row of spad, and a place for it.
    #[inline(always)]
    pub(super) fn each<const N: usize>(self, to: &mut [[u8; N]], mut f: impl FnMut(usize, &Row, &mut [u8; N])) {
        let mut row = self.first;
        for to in to.chunks_exact_mut(self.taps).take(self.rows) {
            let mut from = row;
            for (tap, to) in to.iter_mut().enumerate() {
                // SAFETY: by what it is.
                f(tap, unsafe { &*from }, to);
                from = from.wrapping_offset(self.tap_step);
            }
            row = row.wrapping_offset(self.row_step);
        }
    }
}

/// Rows in the form of the kernels.
pub(super) fn widen(simd: Simd, form: Form, from: Taps, to: &mut [u8]) {
    match form {
        Form::Pairs => widen_pairs(simd, from, to),
        _ => widen_bytes(simd, from, to),
    }
}
