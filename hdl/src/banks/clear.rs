//! The addresses of a clear.

use rust_hdl::prelude::*;

use crate::params::Params;
use crate::profile::SizesLog2;

/// From the cycle after `start`, counts through as many rows as a bank has and the program can name;
/// `last` comes with the last of them.
#[derive(LogicBlock)]
pub(crate) struct Clear {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) sizes: Signal<In, SizesLog2>,
    pub(crate) active: Signal<Out, Bit>,
    pub(crate) address: Signal<Out, Bits<20>>,
    pub(crate) last: Signal<Out, Bit>,
    running: DFF<Bit>,
    row: DFF<Bits<20>>,
    spad_log2: Signal<Local, Bits<8>>,
    acc_log2: Signal<Local, Bits<8>>,
    rows_log2: Signal<Local, Bits<8>>,
    beyond: Signal<Local, Bits<20>>,
    next: Signal<Local, Bits<20>>,
    spad_bank_log2: Constant<Bits<8>>,
    acc_bank_log2: Constant<Bits<8>>,
}

impl Clear {
    pub(crate) fn new(params: &Params) -> Clear {
        let spad_bank_log2 = params.spad_log2 - params.spad_banks.trailing_zeros() as usize;
        let acc_bank_log2 = params.acc_log2 - params.acc_banks.trailing_zeros() as usize;
        Clear {
            clock: Signal::default(),
            start: Signal::default(),
            sizes: Signal::default(),
            active: Signal::default(),
            address: Signal::default(),
            last: Signal::default(),
            running: DFF::default(),
            row: DFF::default(),
            spad_log2: Signal::default(),
            acc_log2: Signal::default(),
            rows_log2: Signal::default(),
            beyond: Signal::default(),
            next: Signal::default(),
            spad_bank_log2: Constant::new(spad_bank_log2.to_bits()),
            acc_bank_log2: Constant::new(acc_bank_log2.to_bits()),
        }
    }
}

impl Logic for Clear {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, running, row);
        self.spad_log2.next = self.sizes.val().spad;
        if self.spad_bank_log2.val() < self.sizes.val().spad {
            self.spad_log2.next = self.spad_bank_log2.val();
        }
        self.acc_log2.next = self.sizes.val().acc;
        if self.acc_bank_log2.val() < self.sizes.val().acc {
            self.acc_log2.next = self.acc_bank_log2.val();
        }
        self.rows_log2.next = self.spad_log2.val();
        if self.spad_log2.val() < self.acc_log2.val() {
            self.rows_log2.next = self.acc_log2.val();
        }
        self.next.next = self.row.q.val() + 1;
        self.beyond.next = self.next.val() >> self.rows_log2.val();
        self.last.next = self.running.q.val() & ((self.next.val() == 0) | self.beyond.val().any());
        if self.running.q.val() {
            self.row.d.next = self.next.val();
        }
        if self.last.val() {
            self.running.d.next = false;
        }
        if self.start.val() {
            self.running.d.next = true;
            self.row.d.next = 0.into();
        }
        self.active.next = self.running.q.val();
        self.address.next = self.row.q.val();
    }
}
