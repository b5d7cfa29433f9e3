//! Which row of a tile is loaded next, and what of it lives.

use rust_hdl::prelude::*;

/// Combinational, and a block of its own so that the request of a row depends on no grant, in the Verilog's text too.
///
/// A row of a tile holds the weights of an input; of a transposed one, those of an output.
#[derive(LogicBlock)]
pub(crate) struct WeightRow {
    pub(crate) transposed: Signal<In, Bit>,
    pub(crate) k: Signal<In, Bits<6>>,
    pub(crate) n: Signal<In, Bits<6>>,
    /// The sub-tile: its first input and output, and their numbers in units of the array's rows and columns.
    pub(crate) k_base: Signal<In, Bits<6>>,
    pub(crate) n_base: Signal<In, Bits<6>>,
    pub(crate) k_group: Signal<In, Bits<3>>,
    pub(crate) n_group: Signal<In, Bits<3>>,
    /// The row's number in the sub-tile.
    pub(crate) number: Signal<In, Bits<6>>,
    /// Its number in the tile.
    pub(crate) index: Signal<Out, Bits<6>>,
    /// Something of it lives: it must be read.
    pub(crate) live: Signal<Out, Bit>,
    /// Its live lanes, 0 if it is dead, and the group of lanes that the array takes.
    pub(crate) live_lanes: Signal<Out, Bits<6>>,
    pub(crate) group: Signal<Out, Bits<3>>,
    /// It is the last of the sub-tile.
    pub(crate) last: Signal<Out, Bit>,
    base: Signal<Local, Bits<6>>,
    live_rows: Signal<Local, Bits<6>>,
    lanes: Signal<Local, Bits<6>>,
    last_number: Signal<Local, Bits<6>>,
    last_row: Constant<Bits<6>>,
    last_column: Constant<Bits<6>>,
}

impl WeightRow {
    /// For an array of so many inputs (rows) and outputs (columns).
    pub(crate) fn new(rows: usize, columns: usize) -> WeightRow {
        WeightRow {
            transposed: Signal::default(),
            k: Signal::default(),
            n: Signal::default(),
            k_base: Signal::default(),
            n_base: Signal::default(),
            k_group: Signal::default(),
            n_group: Signal::default(),
            number: Signal::default(),
            index: Signal::default(),
            live: Signal::default(),
            live_lanes: Signal::default(),
            group: Signal::default(),
            last: Signal::default(),
            base: Signal::default(),
            live_rows: Signal::default(),
            lanes: Signal::default(),
            last_number: Signal::default(),
            last_row: Constant::new((rows - 1).to_bits()),
            last_column: Constant::new((columns - 1).to_bits()),
        }
    }
}

impl Logic for WeightRow {
    #[hdl_gen]
    fn update(&mut self) {
        self.base.next = self.k_base.val();
        self.live_rows.next = self.k.val();
        self.lanes.next = self.n.val();
        self.group.next = self.n_group.val();
        self.last_number.next = self.last_row.val();
        if self.transposed.val() {
            self.base.next = self.n_base.val();
            self.live_rows.next = self.n.val();
            self.lanes.next = self.k.val();
            self.group.next = self.k_group.val();
            self.last_number.next = self.last_column.val();
        }
        self.index.next = self.base.val() + self.number.val();
        self.live.next = self.index.val() < self.live_rows.val();
        self.live_lanes.next = 0.into();
        if self.index.val() < self.live_rows.val() {
            self.live_lanes.next = self.lanes.val();
        }
        self.last.next = self.number.val() == self.last_number.val();
    }
}
