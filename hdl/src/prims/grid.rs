//! The array: a stationary weight for each of its inputs and outputs, and the sum of a row's products into a row32.

use rust_hdl::prelude::*;

use super::grid_text;

pub(super) fn int8(bits: Bits<8>) -> i32 {
    i32::from(bits.to_u8().cast_signed())
}

/// Takes a row in the cycle of `enable` and adds its products to `base`, five cycles later, in the cycle of `add`;
/// `out` has the row32 one cycle after that.
///
/// *Weights.* `weights`, a row of spad, is taken in the cycle of `load`. Two cycles later lanes `load_group · width ..`
/// of it, zeros from lane `load_live` on, are the shadow weights of array row `load_index`; or, transposed, of array
/// column `load_index`. The width is that of an array row, or column. At the end of a cycle with `swap` all shadow
/// weights become the weights; those that change in the same cycle do so with their old values.
///
/// *Rows.* Lanes `group · rows ..` of `activations` are multiplied by the weights that stand two cycles after
/// `enable`. Lanes `pass · columns ..` of `out` are those of `base` (zeros with `zero`) plus the sums, modulo 2³², the
/// others those of `base`. Row32s are in lane order: lane *l* at bits 32·*l*.
#[derive(LogicBlock)]
pub(crate) struct Grid {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) load_index: Signal<In, Bits<5>>,
    pub(crate) load_group: Signal<In, Bits<3>>,
    pub(crate) load_live: Signal<In, Bits<6>>,
    pub(crate) load_transposed: Signal<In, Bit>,
    pub(crate) weights: Signal<In, Bits<256>>,
    pub(crate) swap: Signal<In, Bit>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) group: Signal<In, Bits<3>>,
    pub(crate) activations: Signal<In, Bits<256>>,
    pub(crate) add: Signal<In, Bit>,
    pub(crate) zero: Signal<In, Bit>,
    pub(crate) pass: Signal<In, Bits<3>>,
    pub(crate) base: Signal<In, Bits<1024>>,
    pub(crate) out: Signal<Out, Bits<1024>>,
    _rows: usize,
    _columns: usize,
    _load: Option<Load>,
    _shadow: Vec<i32>,
    _weights: Vec<i32>,
    _raw: Option<(Bits<256>, usize)>,
    _activations: Option<Vec<i32>>,
    _sums: [Option<Vec<i32>>; 2],
    _sum: Vec<i32>,
}

/// A row of weights on its way.
struct Load {
    row: Bits<256>,
    index: usize,
    group: usize,
    live: usize,
    transposed: bool,
}

impl Grid {
    /// An array of so many inputs (rows) and outputs (columns), each 4, 8, 16 or 32.
    pub(crate) fn new(rows: usize, columns: usize) -> Grid {
        Grid {
            clock: Signal::default(),
            load: Signal::default(),
            load_index: Signal::default(),
            load_group: Signal::default(),
            load_live: Signal::default(),
            load_transposed: Signal::default(),
            weights: Signal::default(),
            swap: Signal::default(),
            enable: Signal::default(),
            group: Signal::default(),
            activations: Signal::default(),
            add: Signal::default(),
            zero: Signal::default(),
            pass: Signal::default(),
            base: Signal::default(),
            out: Signal::default(),
            _rows: rows,
            _columns: columns,
            _load: None,
            _shadow: vec![0; rows * columns],
            _weights: vec![0; rows * columns],
            _raw: None,
            _activations: None,
            _sums: [None, None],
            _sum: vec![0; columns],
        }
    }

    /// `out` from the sums of the row that is at its end.
    fn accumulated(&self) -> Bits<1024> {
        let mut out = if self.zero.val() { Bits::default() } else { self.base.val() };
        let first = self.pass.val().index() * self._columns;
        for (lane, sum) in (first..32).zip(&self._sum) {
            let sum = u64::from(sum.cast_unsigned());
            out.set_bits::<32>(32 * lane, out.get_bits::<32>(32 * lane) + sum);
        }
        out
    }

    /// The products of a row with the weights, summed.
    fn multiplied(&self, activations: &[i32]) -> Vec<i32> {
        let mut sums = vec![0; self._columns];
        for (activation, weights) in activations.iter().zip(self._weights.chunks(self._columns)) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += activation * weight;
            }
        }
        sums
    }

    fn fill_shadow(&mut self, load: &Load) {
        let width = if load.transposed { self._rows } else { self._columns };
        for place in 0..width {
            let lane = load.group * width + place;
            let weight = if lane < load.live { int8(load.row.get_bits::<8>(8 * lane)) } else { 0 };
            let (row, column) = if load.transposed { (place, load.index) } else { (load.index, place) };
            if row < self._rows && column < self._columns {
                self._shadow[row * self._columns + column] = weight;
            }
        }
    }
}

impl Logic for Grid {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        if self.add.val() {
            self.out.next = self.accumulated();
        }
        let products = self._activations.take().map(|row| self.multiplied(&row));
        let [first, second] = std::mem::replace(&mut self._sums, [products, None]);
        self._sums[1] = first;
        if let Some(sum) = second {
            self._sum = sum;
        }
        self._activations = self._raw.take().map(|(row, group)| {
            (0..self._rows).map(|at| int8(row.get_bits::<8>(8 * ((group * self._rows + at) % 32)))).collect()
        });
        if self.enable.val() {
            self._raw = Some((self.activations.val(), self.group.val().index()));
        }
        if self.swap.val() {
            self._weights.clone_from(&self._shadow);
        }
        if let Some(load) = self._load.take() {
            self.fill_shadow(&load);
        }
        if self.load.val() {
            self._load = Some(Load {
                row: self.weights.val(),
                index: self.load_index.val().index(),
                group: self.load_group.val().index(),
                live: self.load_live.val().index(),
                transposed: self.load_transposed.val(),
            });
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(grid_text::text(self._rows, self._columns))
    }
}
