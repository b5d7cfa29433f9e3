//! Whether an affine destination may name one row twice: the sufficient test that is part of the ISA.

use rust_hdl::prelude::*;

use crate::check::Step;
use crate::operation::Operation;
use crate::traits::Traits;

/// Keeps the |strides| of the destination (m of `STORE`, d of the others) and multiplies them by the counts.
/// `folds` is valid in step `Verdict`.
#[derive(LogicBlock, Default)]
pub(crate) struct Fold {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) step: Signal<In, Step>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    /// |stride| of this step.
    pub(crate) size: Signal<In, Bits<32>>,
    pub(crate) product: Signal<In, Bits<64>>,
    pub(crate) factor_a: Signal<Out, Bits<32>>,
    pub(crate) factor_b: Signal<Out, Bits<16>>,
    pub(crate) folds: Signal<Out, Bit>,
    size0: DFF<Bits<32>>,
    size1: DFF<Bits<32>>,
    reach0: DFF<Bits<64>>,
    reach1: DFF<Bits<64>>,
    stores: Signal<Local, Bit>,
    one_level: Signal<Local, Bit>,
    apart: Signal<Local, Bit>,
}

impl Logic for Fold {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, size0, size1, reach0, reach1);
        self.stores.next = self.traits.val().a_folds;
        self.factor_a.next = self.size0.q.val();
        self.factor_b.next = self.op.val().n0;
        if (self.step.val() == Step::D0) | ((self.step.val() == Step::A0) & self.stores.val()) {
            self.size0.d.next = self.size.val();
        }
        if (self.step.val() == Step::D1) | ((self.step.val() == Step::A1) & self.stores.val()) {
            self.size1.d.next = self.size.val();
        }
        if self.step.val() == Step::Self1 {
            self.factor_a.next = self.size1.q.val();
            self.factor_b.next = self.op.val().n1;
            self.reach0.d.next = self.product.val();
        }
        if self.step.val() == Step::Last {
            self.reach1.d.next = self.product.val();
        }
        self.one_level.next = (self.op.val().n0 == 1) | (self.op.val().n1 == 1);
        self.apart.next = (bit_cast::<64, 32>(self.size1.q.val()) >= self.reach0.q.val())
            | (bit_cast::<64, 32>(self.size0.q.val()) >= self.reach1.q.val());
        self.folds.next = ((self.op.val().n0 != 1) & (self.size0.q.val() == 0))
            | ((self.op.val().n1 != 1) & (self.size1.q.val() == 0))
            | (!self.one_level.val() & !self.apart.val());
    }
}
