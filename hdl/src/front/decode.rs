//! Takes an instruction word apart: fields where `isa`'s table has them, signs extended, absent operands zero.

use isa::Subtree;
use rust_hdl::prelude::*;

use crate::encoding::*;
use crate::operation::Operation;
use crate::prims::{Fixed, Kind};
use crate::traits::Traits;

/// The operands and counts of an instruction before registers are read, and which registers. Combinational.
#[derive(LogicBlock, Default)]
pub(crate) struct Decode {
    pub(crate) word: Signal<In, Bits<256>>,
    pub(crate) kind: Signal<In, Kind>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) base_const: Signal<In, Bits<32>>,
    pub(crate) base_input: Signal<In, Bits<32>>,
    pub(crate) base_work: Signal<In, Bits<32>>,
    pub(crate) base_output: Signal<In, Bits<32>>,
    /// Bases without registers; `kt`, `n` and `k` are 1 where the instruction has none.
    pub(crate) fields: Signal<Out, Operation>,
    pub(crate) csel: Signal<Out, Bits<3>>,
    pub(crate) count_reg: Signal<Out, Bits<4>>,
    pub(crate) d_reg: Signal<Out, Bits<4>>,
    /// Of a or m; ra of the scalar instructions.
    pub(crate) a_reg: Signal<Out, Bits<4>>,
    pub(crate) b_reg: Signal<Out, Bits<4>>,
    /// Of the parameter row, or of the limit of indices; rv of `ARGMAX`; rb of the scalar instructions.
    pub(crate) p_reg: Signal<Out, Bits<4>>,
    bits16: Signal<Local, Bits<16>>,
    bits20: Signal<Local, Bits<20>>,
    bits32: Signal<Local, Bits<32>>,
    at_n0: Fixed<8, { N0.lsb }>,
    at_n1: Fixed<8, { N1.lsb }>,
    at_n: Fixed<8, { N.lsb }>,
    at_k: Fixed<8, { K.lsb }>,
    at_kt: Fixed<8, { KT.lsb }>,
    at_d_base: Fixed<8, { D_BASE.lsb }>,
    at_d_s0: Fixed<8, { D_S0.lsb }>,
    at_d_s1: Fixed<8, { D_S1.lsb }>,
    at_a_base: Fixed<8, { A_BASE.lsb }>,
    at_a_reg: Fixed<8, { A_REG.lsb }>,
    at_a_s0: Fixed<8, { A_S0.lsb }>,
    at_a_s1: Fixed<8, { A_S1.lsb }>,
    at_a_sk: Fixed<8, { A_SK.lsb }>,
    at_m_base: Fixed<8, { M_BASE.lsb }>,
    at_m_reg: Fixed<8, { M_REG.lsb }>,
    at_m_s0: Fixed<8, { M_S0.lsb }>,
    at_m_s1: Fixed<8, { M_S1.lsb }>,
    at_b_base: Fixed<8, { B_BASE.lsb }>,
    at_b_reg: Fixed<8, { B_REG.lsb }>,
    at_b_s0: Fixed<8, { B_S0.lsb }>,
    at_b_s1: Fixed<8, { B_S1.lsb }>,
    at_w_sk: Fixed<8, { W_SK.lsb }>,
    at_p_base: Fixed<8, { P_BASE.lsb }>,
    at_p_reg: Fixed<8, { P_REG.lsb }>,
    at_index: Fixed<8, { INDEX.lsb }>,
    at_limit: Fixed<8, { LIMIT.lsb }>,
    at_limit_reg: Fixed<8, { LIMIT_REG.lsb }>,
    at_creg: Fixed<8, { CREG.lsb }>,
    at_csel: Fixed<8, { CSEL.lsb }>,
    at_d_reg: Fixed<8, { D_REG.lsb }>,
    at_ra: Fixed<8, { RA.lsb }>,
    at_rb: Fixed<8, { RB.lsb }>,
    at_rv: Fixed<8, { RV.lsb }>,
    at_region: Fixed<8, { REGION.lsb }>,
    region_const: Fixed<3, { Subtree::Const as u64 }>,
    region_input: Fixed<3, { Subtree::Input as u64 }>,
    region_work: Fixed<3, { Subtree::Work as u64 }>,
    bits3: Signal<Local, Bits<3>>,
    at_space: Fixed<8, { SPACE.lsb }>,
    at_acc: Fixed<8, { ACC.lsb }>,
    at_tr: Fixed<8, { TR.lsb }>,
    at_form: Fixed<8, { FORM.lsb }>,
    at_shift: Fixed<8, { SHIFT.lsb }>,
    at_imm: Fixed<8, { IMM.lsb }>,
    at_offset: Fixed<8, { OFFSET.lsb }>,
    at_zp: Fixed<8, { ZP.lsb }>,
    at_lo: Fixed<8, { LO.lsb }>,
    at_hi: Fixed<8, { HI.lsb }>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Decode {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.next.kind = self.kind.val();
        self.fields.next.value = 0.into();
        self.csel.next = self.word.val().get_bits::<{ CSEL.width }>(self.at_csel.val().index());
        self.count_reg.next = self.word.val().get_bits::<{ CREG.width }>(self.at_creg.val().index());
        self.d_reg.next = self.word.val().get_bits::<{ D_REG.width }>(self.at_d_reg.val().index());
        self.fields.next.n0 = self.word.val().get_bits::<{ N0.width }>(self.at_n0.val().index());
        self.fields.next.n1 = self.word.val().get_bits::<{ N1.width }>(self.at_n1.val().index());
        self.fields.next.n = self.word.val().get_bits::<{ N.width }>(self.at_n.val().index());
        self.fields.next.k = self.word.val().get_bits::<{ K.width }>(self.at_k.val().index());
        self.fields.next.kt = self.word.val().get_bits::<{ KT.width }>(self.at_kt.val().index());
        self.fields.next.imm = self.word.val().get_bits::<{ IMM.width }>(self.at_imm.val().index());
        self.bits3.next = self.word.val().get_bits::<{ REGION.width }>(self.at_region.val().index());
        self.fields.next.region = self.bits3.val();
        self.fields.next.region_base = self.base_output.val();
        if self.bits3.val() == self.region_const.val() {
            self.fields.next.region_base = self.base_const.val();
        } else if self.bits3.val() == self.region_input.val() {
            self.fields.next.region_base = self.base_input.val();
        } else if self.bits3.val() == self.region_work.val() {
            self.fields.next.region_base = self.base_work.val();
        }
        self.fields.next.space = self.word.val().get_bit(self.at_space.val().index());
        self.fields.next.accumulate = self.word.val().get_bit(self.at_acc.val().index());
        self.fields.next.transposed = self.word.val().get_bit(self.at_tr.val().index());
        self.fields.next.form = self.word.val().get_bits::<{ FORM.width }>(self.at_form.val().index());
        self.fields.next.shift = self.word.val().get_bits::<{ SHIFT.width }>(self.at_shift.val().index());
        self.fields.next.offset = self.word.val().get_bits::<{ OFFSET.width }>(self.at_offset.val().index());
        self.fields.next.zp = self.word.val().get_bits::<{ ZP.width }>(self.at_zp.val().index());
        self.fields.next.lo = self.word.val().get_bits::<{ LO.width }>(self.at_lo.val().index());
        self.fields.next.hi = self.word.val().get_bits::<{ HI.width }>(self.at_hi.val().index());

        self.fields.next.d_base = self.word.val().get_bits::<{ D_BASE.width }>(self.at_d_base.val().index());
        self.bits16.next = self.word.val().get_bits::<{ D_S0.width }>(self.at_d_s0.val().index());
        self.bits20.next = bit_cast::<20, 16>(self.bits16.val());
        if self.bits16.val().get_bit(15) {
            self.bits20.next = self.bits20.val() | 0xf_0000;
        }
        self.fields.next.d_s0 = self.bits20.val();
        self.bits16.next = self.word.val().get_bits::<{ D_S1.width }>(self.at_d_s1.val().index());
        self.bits20.next = bit_cast::<20, 16>(self.bits16.val());
        if self.bits16.val().get_bit(15) {
            self.bits20.next = self.bits20.val() | 0xf_0000;
        }
        self.fields.next.d_s1 = self.bits20.val();

        self.bits20.next = self.word.val().get_bits::<{ A_BASE.width }>(self.at_a_base.val().index());
        self.fields.next.a_base = bit_cast::<32, 20>(self.bits20.val());
        self.a_reg.next = self.word.val().get_bits::<{ RA.width }>(self.at_ra.val().index());
        if self.traits.val().a & !self.traits.val().word {
            self.a_reg.next = self.word.val().get_bits::<{ A_REG.width }>(self.at_a_reg.val().index());
        }
        self.bits16.next = self.word.val().get_bits::<{ A_S0.width }>(self.at_a_s0.val().index());
        self.bits32.next = bit_cast::<32, 16>(self.bits16.val());
        if self.bits16.val().get_bit(15) {
            self.bits32.next = self.bits32.val() | 0xffff_0000_u64;
        }
        self.fields.next.a_s0 = self.bits32.val();
        self.bits16.next = self.word.val().get_bits::<{ A_S1.width }>(self.at_a_s1.val().index());
        self.bits32.next = bit_cast::<32, 16>(self.bits16.val());
        if self.bits16.val().get_bit(15) {
            self.bits32.next = self.bits32.val() | 0xffff_0000_u64;
        }
        self.fields.next.a_s1 = self.bits32.val();
        self.bits16.next = self.word.val().get_bits::<{ A_SK.width }>(self.at_a_sk.val().index());
        self.bits32.next = bit_cast::<32, 16>(self.bits16.val());
        if self.bits16.val().get_bit(15) {
            self.bits32.next = self.bits32.val() | 0xffff_0000_u64;
        }
        self.fields.next.a_sk = self.bits32.val();
        if self.traits.val().wide {
            self.fields.next.a_base = self.word.val().get_bits::<{ M_BASE.width }>(self.at_m_base.val().index());
            self.a_reg.next = self.word.val().get_bits::<{ M_REG.width }>(self.at_m_reg.val().index());
            self.fields.next.a_s0 = self.word.val().get_bits::<{ M_S0.width }>(self.at_m_s0.val().index());
            self.fields.next.a_s1 = self.word.val().get_bits::<{ M_S1.width }>(self.at_m_s1.val().index());
        }
        if self.traits.val().word {
            self.fields.next.a_base = self.word.val().get_bits::<{ IMM.width }>(self.at_imm.val().index());
        }
        if self.traits.val().word | !self.traits.val().a {
            self.fields.next.a_s0 = 0.into();
            self.fields.next.a_s1 = 0.into();
        }

        self.bits20.next = self.word.val().get_bits::<{ B_BASE.width }>(self.at_b_base.val().index());
        self.fields.next.b_base = bit_cast::<32, 20>(self.bits20.val());
        self.b_reg.next = self.word.val().get_bits::<{ B_REG.width }>(self.at_b_reg.val().index());
        self.bits16.next = self.word.val().get_bits::<{ B_S0.width }>(self.at_b_s0.val().index());
        self.bits32.next = bit_cast::<32, 16>(self.bits16.val());
        if self.bits16.val().get_bit(15) {
            self.bits32.next = self.bits32.val() | 0xffff_0000_u64;
        }
        self.fields.next.b_s0 = self.bits32.val();
        self.bits16.next = self.word.val().get_bits::<{ B_S1.width }>(self.at_b_s1.val().index());
        self.bits32.next = bit_cast::<32, 16>(self.bits16.val());
        if self.bits16.val().get_bit(15) {
            self.bits32.next = self.bits32.val() | 0xffff_0000_u64;
        }
        self.fields.next.b_s1 = self.bits32.val();
        self.fields.next.b_sk = 0.into();
        if self.traits.val().weights {
            self.fields.next.b_s0 = 0.into();
            self.fields.next.b_s1 = 0.into();
            self.bits16.next = self.word.val().get_bits::<{ W_SK.width }>(self.at_w_sk.val().index());
            self.bits32.next = bit_cast::<32, 16>(self.bits16.val());
            if self.bits16.val().get_bit(15) {
                self.bits32.next = self.bits32.val() | 0xffff_0000_u64;
            }
            self.fields.next.b_sk = self.bits32.val();
        }

        self.fields.next.p_base = self.word.val().get_bits::<{ P_BASE.width }>(self.at_p_base.val().index());
        self.p_reg.next = self.word.val().get_bits::<{ RB.width }>(self.at_rb.val().index());
        if self.kind.val() == Kind::Argmax {
            self.p_reg.next = self.word.val().get_bits::<{ RV.width }>(self.at_rv.val().index());
        } else if self.traits.val().p {
            self.p_reg.next = self.word.val().get_bits::<{ P_REG.width }>(self.at_p_reg.val().index());
        }
        self.fields.next.limit = self.word.val().get_bits::<{ LIMIT.width }>(self.at_limit.val().index());
        if self.traits.val().indexed {
            self.fields.next.p_base = self.word.val().get_bits::<{ INDEX.width }>(self.at_index.val().index());
            self.p_reg.next = self.word.val().get_bits::<{ LIMIT_REG.width }>(self.at_limit_reg.val().index());
        }

        if self.traits.val().indexed {
            self.fields.next.space = false;
        }
        if !self.traits.val().loops {
            self.fields.next.n0 = 1.into();
            self.fields.next.n1 = 1.into();
        }
        if !self.traits.val().taps {
            self.fields.next.kt = 1.into();
            self.fields.next.a_sk = 0.into();
        }
        if !self.traits.val().inputs {
            self.fields.next.k = 1.into();
        }
        if !self.traits.val().lanes {
            self.fields.next.n = 1.into();
        }
    }
}
