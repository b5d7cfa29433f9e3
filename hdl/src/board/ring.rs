//! The row that is on its way.

use rust_hdl::prelude::*;

/// 32 bytes, of which the lowest is the next to go; a shift takes one in at the top.
#[derive(LogicBlock, Default)]
pub(crate) struct Ring {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) shift: Signal<In, Bit>,
    pub(crate) octet: Signal<In, Bits<8>>,
    pub(crate) row: Signal<Out, Bits<256>>,
    bytes: DFF<Bits<256>>,
}

impl Logic for Ring {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, bytes);
        self.row.next = self.bytes.q.val();
        if self.clear.val() {
            self.bytes.d.next = 0.into();
        } else if self.shift.val() {
            self.bytes.d.next = (self.bytes.q.val() >> 8) | (bit_cast::<256, 8>(self.octet.val()) << 248);
        }
    }
}
