//! Which parts of the machine need their clock: all others would keep every register as it is.

use rust_hdl::prelude::*;

use crate::scoreboard::UNITS;

/// A part is awake while it works and for 32 cycles more at least, in which all that its last input set off comes to rest. A unit works
/// from the cycle in which it is offered an instruction until the last one it took has retired. The front end works unless an
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
    /// Instructions taken and not retired, and which units have some.
    flying: Vec<DFF<Bits<5>>>,
    holding: DFF<Bits<6>>,
    /// Time is cut into periods of 32 cycles: who worked in this one, and in the last one.
    period: DFF<Bits<5>>,
    now: DFF<Bits<8>>,
    earlier: DFF<Bits<8>>,
    of_front: Constant<Bits<8>>,
    of_scoreboard: Constant<Bits<8>>,
    everyone: Constant<Bits<8>>,
    moves: Signal<Local, Bits<6>>,
    held: Signal<Local, Bits<6>>,
    working: Signal<Local, Bits<8>>,
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
            holding: DFF::default(),
            period: DFF::default(),
            now: DFF::default(),
            earlier: DFF::default(),
            of_front: Constant::new((1 << UNITS).into()),
            of_scoreboard: Constant::new((2 << UNITS).into()),
            everyone: Constant::new(Bits::mask()),
            moves: Signal::default(),
            held: Signal::default(),
            working: Signal::default(),
        }
    }
}

impl Logic for Awake {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, holding, period, now, earlier);
        for i in 0..6 {
            self.flying[i].clock.next = self.clock.val();
            self.flying[i].d.next = self.flying[i].q.val();
        }
        self.moves.next = self.takes.val() ^ self.retires.val();
        self.held.next = self.holding.q.val();
        if self.moves.val().any() {
            for i in 0..6 {
                if self.moves.val().get_bit(i) & self.takes.val().get_bit(i) {
                    self.flying[i].d.next = self.flying[i].q.val() + 1;
                    self.held.next = self.held.val().replace_bit(i, true);
                } else if self.moves.val().get_bit(i) {
                    self.flying[i].d.next = self.flying[i].q.val() - 1;
                    self.held.next = self.held.val().replace_bit(i, self.flying[i].q.val() != 1);
                }
            }
        }
        self.holding.d.next = self.held.val();
        self.working.next =
            bit_cast::<8, 6>(self.ready.val() | self.takes.val() | self.retires.val() | self.holding.q.val());
        if !self.stuck.val() | self.fetches.val() {
            self.working.next = self.working.val() | self.of_front.val();
        }
        if !self.stuck.val() | self.takes.val().any() | self.retires.val().any() {
            self.working.next = self.working.val() | self.of_scoreboard.val();
        }
        if self.all.val() {
            self.working.next = self.everyone.val();
        }
        self.period.d.next = self.period.q.val() + 1;
        self.now.d.next = self.now.q.val() | self.working.val();
        if !self.period.q.val().any() {
            self.now.d.next = self.working.val();
            self.earlier.d.next = self.now.q.val();
        }
        self.awake.next = self.working.val() | self.now.q.val() | self.earlier.q.val();
    }
}
