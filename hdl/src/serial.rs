//! Between the scoreboard and units that know only `start` and `done`: one instruction at a time, held for them.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::traits::Traits;

/// Takes what is ready, starts its unit a cycle later, retires it when that is done.
#[derive(LogicBlock)]
pub(crate) struct Serial {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bits<6>>,
    pub(crate) heads: Vec<Signal<In, Operation>>,
    /// An instruction enters, with these traits.
    pub(crate) entered: Signal<In, Bit>,
    pub(crate) offered: Signal<In, Traits>,
    pub(crate) traits: Signal<Out, Traits>,
    pub(crate) takes: Signal<Out, Bits<6>>,
    pub(crate) retires: Signal<Out, Bits<6>>,
    /// The unit that is at work.
    pub(crate) working: Signal<Out, Bits<6>>,
    pub(crate) start: Signal<Out, Bits<6>>,
    pub(crate) op: Signal<Out, Operation>,
    pub(crate) done: Signal<In, Bits<6>>,
    busy: DFF<Bit>,
    launch: DFF<Bits<6>>,
    held: DFF<Operation>,
    known: DFF<Traits>,
    current: DFF<Bits<6>>,
}

impl Default for Serial {
    fn default() -> Serial {
        Serial {
            clock: Signal::default(),
            ready: Signal::default(),
            heads: (0..6).map(|_| Signal::default()).collect(),
            entered: Signal::default(),
            offered: Signal::default(),
            traits: Signal::default(),
            takes: Signal::default(),
            retires: Signal::default(),
            working: Signal::default(),
            start: Signal::default(),
            op: Signal::default(),
            done: Signal::default(),
            busy: DFF::default(),
            launch: DFF::default(),
            held: DFF::default(),
            known: DFF::default(),
            current: DFF::default(),
        }
    }
}

impl Logic for Serial {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, launch, held, known, current);
        self.takes.next = 0.into();
        self.launch.d.next = 0.into();
        if !self.busy.q.val() {
            self.takes.next = self.ready.val();
            self.launch.d.next = self.ready.val();
            for i in 0..6 {
                if self.ready.val().get_bit(i) {
                    self.held.d.next = self.heads[i].val();
                    self.busy.d.next = true;
                    self.current.d.next = self.ready.val();
                }
            }
        }
        if self.done.val().any() {
            self.busy.d.next = false;
            self.current.d.next = 0.into();
        }
        self.retires.next = self.done.val();
        self.working.next = self.current.q.val();
        self.start.next = self.launch.q.val();
        if self.entered.val() {
            self.known.d.next = self.offered.val();
        }
        self.traits.next = self.known.q.val();
        self.op.next = self.held.q.val();
    }
}
