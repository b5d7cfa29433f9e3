//! What `GATHER` adds to its addresses: the indices in spad, limited, times the stride.

use rust_hdl::prelude::*;

use crate::prims::{Multiplier, WordOf};

/// After `load` the entries 0..n0, n1 times over: `offset` is that of the next while `valid`, until `step`.
///
/// An index every two cycles. A row of eight indices is read while the last of the row before is multiplied.
#[derive(LogicBlock, Default)]
pub(crate) struct Indices {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) first_row: Signal<In, Bits<20>>,
    pub(crate) n0: Signal<In, Bits<16>>,
    pub(crate) n1: Signal<In, Bits<16>>,
    /// The last entry of the table.
    pub(crate) limit: Signal<In, Bits<24>>,
    pub(crate) stride: Signal<In, Bits<32>>,
    pub(crate) step: Signal<In, Bit>,
    pub(crate) valid: Signal<Out, Bit>,
    pub(crate) offset: Signal<Out, Bits<32>>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_grant: Signal<In, Bit>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    base: DFF<Bits<20>>,
    last_entry: DFF<Bits<16>>,
    limit_register: DFF<Bits<24>>,
    stride_register: DFF<Bits<32>>,
    /// Entries are to be picked, the next of which is this one.
    active: DFF<Bit>,
    entry: DFF<Bits<16>>,
    left_outer: DFF<Bits<16>>,
    /// The row of indices comes in this cycle; it is held.
    comes: DFF<Bit>,
    holds: DFF<Bit>,
    held: DFF<Bits<256>>,
    /// An index is picked; it is multiplied too.
    picked: DFF<Bit>,
    multiplied: DFF<Bit>,
    pick: WordOf,
    multiplier: Multiplier,
    reads: Signal<Local, Bit>,
    used: Signal<Local, Bit>,
    picks: Signal<Local, Bit>,
    row: Signal<Local, Bits<20>>,
}

impl Logic for Indices {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, base, last_entry, limit_register, stride_register, active, entry, left_outer);
        dff_setup!(self, clock, comes, holds, held, picked, multiplied);
        clock!(self, clock, pick, multiplier);
        self.reads.next = self.active.q.val() & !self.comes.q.val() & !self.holds.q.val();
        self.spad_read.next = self.reads.val();
        self.row.next = bit_cast::<20, 16>(self.entry.q.val()) >> 3;
        self.spad_address.next = self.base.q.val() + self.row.val();
        self.comes.d.next = self.reads.val() & self.spad_grant.val();
        if self.comes.q.val() {
            self.held.d.next = self.spad_data.val();
            self.holds.d.next = true;
        }

        // The multiplier works while `picked` stands; the offset goes with it.
        self.used.next = self.step.val() & self.multiplied.q.val();
        self.picks.next =
            self.active.q.val() & (self.comes.q.val() | self.holds.q.val()) & (!self.picked.q.val() | self.used.val());
        self.pick.enable.next = self.picks.val();
        self.pick.row.next = self.held.q.val();
        if self.comes.q.val() {
            self.pick.row.next = self.spad_data.val();
        }
        self.pick.index.next = self.entry.q.val().get_bits::<3>(0);
        self.multiplied.d.next = self.picked.q.val() & !self.used.val();
        if self.picks.val() {
            self.picked.d.next = true;
            self.entry.d.next = self.entry.q.val() + 1;
            if self.entry.q.val().get_bits::<3>(0) == 7 {
                self.holds.d.next = false;
            }
            if self.entry.q.val() == self.last_entry.q.val() {
                self.entry.d.next = 0.into();
                self.holds.d.next = false;
                self.left_outer.d.next = self.left_outer.q.val() - 1;
                if self.left_outer.q.val() == 0 {
                    self.active.d.next = false;
                }
            }
        } else if self.used.val() {
            self.picked.d.next = false;
        }
        self.multiplier.a.next = self.pick.word.val();
        if self.pick.word.val() > bit_cast::<32, 24>(self.limit_register.q.val()) {
            self.multiplier.a.next = bit_cast::<32, 24>(self.limit_register.q.val());
        }
        self.multiplier.b.next = self.stride_register.q.val();
        self.valid.next = self.multiplied.q.val();
        self.offset.next = self.multiplier.product.val().get_bits::<32>(0);

        if self.load.val() {
            self.base.d.next = self.first_row.val();
            self.last_entry.d.next = self.n0.val() - 1;
            self.limit_register.d.next = self.limit.val();
            self.stride_register.d.next = self.stride.val();
            self.active.d.next = true;
            self.entry.d.next = 0.into();
            self.left_outer.d.next = self.n1.val() - 1;
            self.holds.d.next = false;
        }
    }
}
