//! Frames from the host.

use link::{ESCAPE, FLAG, RESIDUE, TOGGLE};
use rust_hdl::prelude::*;

use super::crc32::Crc32;
use crate::prims::Fixed;

/// Takes bytes, undoes the escapes, checks length and CRC. A payload goes to `put` byte by byte before it is known to be good.
#[derive(LogicBlock, Default)]
pub(crate) struct Listener {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) valid: Signal<In, Bit>,
    pub(crate) broken: Signal<In, Bit>,
    pub(crate) octet: Signal<In, Bits<8>>,
    /// Whether a payload may come; asked at its first byte, a frame that comes in vain is ignored.
    pub(crate) open: Signal<In, Bit>,
    pub(crate) put: Signal<Out, Bit>,
    /// The byte that is put.
    pub(crate) payload: Signal<Out, Bits<8>>,
    /// A good frame has come.
    pub(crate) frame: Signal<Out, Bit>,
    pub(crate) kind: Signal<Out, Bits<8>>,
    pub(crate) number: Signal<Out, Bits<8>>,
    check: Crc32,
    escaped: DFF<Bit>,
    /// Since the last flag something was wrong; so it is before the first.
    fine: DFF<Bit>,
    /// Bytes since the last flag.
    count: DFF<Bits<6>>,
    kind_byte: DFF<Bits<8>>,
    number_byte: DFF<Bits<8>>,
    good: DFF<Bit>,
    flag: Fixed<8, { FLAG as u64 }>,
    escape: Fixed<8, { ESCAPE as u64 }>,
    toggle: Fixed<8, { TOGGLE as u64 }>,
    residue: Fixed<32, { RESIDUE as u64 }>,
    is_flag: Signal<Local, Bit>,
    is_data: Signal<Local, Bit>,
    long: Signal<Local, Bit>,
    complete: Signal<Local, Bit>,
    plain: Signal<Local, Bits<8>>,
}

impl Logic for Listener {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, escaped, fine, count, kind_byte, number_byte, good);
        clock!(self, clock, check);
        self.is_flag.next = self.valid.val() & (self.octet.val() == self.flag.val());
        self.is_data.next =
            self.valid.val() & (self.octet.val() != self.flag.val()) & (self.octet.val() != self.escape.val());
        self.plain.next = self.octet.val();
        if self.escaped.q.val() {
            self.plain.next = self.octet.val() ^ self.toggle.val();
        }
        // Bit 5 of the kind: 32 bytes of payload.
        self.long.next = self.kind_byte.q.val().get_bit(5);
        self.complete.next =
            (!self.long.val() & (self.count.q.val() == 6)) | (self.long.val() & (self.count.q.val() == 38));

        self.good.d.next = false;
        if self.is_flag.val() {
            self.good.d.next = self.fine.q.val()
                & !self.escaped.q.val()
                & self.complete.val()
                & (self.check.crc.val() == self.residue.val());
            self.fine.d.next = true;
            self.escaped.d.next = false;
            self.count.d.next = 0.into();
        } else if self.broken.val() {
            self.fine.d.next = false;
        } else if self.is_data.val() {
            self.escaped.d.next = false;
            if self.count.q.val() != 63 {
                self.count.d.next = self.count.q.val() + 1;
            }
            if self.count.q.val() == 0 {
                self.kind_byte.d.next = self.plain.val();
            }
            if self.count.q.val() == 1 {
                self.number_byte.d.next = self.plain.val();
            }
            if (self.count.q.val() == 2) & self.long.val() & !self.open.val() {
                self.fine.d.next = false;
            }
        } else if self.valid.val() {
            self.escaped.d.next = true;
        }
        self.put.next = self.is_data.val()
            & self.long.val()
            & self.fine.q.val()
            & (self.count.q.val() >= 2)
            & (self.count.q.val() < 34)
            & self.open.val();
        self.payload.next = self.plain.val();
        self.check.clear.next = self.is_flag.val();
        self.check.enable.next = self.is_data.val();
        self.check.octet.next = self.plain.val();
        self.frame.next = self.good.q.val();
        self.kind.next = self.kind_byte.q.val();
        self.number.next = self.number_byte.q.val();
    }
}
