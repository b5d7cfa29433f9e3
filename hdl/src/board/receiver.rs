//! Bytes from a UART line: 8 bits, no parity, one stop bit.

use rust_hdl::prelude::*;

/// Samples each bit in its middle.
#[derive(LogicBlock)]
pub(crate) struct Receiver {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) line: Signal<In, Bit>,
    /// A byte has come, whole or without its stop bit.
    pub(crate) valid: Signal<Out, Bit>,
    pub(crate) broken: Signal<Out, Bit>,
    pub(crate) octet: Signal<Out, Bits<8>>,
    /// The line is high when idle, registers begin low: so these hold its inverse.
    early: DFF<Bit>,
    low: DFF<Bit>,
    /// Cycles to the next sample.
    pause: DFF<Bits<12>>,
    /// Samples to come.
    left: DFF<Bits<4>>,
    bits: DFF<Bits<8>>,
    half_bit: Constant<Bits<12>>,
    whole_bit: Constant<Bits<12>>,
    samples: Signal<Local, Bit>,
}

impl Receiver {
    /// For a line on which a bit takes so many cycles.
    pub(crate) fn new(cycles_per_bit: u64) -> Receiver {
        Receiver {
            clock: Signal::default(),
            line: Signal::default(),
            valid: Signal::default(),
            broken: Signal::default(),
            octet: Signal::default(),
            early: DFF::default(),
            low: DFF::default(),
            pause: DFF::default(),
            left: DFF::default(),
            bits: DFF::default(),
            half_bit: Constant::new((cycles_per_bit / 2 - 1).into()),
            whole_bit: Constant::new((cycles_per_bit - 1).into()),
            samples: Signal::default(),
        }
    }
}

impl Logic for Receiver {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, early, low, pause, left, bits);
        self.early.d.next = !self.line.val();
        self.low.d.next = self.early.q.val();
        self.samples.next = (self.left.q.val() != 0) & (self.pause.q.val() == 0);
        if self.left.q.val() == 0 {
            if self.low.q.val() {
                self.left.d.next = 10.into();
                self.pause.d.next = self.half_bit.val();
            }
        } else if self.samples.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.pause.d.next = self.whole_bit.val();
            self.bits.d.next = self.bits.q.val() >> 1;
            if !self.low.q.val() {
                self.bits.d.next = (self.bits.q.val() >> 1) | 128;
                // A start that is none.
                if self.left.q.val() == 10 {
                    self.left.d.next = 0.into();
                }
            }
        } else {
            self.pause.d.next = self.pause.q.val() - 1;
        }
        // In the cycle of the stop bit's sample the byte stands in `bits`.
        self.octet.next = self.bits.q.val();
        self.valid.next = self.samples.val() & (self.left.q.val() == 1) & !self.low.q.val();
        self.broken.next = self.samples.val() & (self.left.q.val() == 1) & self.low.q.val();
    }
}
