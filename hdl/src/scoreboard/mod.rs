//! Which admitted instructions may run: a table of hulls and a queue for each unit.
//!
//! *Architecture invariant:* an instruction waits only for older ones, so some instruction can always go on. The
//! units know nothing of the table: they see an instruction when nothing in flight stands against it.

mod flight;
mod queue;
#[cfg(test)]
mod tests;

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::params::Params;
pub(crate) use flight::Flight;
pub(crate) use queue::Queue;

/// Load, store, move, matrix, depthwise, vector: in this order wherever units have numbers.
pub(crate) const UNITS: usize = 6;

/// What an instruction reads and writes in the spaces that programs write, and its unit.
///
/// Spaces are 0 spad, 1 acc, 2 work, 3 output; the rows of a hull are the lowest and the highest, inclusive.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Claim {
    pub(crate) unit: Bits<3>,
    pub(crate) write_valid: Bit,
    pub(crate) write_space: Bits<2>,
    pub(crate) write_low: Bits<32>,
    pub(crate) write_high: Bits<32>,
    pub(crate) first_valid: Bit,
    pub(crate) first_space: Bits<2>,
    pub(crate) first_low: Bits<32>,
    pub(crate) first_high: Bits<32>,
    pub(crate) second_valid: Bit,
    pub(crate) second_acc: Bit,
    pub(crate) second_low: Bits<20>,
    pub(crate) second_high: Bits<20>,
    pub(crate) third_valid: Bit,
    pub(crate) third_low: Bits<20>,
    pub(crate) third_high: Bits<20>,
}

/// Takes admitted instructions in order and offers each to its unit when it conflicts with none that is in flight.
#[derive(LogicBlock)]
pub(crate) struct Scoreboard {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    /// An instruction, held until `entered`.
    pub(crate) offer: Signal<In, Bit>,
    pub(crate) claim: Signal<In, Claim>,
    pub(crate) operation: Signal<In, Operation>,
    pub(crate) entered: Signal<Out, Bit>,
    /// By unit: the head of its queue may be taken, and is; an instruction has retired.
    pub(crate) ready: Signal<Out, Bits<6>>,
    pub(crate) takes: Signal<In, Bits<6>>,
    pub(crate) retires: Signal<In, Bits<6>>,
    pub(crate) heads: Vec<Signal<Out, Operation>>,
    /// By unit: the head of its queue waits for other units; instructions are in flight.
    pub(crate) waiting: Signal<Out, Bits<6>>,
    pub(crate) live: Signal<Out, Bits<6>>,
    flight: Flight,
    queue: Vec<Queue>,
    room: Signal<Local, Bits<6>>,
}

impl Scoreboard {
    /// With the sizes of these parameters.
    pub(crate) fn new(params: &Params) -> Scoreboard {
        Scoreboard {
            clock: Signal::default(),
            clear: Signal::default(),
            offer: Signal::default(),
            claim: Signal::default(),
            operation: Signal::default(),
            entered: Signal::default(),
            ready: Signal::default(),
            takes: Signal::default(),
            retires: Signal::default(),
            heads: (0..UNITS).map(|_| Signal::default()).collect(),
            waiting: Signal::default(),
            live: Signal::default(),
            flight: Flight::new(params.in_flight),
            queue: (0..UNITS).map(|_| Queue::new(params.queue_depth)).collect(),
            room: Signal::default(),
        }
    }
}

impl Logic for Scoreboard {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, flight);
        self.flight.clear.next = self.clear.val();
        self.flight.offer.next = self.offer.val();
        self.flight.unit.next = self.claim.val().unit;
        self.flight.write_valid.next = self.claim.val().write_valid;
        self.flight.write_space.next = self.claim.val().write_space;
        self.flight.write_low.next = self.claim.val().write_low;
        self.flight.write_high.next = self.claim.val().write_high;
        self.flight.first_valid.next = self.claim.val().first_valid;
        self.flight.first_space.next = self.claim.val().first_space;
        self.flight.first_low.next = self.claim.val().first_low;
        self.flight.first_high.next = self.claim.val().first_high;
        self.flight.second_valid.next = self.claim.val().second_valid;
        self.flight.second_acc.next = self.claim.val().second_acc;
        self.flight.second_low.next = self.claim.val().second_low;
        self.flight.second_high.next = self.claim.val().second_high;
        self.flight.third_valid.next = self.claim.val().third_valid;
        self.flight.third_low.next = self.claim.val().third_low;
        self.flight.third_high.next = self.claim.val().third_high;
        self.flight.takes.next = self.takes.val();
        self.flight.retires.next = self.retires.val();
        self.room.next = 0.into();
        for i in 0..6 {
            self.queue[i].clock.next = self.clock.val();
            self.queue[i].clear.next = self.clear.val();
            self.queue[i].push.next = self.flight.pushes.val().get_bit(i);
            self.queue[i].item.next = self.operation.val();
            self.queue[i].pop.next = self.takes.val().get_bit(i);
            self.heads[i].next = self.queue[i].head.val();
            self.room.next = self.room.val().replace_bit(i, self.queue[i].room.val());
        }
        self.flight.room.next = self.room.val();
        self.entered.next = self.flight.entered.val();
        self.ready.next = self.flight.ready.val();
        self.waiting.next = self.flight.waiting.val();
        self.live.next = self.flight.live.val();
    }
}
