//! The scalar instructions.

use rust_hdl::prelude::*;

use crate::prims::Kind;

/// Combinational; `product` is the multiplier's, of the factors `a` and `second` one cycle before.
#[derive(LogicBlock, Default)]
pub(crate) struct Alu {
    pub(crate) kind: Signal<In, Kind>,
    /// x[ra], x[rb], and the immediate.
    pub(crate) a: Signal<In, Bits<32>>,
    pub(crate) b: Signal<In, Bits<32>>,
    pub(crate) imm: Signal<In, Bits<32>>,
    /// x[rb] + imm: the second operand, also of the multiplier.
    pub(crate) second: Signal<Out, Bits<32>>,
    pub(crate) product: Signal<In, Bits<64>>,
    pub(crate) result: Signal<Out, Bits<32>>,
    /// The instruction writes x[rd].
    pub(crate) writes: Signal<Out, Bit>,
    /// The branch is taken.
    pub(crate) taken: Signal<Out, Bit>,
    operand: Signal<Local, Bits<32>>,
    places: Signal<Local, Bits<5>>,
}

impl Logic for Alu {
    #[hdl_gen]
    fn update(&mut self) {
        self.operand.next = self.b.val() + self.imm.val();
        self.second.next = self.operand.val();
        self.places.next = self.operand.val().get_bits::<5>(0);
        self.taken.next = false;
        self.result.next = self.imm.val();
        self.writes.next = true;
        match self.kind.val() {
            Kind::Li => {}
            Kind::Add => {
                self.result.next = self.a.val() + self.operand.val();
            }
            Kind::Sub => {
                self.result.next = self.a.val() - self.operand.val();
            }
            Kind::Mul => {
                self.result.next = self.product.val().get_bits::<32>(0);
            }
            Kind::Shl => {
                self.result.next = self.a.val() << self.places.val();
            }
            Kind::Shr => {
                self.result.next = self.a.val() >> self.places.val();
            }
            Kind::And => {
                self.result.next = self.a.val() & self.operand.val();
            }
            Kind::Beq => {
                self.writes.next = false;
                self.taken.next = self.a.val() == self.b.val();
            }
            Kind::Bne => {
                self.writes.next = false;
                self.taken.next = self.a.val() != self.b.val();
            }
            Kind::Bltu => {
                self.writes.next = false;
                self.taken.next = self.a.val() < self.b.val();
            }
            Kind::Bgeu => {
                self.writes.next = false;
                self.taken.next = self.a.val() >= self.b.val();
            }
            _ => {
                self.writes.next = false;
            }
        }
    }
}
