//! Takes instructions, cuts them into passes, and loads the weights of each.

use rust_hdl::prelude::*;

use super::Pass;
use super::weight_row::WeightRow;
use crate::operation::Operation;

/// Reads a row of spad a cycle: an array row's weights, or those of an array column if the tile is transposed.
///
/// The inputs that depend on a grant change only what is to come, and `take` and `loaded`.
#[derive(LogicBlock)]
pub(crate) struct Loader {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) read: Signal<Out, Bit>,
    pub(crate) address: Signal<Out, Bits<20>>,
    pub(crate) grant: Signal<In, Bit>,
    /// The row that was read in the cycle before: its place in the array, and which lanes of it.
    pub(crate) load: Signal<Out, Bit>,
    pub(crate) load_index: Signal<Out, Bits<5>>,
    pub(crate) load_group: Signal<Out, Bits<3>>,
    pub(crate) load_live: Signal<Out, Bits<6>>,
    pub(crate) load_transposed: Signal<Out, Bit>,
    /// The pass whose weights are being loaded.
    pub(crate) pass: Signal<Out, Pass>,
    /// All of them are read at the end of this cycle.
    pub(crate) loaded: Signal<Out, Bit>,
    /// This pass begins with the next cycle; only with `loaded`.
    pub(crate) begins: Signal<In, Bit>,
    /// Holds an instruction with passes that have not begun.
    pub(crate) busy: Signal<Out, Bit>,
    held: DFF<Bit>,
    full: DFF<Bit>,
    present: DFF<Operation>,
    tile: DFF<Bits<20>>,
    rows_from: DFF<Bits<20>>,
    tiles_left: DFF<Bits<16>>,
    first_tile: DFF<Bit>,
    k_base: DFF<Bits<6>>,
    n_base: DFF<Bits<6>>,
    k_group: DFF<Bits<3>>,
    n_group: DFF<Bits<3>>,
    weight_row: DFF<Bits<6>>,
    products: DFF<Bits<12>>,
    load1: DFF<Bit>,
    index1: DFF<Bits<5>>,
    group1: DFF<Bits<3>>,
    live1: DFF<Bits<6>>,
    transposed1: DFF<Bit>,
    row: WeightRow,
    k_next: Signal<Local, Bits<6>>,
    n_next: Signal<Local, Bits<6>>,
    last_k: Signal<Local, Bit>,
    last_n: Signal<Local, Bit>,
    last_pass: Signal<Local, Bit>,
    advances: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    k16: Signal<Local, Bits<16>>,
    n16: Signal<Local, Bits<16>>,
    product: Signal<Local, Bits<32>>,
    array_rows: Constant<Bits<6>>,
    array_cols: Constant<Bits<6>>,
}

impl Loader {
    /// For an array of so many inputs (rows) and outputs (columns).
    pub(crate) fn new(rows: usize, columns: usize) -> Loader {
        Loader {
            clock: Signal::default(),
            ready: Signal::default(),
            op: Signal::default(),
            take: Signal::default(),
            read: Signal::default(),
            address: Signal::default(),
            grant: Signal::default(),
            load: Signal::default(),
            load_index: Signal::default(),
            load_group: Signal::default(),
            load_live: Signal::default(),
            load_transposed: Signal::default(),
            pass: Signal::default(),
            loaded: Signal::default(),
            begins: Signal::default(),
            busy: Signal::default(),
            held: DFF::default(),
            full: DFF::default(),
            present: DFF::default(),
            tile: DFF::default(),
            rows_from: DFF::default(),
            tiles_left: DFF::default(),
            first_tile: DFF::default(),
            k_base: DFF::default(),
            n_base: DFF::default(),
            k_group: DFF::default(),
            n_group: DFF::default(),
            weight_row: DFF::default(),
            products: DFF::default(),
            load1: DFF::default(),
            index1: DFF::default(),
            group1: DFF::default(),
            live1: DFF::default(),
            transposed1: DFF::default(),
            row: WeightRow::new(rows, columns),
            k_next: Signal::default(),
            n_next: Signal::default(),
            last_k: Signal::default(),
            last_n: Signal::default(),
            last_pass: Signal::default(),
            advances: Signal::default(),
            takes: Signal::default(),
            k16: Signal::default(),
            n16: Signal::default(),
            product: Signal::default(),
            array_rows: Constant::new(rows.to_bits()),
            array_cols: Constant::new(columns.to_bits()),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Loader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, held, full, present, tile, rows_from, tiles_left, first_tile, k_base, n_base);
        dff_setup!(self, clock, k_group, n_group, weight_row, products, load1, index1, group1, live1, transposed1);

        // The row that is read now goes into the array in the next cycle. Dead ones are not read.
        self.row.transposed.next = self.present.q.val().transposed;
        self.row.k.next = self.present.q.val().k;
        self.row.n.next = self.present.q.val().n;
        self.row.k_base.next = self.k_base.q.val();
        self.row.n_base.next = self.n_base.q.val();
        self.row.k_group.next = self.k_group.q.val();
        self.row.n_group.next = self.n_group.q.val();
        self.row.number.next = self.weight_row.q.val();
        self.read.next = self.held.q.val() & !self.full.q.val() & self.row.live.val();
        self.address.next = self.tile.q.val() + bit_cast::<20, 6>(self.row.index.val());
        self.loaded.next =
            self.full.q.val() | (self.held.q.val() & self.row.last.val() & (self.grant.val() | !self.row.live.val()));
        self.advances.next = self.held.q.val() & !self.full.q.val() & (self.grant.val() | !self.row.live.val());
        self.load1.d.next = self.advances.val();
        if self.advances.val() {
            self.index1.d.next = self.weight_row.q.val().get_bits::<5>(0);
            self.group1.d.next = self.row.group.val();
            self.live1.d.next = self.row.live_lanes.val();
            self.transposed1.d.next = self.present.q.val().transposed;
            self.weight_row.d.next = self.weight_row.q.val() + 1;
            self.full.d.next = self.row.last.val();
        }
        self.load.next = self.load1.q.val();
        self.load_index.next = self.index1.q.val();
        self.load_group.next = self.group1.q.val();
        self.load_live.next = self.live1.q.val();
        self.load_transposed.next = self.transposed1.q.val();

        // The pass, and the one after it.
        self.k_next.next = self.k_base.q.val() + self.array_rows.val();
        self.n_next.next = self.n_base.q.val() + self.array_cols.val();
        self.last_k.next = self.k_next.val() >= self.present.q.val().k;
        self.last_n.next = self.n_next.val() >= self.present.q.val().n;
        self.last_pass.next = self.last_k.val() & self.last_n.val() & (self.tiles_left.q.val() == 0);
        self.pass.next.n0 = self.present.q.val().n0;
        self.pass.next.n1 = self.present.q.val().n1;
        self.pass.next.a_base = self.rows_from.q.val();
        self.pass.next.a_s0 = bit_cast::<20, 32>(self.present.q.val().a_s0);
        self.pass.next.a_s1 = bit_cast::<20, 32>(self.present.q.val().a_s1);
        self.pass.next.d_base = self.present.q.val().d_base;
        self.pass.next.d_s0 = self.present.q.val().d_s0;
        self.pass.next.d_s1 = self.present.q.val().d_s1;
        self.pass.next.k_group = self.k_group.q.val();
        self.pass.next.n_group = self.n_group.q.val();
        self.pass.next.zero = self.first_tile.q.val()
            & (self.k_base.q.val() == 0)
            & (self.n_base.q.val() == 0)
            & !self.present.q.val().accumulate;
        self.pass.next.last = self.last_pass.val();
        self.pass.next.macs = 0.into();
        if (self.k_base.q.val() == 0) & (self.n_base.q.val() == 0) {
            self.pass.next.macs = self.products.q.val();
        }
        if self.begins.val() {
            self.full.d.next = false;
            self.weight_row.d.next = 0.into();
            if !self.last_n.val() {
                self.n_base.d.next = self.n_next.val();
                self.n_group.d.next = self.n_group.q.val() + 1;
            } else {
                self.n_base.d.next = 0.into();
                self.n_group.d.next = 0.into();
                if !self.last_k.val() {
                    self.k_base.d.next = self.k_next.val();
                    self.k_group.d.next = self.k_group.q.val() + 1;
                } else {
                    self.k_base.d.next = 0.into();
                    self.k_group.d.next = 0.into();
                    self.first_tile.d.next = false;
                    self.tile.d.next = self.tile.q.val() + bit_cast::<20, 32>(self.present.q.val().b_sk);
                    self.rows_from.d.next = self.rows_from.q.val() + bit_cast::<20, 32>(self.present.q.val().a_sk);
                    self.tiles_left.d.next = self.tiles_left.q.val() - 1;
                    if self.last_pass.val() {
                        self.held.d.next = false;
                    }
                }
            }
        }

        // The next instruction, as soon as this one's last pass begins.
        self.k16.next = bit_cast::<16, 6>(self.op.val().k);
        self.n16.next = bit_cast::<16, 6>(self.op.val().n);
        self.product.next = self.k16.val() * self.n16.val();
        self.takes.next = self.ready.val() & (!self.held.q.val() | (self.begins.val() & self.last_pass.val()));
        self.take.next = self.takes.val();
        if self.takes.val() {
            self.held.d.next = true;
            self.present.d.next = self.op.val();
            self.tile.d.next = bit_cast::<20, 32>(self.op.val().b_base);
            self.rows_from.d.next = bit_cast::<20, 32>(self.op.val().a_base);
            self.tiles_left.d.next = self.op.val().kt - 1;
            self.first_tile.d.next = true;
            self.products.d.next = self.product.val().get_bits::<12>(0);
        }
        self.busy.next = self.held.q.val();
    }
}
