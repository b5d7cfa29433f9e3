//! Bytes to a UART line: 8 bits, no parity, one stop bit.

use rust_hdl::prelude::*;

/// Takes a byte in a cycle with `send` and `ready`.
#[derive(LogicBlock)]
pub(crate) struct Sender {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) send: Signal<In, Bit>,
    pub(crate) octet: Signal<In, Bits<8>>,
    pub(crate) ready: Signal<Out, Bit>,
    pub(crate) line: Signal<Out, Bit>,
    /// The inverse of what is on the line, and of what follows: registers begin low, the line is high when idle.
    bits: DFF<Bits<9>>,
    /// Cycles of this bit to come.
    pause: DFF<Bits<12>>,
    /// Bits to come, with this one.
    left: DFF<Bits<4>>,
    whole_bit: Constant<Bits<12>>,
    inverse: Signal<Local, Bits<8>>,
}

impl Sender {
    /// For a line on which a bit takes so many cycles.
    pub(crate) fn new(cycles_per_bit: u64) -> Sender {
        Sender {
            clock: Signal::default(),
            send: Signal::default(),
            octet: Signal::default(),
            ready: Signal::default(),
            line: Signal::default(),
            bits: DFF::default(),
            pause: DFF::default(),
            left: DFF::default(),
            whole_bit: Constant::new((cycles_per_bit - 1).into()),
            inverse: Signal::default(),
        }
    }
}

impl Logic for Sender {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, bits, pause, left);
        self.inverse.next = !self.octet.val();
        self.ready.next = self.left.q.val() == 0;
        self.line.next = !self.bits.q.val().get_bit(0);
        if self.left.q.val() == 0 {
            if self.send.val() {
                self.bits.d.next = (bit_cast::<9, 8>(self.inverse.val()) << 1) | 1;
                self.left.d.next = 10.into();
                self.pause.d.next = self.whole_bit.val();
            }
        } else if self.pause.q.val() == 0 {
            self.bits.d.next = self.bits.q.val() >> 1;
            self.left.d.next = self.left.q.val() - 1;
            self.pause.d.next = self.whole_bit.val();
        } else {
            self.pause.d.next = self.pause.q.val() - 1;
        }
    }
}
