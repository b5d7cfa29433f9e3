//! The hulls of the three operands of an instruction, one level of a loop a step.

use rust_hdl::prelude::*;

use crate::check::Step;
use crate::hull::Hull;
use crate::operation::Operation;
use crate::prims::{Fixed, Kind};

/// Follows the checker's steps: an operand begins when its register's value is there, and each product reaches the
/// hull one step after its level.
#[derive(LogicBlock, Default)]
pub(crate) struct Hulls {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) step: Signal<In, Step>,
    pub(crate) kind: Signal<In, Kind>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) register: Signal<In, Bits<32>>,
    pub(crate) product: Signal<In, Bits<64>>,
    /// The stride of the step before is negative.
    pub(crate) negative: Signal<In, Bit>,
    pub(crate) d_low: Signal<Out, Bits<52>>,
    pub(crate) d_high: Signal<Out, Bits<52>>,
    pub(crate) a_low: Signal<Out, Bits<52>>,
    pub(crate) a_high: Signal<Out, Bits<52>>,
    pub(crate) b_low: Signal<Out, Bits<52>>,
    pub(crate) b_high: Signal<Out, Bits<52>>,
    d: Hull,
    a: Hull,
    b: Hull,
    beyond_tile: Fixed<6, { isa::TILE_ROWS as u64 - 1 }>,
    beyond_block: Fixed<6, { isa::PARAM_ROWS as u64 - 1 }>,
    beyond_row32: Fixed<6, { isa::ROW32_LEAVES as u64 - 1 }>,
}

impl Logic for Hulls {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, d, a, b);
        self.d.first.next = self.step.val() == Step::D0;
        self.d.add.next = (self.step.val() == Step::D1) | (self.step.val() == Step::A0);
        self.d.base.next = bit_cast::<32, 20>(self.op.val().d_base);
        self.d.extra.next = 0.into();
        self.d.register.next = self.register.val();
        self.d.negative.next = self.negative.val();
        self.d.reach.next = self.product.val();

        self.a.first.next = self.step.val() == Step::A0;
        self.a.add.next = (self.step.val() == Step::A1) | (self.step.val() == Step::At) | (self.step.val() == Step::B0);
        self.a.base.next = self.op.val().a_base;
        self.a.extra.next = 0.into();
        if self.kind.val() == Kind::Move {
            self.a.extra.next = self.op.val().n - 1;
        } else if self.op.val().space & ((self.kind.val() == Kind::Load) | (self.kind.val() == Kind::Store)) {
            self.a.extra.next = self.beyond_row32.val();
        }
        self.a.register.next = self.register.val();
        self.a.negative.next = self.negative.val();
        self.a.reach.next = self.product.val();

        self.b.first.next = self.step.val() == Step::B0;
        self.b.add.next =
            (self.step.val() == Step::B1) | (self.step.val() == Step::Bt) | (self.step.val() == Step::Self0);
        self.b.base.next = bit_cast::<32, 20>(self.op.val().b_base);
        self.b.extra.next = self.beyond_block.val();
        if self.kind.val() == Kind::Matmul {
            self.b.extra.next = self.beyond_tile.val();
        }
        self.b.register.next = self.register.val();
        self.b.negative.next = self.negative.val();
        self.b.reach.next = self.product.val();

        self.d_low.next = self.d.low.val();
        self.d_high.next = self.d.high.val();
        self.a_low.next = self.a.low.val();
        self.a_high.next = self.a.high.val();
        self.b_low.next = self.b.low.val();
        self.b_high.next = self.b.high.val();
    }
}
