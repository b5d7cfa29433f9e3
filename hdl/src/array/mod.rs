//! `MATMUL`: a weight-stationary array of `array_rows` inputs by `array_cols` outputs, one row a cycle.
//!
//! A tile of 32 × 32 takes a pass for each sub-tile that has live inputs and outputs. The loader puts the next
//! sub-tile into shadow registers while the streamer sends rows through the present one, over the ends of tiles and of
//! instructions; the streamer begins a pass in the cycle after the last row of the one before. Every pass reads a row
//! of acc, adds to all its lanes (those of dead outputs have weight 0), and writes it; the first pass of an
//! instruction that does not accumulate starts from zero.

mod interlock;
mod loader;
mod streamer;
#[cfg(test)]
mod tests;
mod weight_row;

use rust_hdl::prelude::*;

use self::loader::Loader;
use self::streamer::Streamer;
use crate::operation::Operation;
use crate::params::Params;
use crate::prims::Grid;

/// One sub-tile's way through the array: what the streamer needs to know.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Pass {
    /// Rows.
    pub(crate) n0: Bits<16>,
    pub(crate) n1: Bits<16>,
    /// Rows of activations.
    pub(crate) a_base: Bits<20>,
    pub(crate) a_s0: Bits<20>,
    pub(crate) a_s1: Bits<20>,
    /// Rows of acc.
    pub(crate) d_base: Bits<20>,
    pub(crate) d_s0: Bits<20>,
    pub(crate) d_s1: Bits<20>,
    /// Which inputs, in units of the array's rows.
    pub(crate) k_group: Bits<3>,
    /// Which outputs, in units of the array's columns.
    pub(crate) n_group: Bits<3>,
    /// Replaces acc.
    pub(crate) zero: Bit,
    /// The instruction's last.
    pub(crate) last: Bit,
    /// Live products to be counted for each row: all of the tile's in its first pass, else none.
    pub(crate) macs: Bits<12>,
}

/// A row on its way through the array.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Row {
    pub(crate) valid: Bit,
    /// The instruction's last.
    pub(crate) last: Bit,
    pub(crate) zero: Bit,
    pub(crate) k_group: Bits<3>,
    pub(crate) n_group: Bits<3>,
    /// Its row of acc.
    pub(crate) place: Bits<20>,
}

/// The matrix unit. Takes instructions while it executes one; they retire in order.
#[derive(LogicBlock)]
pub(crate) struct Array {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) retire: Signal<Out, Bit>,
    pub(crate) state: Signal<Out, Bits<3>>,
    pub(crate) weights_read: Signal<Out, Bit>,
    pub(crate) weights_address: Signal<Out, Bits<20>>,
    pub(crate) weights_grant: Signal<In, Bit>,
    pub(crate) weights_data: Signal<In, Bits<256>>,
    pub(crate) activations_read: Signal<Out, Bit>,
    pub(crate) activations_address: Signal<Out, Bits<20>>,
    pub(crate) activations_grant: Signal<In, Bit>,
    pub(crate) activations_data: Signal<In, Bits<256>>,
    /// Reads and writes of acc are never denied.
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) acc_address: Signal<Out, Bits<20>>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) acc_write_address: Signal<Out, Bits<20>>,
    pub(crate) acc_write_data: Signal<Out, Bits<1024>>,
    /// Live products of the row that has entered the array in the cycle before.
    pub(crate) macs: Signal<Out, Bits<12>>,
    loader: Loader,
    streamer: Streamer,
    grid: Grid,
    begins: Signal<Local, Bit>,
}

impl Array {
    pub(crate) fn new(params: &Params) -> Array {
        Array {
            clock: Signal::default(),
            ready: Signal::default(),
            op: Signal::default(),
            take: Signal::default(),
            retire: Signal::default(),
            state: Signal::default(),
            weights_read: Signal::default(),
            weights_address: Signal::default(),
            weights_grant: Signal::default(),
            weights_data: Signal::default(),
            activations_read: Signal::default(),
            activations_address: Signal::default(),
            activations_grant: Signal::default(),
            activations_data: Signal::default(),
            acc_read: Signal::default(),
            acc_address: Signal::default(),
            acc_data: Signal::default(),
            acc_write: Signal::default(),
            acc_write_address: Signal::default(),
            acc_write_data: Signal::default(),
            macs: Signal::default(),
            loader: Loader::new(params.array_rows, params.array_cols),
            streamer: Streamer::default(),
            grid: Grid::new(params.array_rows, params.array_cols),
            begins: Signal::default(),
        }
    }
}

impl Logic for Array {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, loader, streamer, grid);
        self.begins.next = self.loader.loaded.val() & self.streamer.free.val();
        self.loader.ready.next = self.ready.val();
        self.loader.op.next = self.op.val();
        self.loader.begins.next = self.begins.val();
        self.loader.grant.next = self.weights_grant.val();
        self.streamer.begins.next = self.begins.val();
        self.streamer.next_pass.next = self.loader.pass.val();
        self.streamer.grant.next = self.activations_grant.val();
        self.take.next = self.loader.take.val();
        self.weights_read.next = self.loader.read.val();
        self.weights_address.next = self.loader.address.val();
        self.activations_read.next = self.streamer.read.val();
        self.activations_address.next = self.streamer.address.val();

        self.grid.load.next = self.loader.load.val();
        self.grid.load_index.next = self.loader.load_index.val();
        self.grid.load_group.next = self.loader.load_group.val();
        self.grid.load_live.next = self.loader.load_live.val();
        self.grid.load_transposed.next = self.loader.load_transposed.val();
        self.grid.weights.next = self.weights_data.val();
        self.grid.swap.next = self.streamer.swap.val();
        self.grid.enable.next = self.streamer.read_before.val().valid;
        self.grid.group.next = self.streamer.read_before.val().k_group;
        self.grid.activations.next = self.activations_data.val();
        self.grid.add.next = self.streamer.summed.val().valid;
        self.grid.zero.next = self.streamer.summed.val().zero;
        self.grid.pass.next = self.streamer.summed.val().n_group;
        self.grid.base.next = self.acc_data.val();
        self.acc_read.next = self.streamer.summing.val().valid & !self.streamer.summing.val().zero;
        self.acc_address.next = self.streamer.summing.val().place;
        self.acc_write.next = self.streamer.added.val().valid;
        self.acc_write_address.next = self.streamer.added.val().place;
        self.acc_write_data.next = self.grid.out.val();
        self.retire.next = self.streamer.added.val().last;
        self.macs.next = self.streamer.macs.val();

        self.state.next = 0.into();
        if self.streamer.busy.val() {
            self.state.next = 1.into();
            if !self.streamer.read.val() {
                self.state.next = 6.into();
            } else if !self.activations_grant.val() {
                self.state.next = 3.into();
            }
        } else if self.loader.busy.val() {
            self.state.next = 5.into();
            if self.loader.read.val() & !self.weights_grant.val() {
                self.state.next = 3.into();
            }
        } else if self.streamer.draining.val() {
            self.state.next = 6.into();
        }
    }
}
