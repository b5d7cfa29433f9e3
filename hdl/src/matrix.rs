//! `MATMUL` and `DWMAC`: a weight-stationary array of `array_rows` inputs by `array_cols` outputs.
//!
//! A tile of 32 × 32 takes a pass for each sub-tile that has live inputs and outputs: its weights are loaded, one
//! array row a cycle, then every row of the loop streams through, one a cycle, and is added to acc. The first pass of
//! an instruction that does not accumulate replaces acc; dead lanes have weight 0, so every pass may add to all lanes.
//! A transposed tile is loaded one array column a cycle. `DWMAC` takes a pass for each tap, which needs one row of
//! weights and is done beside the array, two stages earlier.
//! A destination never meets itself, and a pass begins only when the one before has left the pipeline: no row of acc
//! is read while it is about to be written.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::params::Params;
use crate::prims::{Column, LaneProducts, RowAdder};
use crate::walker::Walker;

#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum State {
    Idle,
    Begin,
    Weights,
    Settle,
    Stream,
    Drain,
    Done,
}

/// Reads spad (activations and weights) and acc, writes acc.
#[derive(LogicBlock)]
pub(crate) struct Matrix {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    /// `DWMAC`.
    pub(crate) depthwise: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) acc_read_address: Signal<Out, Bits<20>>,
    pub(crate) acc_read_data: Signal<In, Bits<1024>>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) acc_write_address: Signal<Out, Bits<20>>,
    pub(crate) acc_write_data: Signal<Out, Bits<1024>>,
    /// Live products of the row that is finished in this cycle, 0 if none is.
    pub(crate) macs: Signal<Out, Bits<12>>,
    state: DFF<State>,
    tile: DFF<Bits<20>>,
    rows_from: DFF<Bits<20>>,
    tiles_left: DFF<Bits<16>>,
    first_tile: DFF<Bit>,
    k_base: DFF<Bits<6>>,
    n_base: DFF<Bits<6>>,
    n_pass: DFF<Bits<3>>,
    weight_row: DFF<Bits<6>>,
    lane_mask: DFF<Bits<256>>,
    load1: DFF<Bit>,
    load2: DFF<Bit>,
    live1: DFF<Bit>,
    row1: DFF<Bits<6>>,
    row2: DFF<Bits<5>>,
    load_column: DFF<Bits<32>>,
    weights: DFF<Bits<256>>,
    zero: DFF<Bit>,
    counts: DFF<Bit>,
    pass: DFF<Bits<3>>,
    k_shift: DFF<Bits<9>>,
    valid: DFF<Bits<6>>,
    activations: DFF<Bits<256>>,
    place1: DFF<Bits<20>>,
    place2: DFF<Bits<20>>,
    a: Walker<20>,
    d: Walker<20>,
    column: Vec<Column>,
    lanes: LaneProducts,
    adder: RowAdder,
    k_next: Signal<Local, Bits<6>>,
    n_next: Signal<Local, Bits<6>>,
    weight_index: Signal<Local, Bits<6>>,
    n_shift: Signal<Local, Bits<9>>,
    live_rows: Signal<Local, Bits<6>>,
    shift_lanes: Signal<Local, Bits<6>>,
    last_weight_row: Signal<Local, Bits<6>>,
    summed: Signal<Local, Bits<3>>,
    dead_lanes: Signal<Local, Bits<6>>,
    mask_shift: Signal<Local, Bits<9>>,
    live_weights: Signal<Local, Bits<256>>,
    products: Signal<Local, Bits<32>>,
    k16: Signal<Local, Bits<16>>,
    n16: Signal<Local, Bits<16>>,
    stream: Signal<Local, Bit>,
    load_rows: Signal<Local, Bit>,
    array_rows: Constant<Bits<6>>,
    last_row: Constant<Bits<6>>,
    array_cols: Constant<Bits<6>>,
    last_column: Constant<Bits<6>>,
    one: Constant<Bits<32>>,
    ones: Constant<Bits<256>>,
    _columns: usize,
}

impl Matrix {
    pub(crate) fn new(params: &Params) -> Matrix {
        Matrix {
            clock: Signal::default(),
            start: Signal::default(),
            depthwise: Signal::default(),
            op: Signal::default(),
            done: Signal::default(),
            spad_read: Signal::default(),
            spad_address: Signal::default(),
            spad_data: Signal::default(),
            acc_read: Signal::default(),
            acc_read_address: Signal::default(),
            acc_read_data: Signal::default(),
            acc_write: Signal::default(),
            acc_write_address: Signal::default(),
            acc_write_data: Signal::default(),
            macs: Signal::default(),
            state: DFF::default(),
            tile: DFF::default(),
            rows_from: DFF::default(),
            tiles_left: DFF::default(),
            first_tile: DFF::default(),
            k_base: DFF::default(),
            n_base: DFF::default(),
            n_pass: DFF::default(),
            weight_row: DFF::default(),
            lane_mask: DFF::default(),
            load1: DFF::default(),
            load2: DFF::default(),
            live1: DFF::default(),
            row1: DFF::default(),
            row2: DFF::default(),
            load_column: DFF::default(),
            weights: DFF::default(),
            zero: DFF::default(),
            counts: DFF::default(),
            pass: DFF::default(),
            k_shift: DFF::default(),
            valid: DFF::default(),
            activations: DFF::default(),
            place1: DFF::default(),
            place2: DFF::default(),
            a: Walker::default(),
            d: Walker::default(),
            column: (0..params.array_cols).map(|_| Column::new(params.array_rows)).collect(),
            lanes: LaneProducts::default(),
            adder: RowAdder::new(params.array_cols),
            k_next: Signal::default(),
            n_next: Signal::default(),
            weight_index: Signal::default(),
            n_shift: Signal::default(),
            live_rows: Signal::default(),
            shift_lanes: Signal::default(),
            last_weight_row: Signal::default(),
            summed: Signal::default(),
            dead_lanes: Signal::default(),
            mask_shift: Signal::default(),
            live_weights: Signal::default(),
            products: Signal::default(),
            k16: Signal::default(),
            n16: Signal::default(),
            stream: Signal::default(),
            load_rows: Signal::default(),
            array_rows: Constant::new(params.array_rows.to_bits()),
            last_row: Constant::new((params.array_rows - 1).to_bits()),
            array_cols: Constant::new(params.array_cols.to_bits()),
            last_column: Constant::new((params.array_cols - 1).to_bits()),
            one: Constant::new(1.into()),
            ones: Constant::new(Bits::mask()),
            _columns: params.array_cols,
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Matrix {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, tile, rows_from, tiles_left, first_tile, k_base, n_base, n_pass, weight_row);
        dff_setup!(
            self,
            clock,
            lane_mask,
            load1,
            load2,
            live1,
            row1,
            row2,
            load_column,
            weights,
            zero,
            counts,
            pass,
            k_shift
        );
        dff_setup!(self, clock, valid, activations, place1, place2);
        clock!(self, clock, a, d, lanes, adder);
        self.a.step.next = self.state.q.val() == State::Stream;
        self.a.base.next = self.rows_from.q.val();
        self.a.n0.next = self.op.val().n0;
        self.a.n1.next = self.op.val().n1;
        self.a.nt.next = 1.into();
        self.a.s0.next = bit_cast::<20, 32>(self.op.val().a_s0);
        self.a.s1.next = bit_cast::<20, 32>(self.op.val().a_s1);
        self.a.st.next = 0.into();
        self.d.base.next = self.op.val().d_base;
        self.d.n0.next = self.op.val().n0;
        self.d.n1.next = self.op.val().n1;
        self.d.nt.next = 1.into();
        self.d.s0.next = self.op.val().d_s0;
        self.d.s1.next = self.op.val().d_s1;
        self.d.st.next = 0.into();
        self.a.load.next = false;
        self.d.load.next = false;

        // Weights: read, then mask and shift, then into the columns.
        self.weight_index.next = self.k_base.q.val() + self.weight_row.q.val();
        self.live_rows.next = self.op.val().k;
        self.shift_lanes.next = self.n_base.q.val();
        self.last_weight_row.next = self.last_row.val();
        if self.depthwise.val() {
            self.last_weight_row.next = 0.into();
        } else if self.op.val().transposed {
            self.weight_index.next = self.n_base.q.val() + self.weight_row.q.val();
            self.live_rows.next = self.op.val().n;
            self.shift_lanes.next = self.k_base.q.val();
            self.last_weight_row.next = self.last_column.val();
        }
        self.load1.d.next = self.state.q.val() == State::Weights;
        self.live1.d.next = self.weight_index.val() < self.live_rows.val();
        self.row1.d.next = self.weight_row.q.val();
        self.load2.d.next = self.load1.q.val();
        self.row2.d.next = self.row1.q.val().get_bits::<5>(0);
        self.n_shift.next = bit_cast::<9, 6>(self.shift_lanes.val()) << 3;
        self.live_weights.next = self.spad_data.val() & self.lane_mask.q.val();
        self.load_rows.next = self.load2.q.val() & !self.op.val().transposed;
        self.load_column.d.next = 0.into();
        if self.load1.q.val() & self.op.val().transposed {
            self.load_column.d.next = self.one.val() << self.row1.q.val();
        }
        if self.load1.q.val() {
            self.weights.d.next = 0.into();
            if self.live1.q.val() {
                self.weights.d.next = self.live_weights.val() >> self.n_shift.val();
            }
        }

        // Rows: spad, activations, three stages in the columns, adder, acc. Bit i of `valid` is stage i.
        self.stream.next = self.state.q.val() == State::Stream;
        self.valid.d.next = (self.valid.q.val() << 1) | bit_cast::<6, 1>(self.stream.val().into());
        if self.valid.q.val().get_bit(0) {
            self.activations.d.next = self.spad_data.val() >> self.k_shift.q.val();
        }
        for i in 0..self._columns {
            self.column[i].clock.next = self.clock.val();
            self.column[i].load.next = self.load_rows.val();
            self.column[i].load_all.next = self.load_column.q.val().get_bit(i);
            self.column[i].weights.next = self.weights.q.val();
            self.column[i].load_row.next = self.row2.q.val();
            self.column[i].load_weight.next = self.weights.q.val().get_bits::<8>(i * 8);
            self.column[i].enable.next = self.valid.q.val().get_bit(1);
            self.column[i].activations.next = self.activations.q.val();
            self.adder.sum[i].next = self.column[i].sum.val();
        }
        self.lanes.enable.next = self.valid.q.val().get_bit(1) & self.depthwise.val();
        self.lanes.row.next = self.activations.q.val();
        self.lanes.weights.next = self.weights.q.val();
        self.summed.next = self.valid.q.val().get_bits::<3>(3);
        if self.depthwise.val() {
            self.summed.next = self.valid.q.val().get_bits::<3>(1);
        }
        self.d.step.next = self.summed.val().get_bit(0);
        self.acc_read.next = self.summed.val().get_bit(0);
        self.acc_read_address.next = self.d.address.val();
        self.place1.d.next = self.d.address.val();
        self.place2.d.next = self.place1.q.val();
        self.adder.enable.next = self.summed.val().get_bit(1);
        self.adder.depthwise.next = self.depthwise.val();
        self.adder.products.next = self.lanes.products.val();
        self.adder.zero.next = self.zero.q.val();
        self.adder.pass.next = self.pass.q.val();
        self.adder.base.next = self.acc_read_data.val();
        self.acc_write.next = self.summed.val().get_bit(2);
        self.acc_write_address.next = self.place2.q.val();
        self.acc_write_data.next = self.adder.out.val();
        self.k16.next = bit_cast::<16, 6>(self.op.val().k);
        self.n16.next = bit_cast::<16, 6>(self.op.val().n);
        self.products.next = self.k16.val() * self.n16.val();
        self.macs.next = 0.into();
        if self.summed.val().get_bit(2) & self.counts.q.val() {
            self.macs.next = self.products.val().get_bits::<12>(0);
        }

        self.spad_read.next = (self.state.q.val() == State::Weights) | (self.state.q.val() == State::Stream);
        self.spad_address.next = self.a.address.val();
        if self.state.q.val() == State::Weights {
            self.spad_address.next = self.tile.q.val() + bit_cast::<20, 6>(self.weight_index.val());
        }
        self.dead_lanes.next = 32 - self.op.val().n;
        if self.op.val().transposed {
            self.dead_lanes.next = 32 - self.op.val().k;
        }
        self.mask_shift.next = bit_cast::<9, 6>(self.dead_lanes.val()) << 3;
        self.k_next.next = self.k_base.q.val() + self.array_rows.val();
        self.n_next.next = self.n_base.q.val() + self.array_cols.val();
        match self.state.q.val() {
            State::Idle => {
                if self.start.val() {
                    self.state.d.next = State::Begin;
                }
            }
            State::Begin => {
                self.lane_mask.d.next = self.ones.val() >> self.mask_shift.val();
                self.tile.d.next = bit_cast::<20, 32>(self.op.val().b_base);
                self.rows_from.d.next = bit_cast::<20, 32>(self.op.val().a_base);
                self.tiles_left.d.next = self.op.val().kt - 1;
                self.first_tile.d.next = true;
                self.k_base.d.next = 0.into();
                self.n_base.d.next = 0.into();
                self.n_pass.d.next = 0.into();
                self.weight_row.d.next = 0.into();
                self.state.d.next = State::Weights;
            }
            State::Weights => {
                self.weight_row.d.next = self.weight_row.q.val() + 1;
                if self.weight_row.q.val() == self.last_weight_row.val() {
                    self.weight_row.d.next = 0.into();
                    self.state.d.next = State::Settle;
                }
            }
            State::Settle => {
                if !self.valid.q.val().any() {
                    self.a.load.next = true;
                    self.d.load.next = true;
                    self.pass.d.next = self.n_pass.q.val();
                    self.k_shift.d.next = bit_cast::<9, 6>(self.k_base.q.val()) << 3;
                    self.counts.d.next = (self.k_base.q.val() == 0) & (self.n_base.q.val() == 0);
                    self.zero.d.next = (self.k_base.q.val() == 0)
                        & (self.n_base.q.val() == 0)
                        & self.first_tile.q.val()
                        & !self.op.val().accumulate;
                    self.state.d.next = State::Stream;
                }
            }
            State::Stream => {
                if self.a.last.val() {
                    self.state.d.next = State::Weights;
                    if !self.depthwise.val() & (self.n_next.val() < self.op.val().n) {
                        self.n_base.d.next = self.n_next.val();
                        self.n_pass.d.next = self.n_pass.q.val() + 1;
                    } else {
                        self.n_base.d.next = 0.into();
                        self.n_pass.d.next = 0.into();
                        if self.k_next.val() < self.op.val().k {
                            self.k_base.d.next = self.k_next.val();
                        } else {
                            self.k_base.d.next = 0.into();
                            self.first_tile.d.next = false;
                            self.tile.d.next = self.tile.q.val() + bit_cast::<20, 32>(self.op.val().b_sk);
                            self.rows_from.d.next = self.rows_from.q.val() + bit_cast::<20, 32>(self.op.val().a_sk);
                            self.tiles_left.d.next = self.tiles_left.q.val() - 1;
                            if self.tiles_left.q.val() == 0 {
                                self.state.d.next = State::Drain;
                            }
                        }
                    }
                }
            }
            State::Drain => {
                if !self.valid.q.val().any() {
                    self.state.d.next = State::Done;
                }
            }
            State::Done => {
                self.state.d.next = State::Idle;
            }
        }
        self.done.next = self.state.q.val() == State::Done;
    }
}
