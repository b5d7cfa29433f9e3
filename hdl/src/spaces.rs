//! The size of the space that each operand of an instruction addresses.

use isa::Subtree;
use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{Fixed, Kind};
use crate::profile::SizesLog2;

/// Combinational; b is always in spad. `MOVE`'s m counts bytes.
#[derive(LogicBlock, Default)]
pub(crate) struct Spaces {
    pub(crate) kind: Signal<In, Kind>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) sizes: Signal<In, SizesLog2>,
    pub(crate) d_log2: Signal<Out, Bits<8>>,
    pub(crate) a_log2: Signal<Out, Bits<8>>,
    pub(crate) b_log2: Signal<Out, Bits<8>>,
    moves_dram: Signal<Local, Bit>,
    region_const: Fixed<3, { Subtree::Const as u64 }>,
    region_input: Fixed<3, { Subtree::Input as u64 }>,
    region_work: Fixed<3, { Subtree::Work as u64 }>,
}

impl Logic for Spaces {
    #[hdl_gen]
    fn update(&mut self) {
        self.moves_dram.next = (self.kind.val() == Kind::Load) | (self.kind.val() == Kind::Store);
        self.d_log2.next = self.sizes.val().spad;
        if (self.kind.val() == Kind::Matmul)
            | ((self.moves_dram.val() | (self.kind.val() == Kind::Fill)) & self.op.val().space)
        {
            self.d_log2.next = self.sizes.val().acc;
        }
        self.a_log2.next = self.sizes.val().spad;
        if self.kind.val() == Kind::Requant {
            self.a_log2.next = self.sizes.val().acc;
        } else if self.kind.val() == Kind::Move {
            self.a_log2.next = self.sizes.val().spad + 5;
        } else if self.moves_dram.val() {
            self.a_log2.next = self.sizes.val().result;
            if self.op.val().region == self.region_const.val() {
                self.a_log2.next = self.sizes.val().constant;
            } else if self.op.val().region == self.region_input.val() {
                self.a_log2.next = self.sizes.val().request;
            } else if self.op.val().region == self.region_work.val() {
                self.a_log2.next = self.sizes.val().work;
            }
        }
        self.b_log2.next = self.sizes.val().spad;
    }
}
