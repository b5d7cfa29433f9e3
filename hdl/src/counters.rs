//! Where the cycles went.

use rust_hdl::prelude::*;

use crate::control::Phase;
use crate::prims::Kind;

/// Every busy cycle is counted in `cycles` and in one of the others.
#[derive(LogicBlock, Default)]
pub(crate) struct Counters {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) phase: Signal<In, Phase>,
    pub(crate) kind: Signal<In, Kind>,
    /// The instruction is one of the vector unit.
    pub(crate) in_vector: Signal<In, Bit>,
    pub(crate) new_macs: Signal<In, Bits<12>>,
    pub(crate) cycles: Signal<Out, Bits<64>>,
    pub(crate) cycles_clear: Signal<Out, Bits<64>>,
    pub(crate) cycles_issue: Signal<Out, Bits<64>>,
    pub(crate) cycles_load: Signal<Out, Bits<64>>,
    pub(crate) cycles_store: Signal<Out, Bits<64>>,
    pub(crate) cycles_move: Signal<Out, Bits<64>>,
    pub(crate) cycles_matmul: Signal<Out, Bits<64>>,
    pub(crate) cycles_vector: Signal<Out, Bits<64>>,
    pub(crate) macs: Signal<Out, Bits<64>>,
    busy: DFF<Bits<64>>,
    clearing: DFF<Bits<64>>,
    issuing: DFF<Bits<64>>,
    loading: DFF<Bits<64>>,
    storing: DFF<Bits<64>>,
    moving: DFF<Bits<64>>,
    multiplying: DFF<Bits<64>>,
    vector: DFF<Bits<64>>,
    products: DFF<Bits<64>>,
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, clearing, issuing, loading, storing, moving, multiplying, vector, products);
        if self.phase.val() != Phase::Idle {
            self.busy.d.next = self.busy.q.val() + 1;
            self.products.d.next = self.products.q.val() + bit_cast::<64, 12>(self.new_macs.val());
            if (self.phase.val() == Phase::Settle) | (self.phase.val() == Phase::Clear) {
                self.clearing.d.next = self.clearing.q.val() + 1;
            } else if (self.phase.val() != Phase::Launch) & (self.phase.val() != Phase::Run) {
                self.issuing.d.next = self.issuing.q.val() + 1;
            } else if (self.kind.val() == Kind::Load)
                | (self.kind.val() == Kind::Gather)
                | (self.kind.val() == Kind::Lw)
            {
                self.loading.d.next = self.loading.q.val() + 1;
            } else if (self.kind.val() == Kind::Store) | (self.kind.val() == Kind::Sw) {
                self.storing.d.next = self.storing.q.val() + 1;
            } else if (self.kind.val() == Kind::Matmul) | (self.kind.val() == Kind::Dwmac) {
                self.multiplying.d.next = self.multiplying.q.val() + 1;
            } else if self.in_vector.val() | (self.kind.val() == Kind::Maxq) {
                self.vector.d.next = self.vector.q.val() + 1;
            } else {
                self.moving.d.next = self.moving.q.val() + 1;
            }
        }
        if self.clear.val() {
            self.busy.d.next = 0.into();
            self.clearing.d.next = 0.into();
            self.issuing.d.next = 0.into();
            self.loading.d.next = 0.into();
            self.storing.d.next = 0.into();
            self.moving.d.next = 0.into();
            self.multiplying.d.next = 0.into();
            self.vector.d.next = 0.into();
            self.products.d.next = 0.into();
        }
        self.cycles.next = self.busy.q.val();
        self.cycles_clear.next = self.clearing.q.val();
        self.cycles_issue.next = self.issuing.q.val();
        self.cycles_load.next = self.loading.q.val();
        self.cycles_store.next = self.storing.q.val();
        self.cycles_move.next = self.moving.q.val();
        self.cycles_matmul.next = self.multiplying.q.val();
        self.cycles_vector.next = self.vector.q.val();
        self.macs.next = self.products.q.val();
    }
}
