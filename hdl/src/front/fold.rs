//! Whether an affine destination may name one row twice: the sufficient test that is part of the ISA.

use rust_hdl::prelude::*;

use super::check::Step;
use crate::operation::Operation;
use crate::traits::Traits;

/// Keeps the |strides| of the destination (m of `STORE`, d of the others) and how far each loop reaches with them:
/// |stride| · count, which is the product for the hull and one stride more. `folds` is valid in step `Judge`.
#[derive(LogicBlock, Default)]
pub(crate) struct Fold {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) step: Signal<In, Step>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    /// |strides| of the step before, and their products with count − 1.
    pub(crate) size_x: Signal<In, Bits<32>>,
    pub(crate) size_y: Signal<In, Bits<32>>,
    pub(crate) product_x: Signal<In, Bits<64>>,
    pub(crate) product_y: Signal<In, Bits<64>>,
    pub(crate) folds: Signal<Out, Bit>,
    size0: DFF<Bits<32>>,
    size1: DFF<Bits<32>>,
    reach0: DFF<Bits<64>>,
    reach1: DFF<Bits<64>>,
    stores: Signal<Local, Bit>,
    one_level: Signal<Local, Bit>,
    apart: Signal<Local, Bit>,
    sum_x: Signal<Local, Bits<64>>,
    sum_y: Signal<Local, Bits<64>>,
}

impl Logic for Fold {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, size0, size1, reach0, reach1);
        self.stores.next = self.traits.val().a_folds;
        self.sum_x.next = self.product_x.val() + bit_cast::<64, 32>(self.size_x.val());
        self.sum_y.next = self.product_y.val() + bit_cast::<64, 32>(self.size_y.val());
        if self.stores.val() {
            if self.step.val() == Step::Second {
                self.size0.d.next = self.size_y.val();
                self.reach0.d.next = self.sum_y.val();
            }
            if self.step.val() == Step::Third {
                self.size1.d.next = self.size_y.val();
                self.reach1.d.next = self.sum_y.val();
            }
        } else {
            if self.step.val() == Step::Fourth {
                self.size0.d.next = self.size_x.val();
                self.reach0.d.next = self.sum_x.val();
            }
            if self.step.val() == Step::Last {
                self.size1.d.next = self.size_x.val();
                self.reach1.d.next = self.sum_x.val();
            }
        }
        self.one_level.next = (self.op.val().n0 == 1) | (self.op.val().n1 == 1);
        self.apart.next = (bit_cast::<64, 32>(self.size1.q.val()) >= self.reach0.q.val())
            | (bit_cast::<64, 32>(self.size0.q.val()) >= self.reach1.q.val());
        self.folds.next = ((self.op.val().n0 != 1) & (self.size0.q.val() == 0))
            | ((self.op.val().n1 != 1) & (self.size1.q.val() == 0))
            | (!self.one_level.val() & !self.apart.val());
    }
}
