//! The size of the space that each operand of an instruction addresses.

use isa::Subtree;
use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::Fixed;
use crate::profile::SizesLog2;
use crate::traits::Traits;

/// Combinational; p is always in spad. `MOVE`'s m counts bytes, `LW` and `SW` count words.
#[derive(LogicBlock, Default)]
pub(crate) struct Spaces {
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) sizes: Signal<In, SizesLog2>,
    pub(crate) d_log2: Signal<Out, Bits<8>>,
    pub(crate) a_log2: Signal<Out, Bits<8>>,
    pub(crate) b_log2: Signal<Out, Bits<8>>,
    pub(crate) p_log2: Signal<Out, Bits<8>>,
    region_const: Fixed<3, { Subtree::Const as u64 }>,
    region_input: Fixed<3, { Subtree::Input as u64 }>,
    region_work: Fixed<3, { Subtree::Work as u64 }>,
}

impl Logic for Spaces {
    #[hdl_gen]
    fn update(&mut self) {
        self.d_log2.next = self.sizes.val().spad;
        if self.traits.val().d_acc {
            self.d_log2.next = self.sizes.val().acc;
        }
        self.a_log2.next = self.sizes.val().spad;
        if self.traits.val().a_acc {
            self.a_log2.next = self.sizes.val().acc;
        } else if self.traits.val().bytes {
            self.a_log2.next = self.sizes.val().spad + 5;
        } else if self.traits.val().a_dram {
            self.a_log2.next = self.sizes.val().result;
            if self.op.val().region == self.region_const.val() {
                self.a_log2.next = self.sizes.val().constant;
            } else if self.op.val().region == self.region_input.val() {
                self.a_log2.next = self.sizes.val().request;
            } else if self.op.val().region == self.region_work.val() {
                self.a_log2.next = self.sizes.val().work;
            }
        }
        if self.traits.val().word {
            self.a_log2.next = self.a_log2.val() + 3;
        }
        self.b_log2.next = self.sizes.val().spad;
        if self.traits.val().b_acc {
            self.b_log2.next = self.sizes.val().acc;
        }
        self.p_log2.next = self.sizes.val().spad;
    }
}
