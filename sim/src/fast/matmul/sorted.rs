//! Weights by bytes for sums that saturate: in orders, and in steps, in which they never do.

use super::order::{Order, fits, order};
use super::pack::live;
use super::{COLUMNS, Line, Product};
use crate::fast::simd::Simd;
use crate::fast::space::Row;

/// What a row costs, in tenths of a cycle: to be brought into an order; a step of bytes; as much by pairs of i16.
const ORDER_COST: usize = 30;
const STEP_COST: usize = 21;
const PAIRS_COST: usize = 30;

/// Panels of which each step is exact.
#[derive(Debug)]
pub(super) struct Sorted {
    /// For each tap its order; for both panels the same, or for each its own.
    pub(super) orders: Vec<Vec<Order>>,
    pub(super) panels: Vec<Steps>,
}

/// The steps of a panel: four bytes of a row, and weights for them.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Where the bytes are, the taps in their order one after another.
    pub(super) places: Vec<i32>,
    pub(super) weights: Vec<Line>,
}

impl Sorted {
    /// The best for these tiles; `None` if pairs of i16 are as good.
    pub(super) fn best(simd: Simd, tiles: impl Iterator<Item = [Row; 32]> + Clone, p: &Product) -> Option<Sorted> {
        let halves = if p.n > COLUMNS { 2 } else { 1 };
        let quads = p.kt as usize * p.k.div_ceil(4) * halves;
        let pairs = p.kt as usize * ORDER_COST + quads * PAIRS_COST;
        let together = Sorted::new(simd, tiles.clone(), p, false);
        // A panel's own order saves steps, and costs each row a second order.
        let saved = STEP_COST * together.steps().saturating_sub(quads);
        let best = if halves == 2 && saved > ORDER_COST * p.kt as usize {
            let apart = Sorted::new(simd, tiles, p, true);
            if apart.cost() < together.cost() { apart } else { together }
        } else {
            together
        };
        (best.cost() < pairs).then_some(best)
    }

    /// With an order for each panel, or one for both.
    pub(super) fn new(simd: Simd, tiles: impl Iterator<Item = [Row; 32]>, p: &Product, apart: bool) -> Sorted {
        let halves = if p.n > COLUMNS { 2 } else { 1 };
        let inputs = p.k.next_multiple_of(4);
        let mut out = Sorted { orders: Vec::new(), panels: Vec::new() };
        out.orders.resize_with(if apart { halves } else { 1 }, Vec::new);
        out.panels.resize_with(halves, Steps::default);
        for (tap, tile) in tiles.enumerate() {
            let tile = live(&tile, p);
            for half in 0..halves {
                if apart || half == 0 {
                    let seen = if apart { only(&tile, half) } else { tile };
                    out.orders[half].push(order(simd, &seen, inputs));
                }
                let order = out.orders.get(half).unwrap_or(&out.orders[0])[tap];
                out.panels[half].take(&tile, half, tap, &order, inputs);
            }
        }
        out
    }

    fn steps(&self) -> usize {
        self.panels.iter().map(|panel| panel.places.len()).sum()
    }

    fn cost(&self) -> usize {
        let orders: usize = self.orders.iter().map(Vec::len).sum();
        orders * ORDER_COST + self.steps() * STEP_COST
    }
}

impl Steps {
    fn take(&mut self, tile: &[Row; 32], half: usize, tap: usize, order: &Order, inputs: usize) {
        for at in (0..inputs).step_by(4) {
            let rows: [&[i8]; 4] =
                std::array::from_fn(|i| &tile[order.input(at + i)][half * COLUMNS..(half + 1) * COLUMNS]);
            let place = (tap * 32 + at) as i32;
            if fits(rows[0], rows[1]) && fits(rows[2], rows[3]) {
                self.push(place, |input, column| rows[input][column]);
            } else {
                // Halves fit whatever they are halves of: none is beyond 64.
                self.push(place, |input, column| rows[input][column] / 2);
                self.push(place, |input, column| rows[input][column] - rows[input][column] / 2);
            }
        }
    }

    fn push(&mut self, place: i32, weight: impl Fn(usize, usize) -> i8) {
        let mut line = [0; 64];
        for (at, byte) in line.iter_mut().enumerate() {
            *byte = weight(at % 4, at / 4).cast_unsigned();
        }
        self.places.push(place);
        self.weights.push(Line(line));
    }
}

/// One half of the columns, zeros in the other.
fn only(tile: &[Row; 32], half: usize) -> [Row; 32] {
    tile.map(|row| std::array::from_fn(|lane| if lane / COLUMNS == half { row[lane] } else { 0 }))
}
