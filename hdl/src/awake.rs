//! Which parts of the machine need their clock: all others would keep every register as it is.

use rust_hdl::prelude::*;

use crate::scoreboard::UNITS;

/// The six units, the front end, the scoreboard.
pub(crate) const PARTS: usize = UNITS + 2;

/// A part is awake while it works and for 31 cycles more, in which all that its last input set off comes to rest. A unit works from
/// the cycle in which it is offered an instruction until the last one it took has retired. The front end works unless an
/// admitted instruction waits for the scoreboard and the next has been checked: nothing else may execute then, but rows of text
/// come and go. The scoreboard sleeps with the front end where no unit takes or retires.
#[derive(LogicBlock)]
pub(crate) struct Awake {
    pub(crate) clock: Signal<In, Clock>,
    /// There is no run, or the units are being cleared.
    pub(crate) all: Signal<In, Bit>,
    pub(crate) ready: Signal<In, Bits<6>>,
    pub(crate) takes: Signal<In, Bits<6>>,
    pub(crate) retires: Signal<In, Bits<6>>,
    /// The front end is full, and nothing enters the scoreboard in this cycle.
    pub(crate) stuck: Signal<In, Bit>,
    /// It asks for rows of text, or gets one.
    pub(crate) fetches: Signal<In, Bit>,
    pub(crate) awake: Signal<Out, Bits<8>>,
    /// Taken and not retired.
    flying: Vec<DFF<Bits<5>>>,
    /// Cycles until sleep.
    rest: Vec<DFF<Bits<5>>>,
    longest: Constant<Bits<5>>,
    working: Signal<Local, Bits<8>>,
    resting: Signal<Local, Bits<8>>,
}

impl Default for Awake {
    fn default() -> Awake {
        Awake {
            clock: Signal::default(),
            all: Signal::default(),
            ready: Signal::default(),
            takes: Signal::default(),
            retires: Signal::default(),
            stuck: Signal::default(),
            fetches: Signal::default(),
            awake: Signal::default(),
            flying: (0..UNITS).map(|_| DFF::default()).collect(),
            rest: (0..PARTS).map(|_| DFF::default()).collect(),
            longest: Constant::new(31.into()),
            working: Signal::default(),
            resting: Signal::default(),
        }
    }
}

impl Logic for Awake {
    #[hdl_gen]
    fn update(&mut self) {
        self.working.next = bit_cast::<8, 6>(self.ready.val() | self.takes.val() | self.retires.val());
        for i in 0..6 {
            self.flying[i].clock.next = self.clock.val();
            self.flying[i].d.next = self.flying[i].q.val();
            if self.takes.val().get_bit(i) & !self.retires.val().get_bit(i) {
                self.flying[i].d.next = self.flying[i].q.val() + 1;
            } else if self.retires.val().get_bit(i) & !self.takes.val().get_bit(i) {
                self.flying[i].d.next = self.flying[i].q.val() - 1;
            }
            if self.flying[i].q.val().any() {
                self.working.next = self.working.val().replace_bit(i, true);
            }
        }
        self.working.next = self.working.val().replace_bit(6, !self.stuck.val() | self.fetches.val());
        self.working.next =
            self.working.val().replace_bit(7, !self.stuck.val() | self.takes.val().any() | self.retires.val().any());
        self.resting.next = 0.into();
        for i in 0..8 {
            self.rest[i].clock.next = self.clock.val();
            self.rest[i].d.next = self.rest[i].q.val();
            if self.all.val() | self.working.val().get_bit(i) {
                self.rest[i].d.next = self.longest.val();
            } else if self.rest[i].q.val().any() {
                self.rest[i].d.next = self.rest[i].q.val() - 1;
            }
            self.resting.next = self.resting.val().replace_bit(i, self.rest[i].q.val().any() | self.all.val());
        }
        self.awake.next = self.working.val() | self.resting.val();
    }
}
