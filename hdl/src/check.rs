//! Admission of an instruction with operands in memory: reads its registers, sums up its hulls with one multiplier, then judges.
//!
//! One step a cycle; the product of a step is there in the next one. |stride| is multiplied by count − 1 for a hull,
//! by the count for the self-overlap test.

use rust_hdl::prelude::*;

use crate::counts::Counts;
use crate::fold::Fold;
use crate::hulls::Hulls;
use crate::judge::Judge;
use crate::level::Level;
use crate::operation::Operation;
use crate::profile::SizesLog2;
use crate::spaces::Spaces;
use crate::traits::Traits;

/// What the checker does in a cycle: counts, the product of the counts, the levels of d, a (or m), b (or w), the
/// reaches of the destination's loops, the verdict.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Step {
    Idle,
    Count,
    Rows,
    Total,
    D0,
    D1,
    A0,
    A1,
    At,
    B0,
    B1,
    Bt,
    Self0,
    Self1,
    Last,
    Verdict,
    Done,
}

/// `go` with decoded fields; `done` when `trap`, `operation` and `total` are valid, which hold until the next `go`.
#[derive(LogicBlock, Default)]
pub(crate) struct Check {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) go: Signal<In, Bit>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) fields: Signal<In, Operation>,
    pub(crate) creg: Signal<In, Bits<4>>,
    pub(crate) csel: Signal<In, Bits<3>>,
    pub(crate) d_reg: Signal<In, Bits<4>>,
    pub(crate) a_reg: Signal<In, Bits<4>>,
    pub(crate) b_reg: Signal<In, Bits<4>>,
    pub(crate) p_reg: Signal<In, Bits<4>>,
    pub(crate) sizes: Signal<In, SizesLog2>,
    /// Micro-steps that the run may still make.
    pub(crate) room: Signal<In, Bits<64>>,
    /// The register file's index, and the value one cycle later.
    pub(crate) register_index: Signal<Out, Bits<4>>,
    pub(crate) register: Signal<In, Bits<32>>,
    /// The multiplier's operands, and the product one cycle later.
    pub(crate) factor_a: Signal<Out, Bits<32>>,
    pub(crate) factor_b: Signal<Out, Bits<32>>,
    pub(crate) product: Signal<In, Bits<64>>,
    pub(crate) done: Signal<Out, Bit>,
    /// 0, or the status of the trap.
    pub(crate) trap: Signal<Out, Bits<8>>,
    /// Micro-steps of the instruction.
    pub(crate) total: Signal<Out, Bits<64>>,
    pub(crate) operation: Signal<Out, Operation>,
    step: DFF<Step>,
    op: DFF<Operation>,
    count_bad: DFF<Bit>,
    negative: DFF<Bit>,
    micro_steps: DFF<Bits<64>>,
    entries: Signal<Local, Bits<33>>,
    last_entry: Signal<Local, Bits<33>>,
    word: Signal<Local, Bits<33>>,
    counts: Counts,
    level: Level,
    fold: Fold,
    hulls: Hulls,
    spaces: Spaces,
    judge: Judge,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Check {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, step, op, count_bad, negative, micro_steps);
        clock!(self, clock, fold, hulls, judge);
        self.counts.fields.next = self.fields.val();
        self.counts.csel.next = self.csel.val();
        self.counts.register.next = self.register.val();
        self.level.traits.next = self.traits.val();
        self.level.step.next = self.step.q.val();
        self.level.op.next = self.op.q.val();
        self.negative.d.next = self.level.negative.val();
        self.fold.step.next = self.step.q.val();
        self.fold.traits.next = self.traits.val();
        self.fold.op.next = self.op.q.val();
        self.fold.size.next = self.level.size.val();
        self.fold.product.next = self.product.val();
        self.hulls.step.next = self.step.q.val();
        self.hulls.traits.next = self.traits.val();
        self.hulls.op.next = self.op.q.val();
        self.hulls.register.next = self.register.val();
        self.hulls.product.next = self.product.val();
        self.hulls.negative.next = self.negative.q.val();
        self.spaces.traits.next = self.traits.val();
        self.spaces.op.next = self.op.q.val();
        self.spaces.sizes.next = self.sizes.val();
        self.judge.traits.next = self.traits.val();
        self.judge.op.next = self.op.q.val();
        self.judge.count_bad.next = self.count_bad.q.val();
        self.judge.total.next = self.micro_steps.q.val();
        self.judge.room.next = self.room.val();
        self.judge.folds.next = self.fold.folds.val();
        self.judge.d_log2.next = self.spaces.d_log2.val();
        self.judge.a_log2.next = self.spaces.a_log2.val();
        self.judge.b_log2.next = self.spaces.b_log2.val();
        self.judge.p_log2.next = self.spaces.p_log2.val();
        self.judge.d_low.next = self.hulls.d_low.val();
        self.judge.d_high.next = self.hulls.d_high.val();
        self.judge.a_low.next = self.hulls.a_low.val();
        self.judge.a_high.next = self.hulls.a_high.val();
        self.judge.b_low.next = self.hulls.b_low.val();
        self.judge.b_high.next = self.hulls.b_high.val();
        self.judge.p_low.next = self.hulls.p_low.val();
        self.judge.p_high.next = self.hulls.p_high.val();

        self.factor_a.next = self.level.size.val();
        self.factor_b.next = bit_cast::<32, 24>(self.level.below.val());
        self.entries.next = bit_cast::<33, 24>(self.op.q.val().limit) + bit_cast::<33, 32>(self.register.val());
        self.last_entry.next = self.entries.val() - 1;
        self.word.next = bit_cast::<33, 32>(self.op.q.val().a_base) + bit_cast::<33, 32>(self.register.val());
        self.register_index.next = self.creg.val();
        match self.step.q.val() {
            Step::Idle => {
                if self.go.val() {
                    self.step.d.next = Step::Count;
                }
            }
            Step::Count => {
                self.op.d.next = self.fields.val();
                self.op.d.next.n0 = self.counts.n0.val();
                self.op.d.next.n1 = self.counts.n1.val();
                self.op.d.next.kt = self.counts.kt.val();
                self.op.d.next.n = self.counts.n.val();
                self.count_bad.d.next = self.counts.bad.val();
                self.register_index.next = self.p_reg.val();
                self.step.d.next = Step::Rows;
            }
            Step::Rows => {
                if self.traits.val().indexed {
                    // As many entries as 2^24, and not 0.
                    if self.last_entry.val().get_bits::<9>(24).any() {
                        self.count_bad.d.next = true;
                    }
                    self.op.d.next.limit = self.last_entry.val().get_bits::<24>(0);
                } else {
                    self.op.d.next.p_base = self.op.q.val().p_base + self.register.val().get_bits::<20>(0);
                }
                self.factor_a.next = bit_cast::<32, 16>(self.op.q.val().n0);
                self.factor_b.next = bit_cast::<32, 16>(self.op.q.val().n1);
                self.step.d.next = Step::Total;
            }
            Step::Total => {
                self.factor_a.next = self.product.val().get_bits::<32>(0);
                self.factor_b.next = bit_cast::<32, 16>(self.op.q.val().kt);
                self.register_index.next = self.d_reg.val();
                self.step.d.next = Step::D0;
            }
            Step::D0 => {
                self.micro_steps.d.next = self.product.val();
                self.op.d.next.d_base = self.op.q.val().d_base + self.register.val().get_bits::<20>(0);
                self.step.d.next = Step::D1;
            }
            Step::D1 => {
                self.register_index.next = self.a_reg.val();
                self.step.d.next = Step::A0;
            }
            Step::A0 => {
                self.op.d.next.a_base = self.op.q.val().a_base + self.register.val();
                if self.traits.val().word {
                    self.op.d.next.a_base = bit_cast::<32, 30>(self.word.val().get_bits::<30>(3));
                    self.op.d.next.offset = bit_cast::<5, 3>(self.word.val().get_bits::<3>(0));
                }
                self.step.d.next = Step::A1;
            }
            Step::A1 => {
                self.step.d.next = Step::At;
            }
            Step::At => {
                self.register_index.next = self.b_reg.val();
                self.step.d.next = Step::B0;
            }
            Step::B0 => {
                self.op.d.next.b_base = self.op.q.val().b_base + self.register.val();
                self.step.d.next = Step::B1;
            }
            Step::B1 => {
                self.step.d.next = Step::Bt;
            }
            Step::Bt => {
                self.step.d.next = Step::Self0;
            }
            Step::Self0 => {
                self.factor_a.next = self.fold.factor_a.val();
                self.factor_b.next = bit_cast::<32, 16>(self.fold.factor_b.val());
                self.step.d.next = Step::Self1;
            }
            Step::Self1 => {
                self.factor_a.next = self.fold.factor_a.val();
                self.factor_b.next = bit_cast::<32, 16>(self.fold.factor_b.val());
                self.step.d.next = Step::Last;
            }
            Step::Last => {
                self.step.d.next = Step::Verdict;
            }
            Step::Verdict => {
                self.step.d.next = Step::Done;
            }
            Step::Done => {
                self.step.d.next = Step::Idle;
            }
        }
        self.done.next = self.step.q.val() == Step::Done;
        self.trap.next = self.judge.trap.val();
        self.total.next = self.micro_steps.q.val();
        self.operation.next = self.op.q.val();
    }
}
