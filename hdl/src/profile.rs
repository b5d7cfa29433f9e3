//! What a run is given: sizes and limit in the profile leaf of a program's head, and where the regions lie.

use isa::Profile;
use rust_hdl::prelude::*;

/// Splits the leaf. All outputs are registers, one cycle behind their inputs.
#[derive(LogicBlock)]
pub(crate) struct Head {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) profile: Signal<In, Bits<256>>,
    pub(crate) base_text: Signal<In, Bits<32>>,
    pub(crate) base_const: Signal<In, Bits<32>>,
    pub(crate) base_input: Signal<In, Bits<32>>,
    pub(crate) base_work: Signal<In, Bits<32>>,
    pub(crate) base_output: Signal<In, Bits<32>>,
    pub(crate) limit: Signal<Out, Bits<64>>,
    pub(crate) sizes: Signal<Out, SizesLog2>,
    pub(crate) row_text: Signal<Out, Bits<32>>,
    pub(crate) row_const: Signal<Out, Bits<32>>,
    pub(crate) row_input: Signal<Out, Bits<32>>,
    pub(crate) row_work: Signal<Out, Bits<32>>,
    pub(crate) row_output: Signal<Out, Bits<32>>,
    text_row: DFF<Bits<32>>,
    const_row: DFF<Bits<32>>,
    input_row: DFF<Bits<32>>,
    work_row: DFF<Bits<32>>,
    output_row: DFF<Bits<32>>,
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

impl Default for Head {
    fn default() -> Head {
        Head {
            clock: Signal::default(),
            profile: Signal::default(),
            base_text: Signal::default(),
            base_const: Signal::default(),
            base_input: Signal::default(),
            base_work: Signal::default(),
            base_output: Signal::default(),
            limit: Signal::default(),
            sizes: Signal::default(),
            row_text: Signal::default(),
            row_const: Signal::default(),
            row_input: Signal::default(),
            row_work: Signal::default(),
            row_output: Signal::default(),
            text_row: DFF::default(),
            const_row: DFF::default(),
            input_row: DFF::default(),
            work_row: DFF::default(),
            output_row: DFF::default(),
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

impl Logic for Head {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, step_limit, log2, text_row, const_row, input_row, work_row, output_row);
        self.text_row.d.next = self.base_text.val();
        self.row_text.next = self.text_row.q.val();
        self.const_row.d.next = self.base_const.val();
        self.row_const.next = self.const_row.q.val();
        self.input_row.d.next = self.base_input.val();
        self.row_input.next = self.input_row.q.val();
        self.work_row.d.next = self.base_work.val();
        self.row_work.next = self.work_row.q.val();
        self.output_row.d.next = self.base_output.val();
        self.row_output.next = self.output_row.q.val();

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
