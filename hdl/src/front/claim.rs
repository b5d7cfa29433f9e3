//! What an admitted instruction reads and writes, as the scoreboard compares it.

use isa::Subtree;
use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::Fixed;
use crate::scoreboard::Claim;
use crate::traits::Traits;

/// Combinational. Hulls are within their spaces, so 32 bits hold them; words and bytes become rows.
#[derive(LogicBlock, Default)]
pub(crate) struct Claims {
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) d_low: Signal<In, Bits<60>>,
    pub(crate) d_high: Signal<In, Bits<60>>,
    pub(crate) a_low: Signal<In, Bits<60>>,
    pub(crate) a_high: Signal<In, Bits<60>>,
    pub(crate) b_low: Signal<In, Bits<60>>,
    pub(crate) b_high: Signal<In, Bits<60>>,
    pub(crate) p_low: Signal<In, Bits<60>>,
    pub(crate) p_high: Signal<In, Bits<60>>,
    pub(crate) claim: Signal<Out, Claim>,
    low: Signal<Local, Bits<32>>,
    high: Signal<Local, Bits<32>>,
    space: Signal<Local, Bits<2>>,
    d_space: Signal<Local, Bits<2>>,
    shared: Signal<Local, Bit>,
    in_acc: Fixed<2, 1>,
    in_work: Fixed<2, 2>,
    in_output: Fixed<2, 3>,
    region_work: Fixed<3, { Subtree::Work as u64 }>,
    region_output: Fixed<3, { Subtree::Output as u64 }>,
}

impl Logic for Claims {
    #[hdl_gen]
    fn update(&mut self) {
        // a, in rows; `const` and `input` are never written.
        self.low.next = self.a_low.val().get_bits::<32>(0);
        self.high.next = self.a_high.val().get_bits::<32>(0);
        if self.traits.val().bytes {
            self.low.next = self.a_low.val().get_bits::<32>(5);
            self.high.next = self.a_high.val().get_bits::<32>(5);
        } else if self.traits.val().word {
            self.low.next = self.a_low.val().get_bits::<32>(3);
            self.high.next = self.a_high.val().get_bits::<32>(3);
        }
        self.shared.next = !self.traits.val().a_dram
            | (self.op.val().region == self.region_work.val())
            | (self.op.val().region == self.region_output.val());
        self.space.next = 0.into();
        if self.traits.val().a_acc {
            self.space.next = self.in_acc.val();
        } else if self.traits.val().a_dram {
            self.space.next = self.in_output.val();
            if self.op.val().region == self.region_work.val() {
                self.space.next = self.in_work.val();
            }
        }
        self.d_space.next = 0.into();
        if self.traits.val().d_acc {
            self.d_space.next = self.in_acc.val();
        }

        // `STORE` and `SW` write a, the others d.
        self.claim.next.unit = self.traits.val().unit;
        self.claim.next.write_valid = self.traits.val().d;
        self.claim.next.write_space = self.d_space.val();
        self.claim.next.write_low = self.d_low.val().get_bits::<32>(0);
        self.claim.next.write_high = self.d_high.val().get_bits::<32>(0);
        self.claim.next.first_valid = self.traits.val().a & self.shared.val();
        self.claim.next.first_space = self.space.val();
        self.claim.next.first_low = self.low.val();
        self.claim.next.first_high = self.high.val();
        if self.traits.val().a_folds {
            self.claim.next.write_valid = true;
            self.claim.next.write_space = self.space.val();
            self.claim.next.write_low = self.low.val();
            self.claim.next.write_high = self.high.val();
            self.claim.next.first_valid = self.traits.val().d;
            self.claim.next.first_space = self.d_space.val();
            self.claim.next.first_low = self.d_low.val().get_bits::<32>(0);
            self.claim.next.first_high = self.d_high.val().get_bits::<32>(0);
        }
        self.claim.next.second_valid = self.traits.val().b;
        self.claim.next.second_acc = self.traits.val().b_acc;
        self.claim.next.second_low = self.b_low.val().get_bits::<20>(0);
        self.claim.next.second_high = self.b_high.val().get_bits::<20>(0);
        self.claim.next.third_valid = self.traits.val().p;
        self.claim.next.third_low = self.p_low.val().get_bits::<20>(0);
        self.claim.next.third_high = self.p_high.val().get_bits::<20>(0);
    }
}
