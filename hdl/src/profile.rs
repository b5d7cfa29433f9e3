//! The sizes and the limit in the profile leaf of a program's head.

use isa::Profile;
use rust_hdl::prelude::*;

/// Splits the leaf; one cycle behind it.
#[derive(LogicBlock)]
pub(crate) struct Sizes {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) profile: Signal<In, Bits<256>>,
    pub(crate) limit: Signal<Out, Bits<64>>,
    pub(crate) sizes: Signal<Out, SizesLog2>,
    step_limit: DFF<Bits<64>>,
    log2: DFF<SizesLog2>,
    at_limit: Constant<Bits<8>>,
    at_text: Constant<Bits<8>>,
    at_constant: Constant<Bits<8>>,
    at_input: Constant<Bits<8>>,
    at_work: Constant<Bits<8>>,
    at_output: Constant<Bits<8>>,
    at_spad: Constant<Bits<8>>,
    at_acc: Constant<Bits<8>>,
}

/// log₂ of the rows of each space; of row32s for acc.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct SizesLog2 {
    pub(crate) text: Bits<8>,
    pub(crate) constant: Bits<8>,
    pub(crate) request: Bits<8>,
    pub(crate) work: Bits<8>,
    pub(crate) result: Bits<8>,
    pub(crate) spad: Bits<8>,
    pub(crate) acc: Bits<8>,
}

/// Where the lowest bit of a profile with only a 1 in it is.
fn lsb(profile: Profile) -> Constant<Bits<8>> {
    let leaf = profile.to_leaf();
    let byte = leaf.iter().position(|&byte| byte != 0).unwrap_or(31);
    Constant::new((8 * (31 - byte as u64) + u64::from(leaf[byte].trailing_zeros())).into())
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            clock: Signal::default(),
            profile: Signal::default(),
            limit: Signal::default(),
            sizes: Signal::default(),
            step_limit: DFF::default(),
            log2: DFF::default(),
            at_limit: lsb(Profile { limit: 1, ..Profile::default() }),
            at_text: lsb(Profile { text: 1, ..Profile::default() }),
            at_constant: lsb(Profile { constant: 1, ..Profile::default() }),
            at_input: lsb(Profile { input: 1, ..Profile::default() }),
            at_work: lsb(Profile { work: 1, ..Profile::default() }),
            at_output: lsb(Profile { output: 1, ..Profile::default() }),
            at_spad: lsb(Profile { spad: 1, ..Profile::default() }),
            at_acc: lsb(Profile { acc: 1, ..Profile::default() }),
        }
    }
}

impl Logic for Sizes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, step_limit, log2);
        self.step_limit.d.next = self.profile.val().get_bits::<64>(self.at_limit.val().index());
        self.log2.d.next.text = self.profile.val().get_bits::<8>(self.at_text.val().index());
        self.log2.d.next.constant = self.profile.val().get_bits::<8>(self.at_constant.val().index());
        self.log2.d.next.request = self.profile.val().get_bits::<8>(self.at_input.val().index());
        self.log2.d.next.work = self.profile.val().get_bits::<8>(self.at_work.val().index());
        self.log2.d.next.result = self.profile.val().get_bits::<8>(self.at_output.val().index());
        self.log2.d.next.spad = self.profile.val().get_bits::<8>(self.at_spad.val().index());
        self.log2.d.next.acc = self.profile.val().get_bits::<8>(self.at_acc.val().index());
        self.limit.next = self.step_limit.q.val();
        self.sizes.next = self.log2.q.val();
    }
}
