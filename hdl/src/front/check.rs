//! Admission of an instruction for a unit: sums up its hulls with two multipliers, then judges.
//!
//! One step a cycle; the products of a step are there in the next one. |stride| is multiplied by count − 1 for a hull;
//! one stride more is how far the loop reaches, for the self-overlap test.

use rust_hdl::prelude::*;

use super::claim::Claims;
use super::counts::Counts;
use super::factors::Factors;
use super::fold::Fold;
use super::hulls::Hulls;
use super::judge::Judge;
use super::spaces::Spaces;
use crate::operation::Operation;
use crate::prims::Multiplier;
use crate::profile::SizesLog2;
use crate::scoreboard::Claim;
use crate::traits::Traits;

/// What the checker does in a cycle.
///
/// The factors of X and Y are, from `First` to `Fourth`: n0 · n1 and the inner level of a; that · kt and the outer
/// level of a; the inner level of d, and of b or the taps of a; the outer level of d, and of b or the tiles of w.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Step {
    Idle,
    First,
    Second,
    Third,
    Fourth,
    Last,
    Judge,
    Verdict,
}

/// `go` with decoded fields and the values of their registers, while `idle`, or at `done` without `hold`. `done` when
/// `trap`, `operation`, `claim` and `total` are valid, which stay while `hold`.
#[derive(LogicBlock, Default)]
pub(crate) struct Check {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) go: Signal<In, Bit>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) fields: Signal<In, Operation>,
    pub(crate) csel: Signal<In, Bits<3>>,
    pub(crate) count_value: Signal<In, Bits<32>>,
    pub(crate) d_value: Signal<In, Bits<32>>,
    pub(crate) a_value: Signal<In, Bits<32>>,
    pub(crate) b_value: Signal<In, Bits<32>>,
    pub(crate) p_value: Signal<In, Bits<32>>,
    pub(crate) sizes: Signal<In, SizesLog2>,
    /// Micro-steps that the run may still make.
    pub(crate) room: Signal<In, Bits<64>>,
    pub(crate) hold: Signal<In, Bit>,
    pub(crate) idle: Signal<Out, Bit>,
    pub(crate) done: Signal<Out, Bit>,
    /// 0, or the status of the trap.
    pub(crate) trap: Signal<Out, Bits<8>>,
    /// Micro-steps of the instruction.
    pub(crate) total: Signal<Out, Bits<64>>,
    pub(crate) operation: Signal<Out, Operation>,
    pub(crate) claim: Signal<Out, Claim>,
    /// While idle, the product of these one cycle before.
    pub(crate) factor_a: Signal<In, Bits<32>>,
    pub(crate) factor_b: Signal<In, Bits<32>>,
    pub(crate) product: Signal<Out, Bits<64>>,
    step: DFF<Step>,
    op: DFF<Operation>,
    known: DFF<Traits>,
    count_bad: DFF<Bit>,
    negative_x: DFF<Bit>,
    negative_y: DFF<Bit>,
    size_x: DFF<Bits<32>>,
    size_y: DFF<Bits<32>>,
    micro_steps: DFF<Bits<64>>,
    entries: Signal<Local, Bits<33>>,
    last_entry: Signal<Local, Bits<33>>,
    word: Signal<Local, Bits<33>>,
    counts: Counts,
    factors: Factors,
    multiplier_x: Multiplier,
    multiplier_y: Multiplier,
    fold: Fold,
    hulls: Hulls,
    spaces: Spaces,
    judge: Judge,
    claims: Claims,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Check {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, step, op, known, count_bad, negative_x, negative_y, size_x, size_y, micro_steps);
        clock!(self, clock, multiplier_x, multiplier_y, fold, hulls, judge);
        self.counts.fields.next = self.fields.val();
        self.counts.csel.next = self.csel.val();
        self.counts.register.next = self.count_value.val();

        self.factors.step.next = self.step.q.val();
        self.factors.traits.next = self.known.q.val();
        self.factors.op.next = self.op.q.val();
        self.factors.product_x.next = self.multiplier_x.product.val();
        self.multiplier_x.a.next = self.factors.x_a.val();
        self.multiplier_x.b.next = bit_cast::<32, 16>(self.factors.x_b.val());
        if self.step.q.val() == Step::Idle {
            self.multiplier_x.a.next = self.factor_a.val();
            self.multiplier_x.b.next = self.factor_b.val();
        }
        self.multiplier_y.a.next = self.factors.y_a.val();
        self.multiplier_y.b.next = bit_cast::<32, 24>(self.factors.y_b.val());
        self.negative_x.d.next = self.factors.x_negative.val();
        self.negative_y.d.next = self.factors.y_negative.val();
        self.size_x.d.next = self.factors.x_a.val();
        self.size_y.d.next = self.factors.y_a.val();
        self.product.next = self.multiplier_x.product.val();

        self.fold.step.next = self.step.q.val();
        self.fold.traits.next = self.known.q.val();
        self.fold.op.next = self.op.q.val();
        self.fold.size_x.next = self.size_x.q.val();
        self.fold.size_y.next = self.size_y.q.val();
        self.fold.product_x.next = self.multiplier_x.product.val();
        self.fold.product_y.next = self.multiplier_y.product.val();
        self.hulls.go.next = self.go.val();
        self.hulls.fields.next = self.fields.val();
        self.hulls.d_value.next = self.d_value.val();
        self.hulls.a_value.next = self.a_value.val();
        self.hulls.b_value.next = self.b_value.val();
        self.hulls.p_value.next = self.p_value.val();
        self.hulls.indexed.next = self.traits.val().indexed;
        self.hulls.step.next = self.step.q.val();
        self.hulls.traits.next = self.known.q.val();
        self.hulls.op.next = self.op.q.val();
        self.hulls.product_x.next = self.multiplier_x.product.val();
        self.hulls.product_y.next = self.multiplier_y.product.val();
        self.hulls.negative_x.next = self.negative_x.q.val();
        self.hulls.negative_y.next = self.negative_y.q.val();
        self.spaces.traits.next = self.known.q.val();
        self.spaces.op.next = self.op.q.val();
        self.spaces.sizes.next = self.sizes.val();
        self.judge.traits.next = self.known.q.val();
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
        self.claims.traits.next = self.known.q.val();
        self.claims.op.next = self.op.q.val();
        self.claims.d_low.next = self.hulls.d_low.val();
        self.claims.d_high.next = self.hulls.d_high.val();
        self.claims.a_low.next = self.hulls.a_low.val();
        self.claims.a_high.next = self.hulls.a_high.val();
        self.claims.b_low.next = self.hulls.b_low.val();
        self.claims.b_high.next = self.hulls.b_high.val();
        self.claims.p_low.next = self.hulls.p_low.val();
        self.claims.p_high.next = self.hulls.p_high.val();

        match self.step.q.val() {
            Step::Idle => {}
            Step::First => {
                self.step.d.next = Step::Second;
            }
            Step::Second => {
                self.step.d.next = Step::Third;
            }
            Step::Third => {
                self.micro_steps.d.next = self.multiplier_x.product.val();
                self.step.d.next = Step::Fourth;
            }
            Step::Fourth => {
                self.step.d.next = Step::Last;
            }
            Step::Last => {
                self.step.d.next = Step::Judge;
            }
            Step::Judge => {
                self.step.d.next = Step::Verdict;
            }
            Step::Verdict => {
                if !self.hold.val() {
                    self.step.d.next = Step::Idle;
                }
            }
        }
        self.entries.next = bit_cast::<33, 24>(self.fields.val().limit) + bit_cast::<33, 32>(self.p_value.val());
        self.last_entry.next = self.entries.val() - 1;
        self.word.next = bit_cast::<33, 32>(self.fields.val().a_base) + bit_cast::<33, 32>(self.a_value.val());
        if self.go.val() {
            self.step.d.next = Step::First;
            self.known.d.next = self.traits.val();
            self.op.d.next = self.fields.val();
            self.op.d.next.value = self.p_value.val();
            self.op.d.next.n0 = self.counts.n0.val();
            self.op.d.next.n1 = self.counts.n1.val();
            self.op.d.next.kt = self.counts.kt.val();
            self.op.d.next.n = self.counts.n.val();
            self.count_bad.d.next = self.counts.bad.val();
            self.op.d.next.d_base = self.fields.val().d_base + self.d_value.val().get_bits::<20>(0);
            self.op.d.next.a_base = self.word.val().get_bits::<32>(0);
            if self.traits.val().word {
                self.op.d.next.a_base = bit_cast::<32, 30>(self.word.val().get_bits::<30>(3));
                self.op.d.next.offset = bit_cast::<5, 3>(self.word.val().get_bits::<3>(0));
            }
            self.op.d.next.b_base = self.fields.val().b_base + self.b_value.val();
            if self.traits.val().indexed {
                // As many entries as 2^24, and not 0.
                if self.last_entry.val().get_bits::<9>(24).any() {
                    self.count_bad.d.next = true;
                }
                self.op.d.next.limit = self.last_entry.val().get_bits::<24>(0);
            } else {
                self.op.d.next.p_base = self.fields.val().p_base + self.p_value.val().get_bits::<20>(0);
            }
        }
        self.idle.next = self.step.q.val() == Step::Idle;
        self.done.next = self.step.q.val() == Step::Verdict;
        self.trap.next = self.judge.trap.val();
        self.total.next = self.micro_steps.q.val();
        self.operation.next = self.op.q.val();
        self.claim.next = self.claims.claim.val();
    }
}
