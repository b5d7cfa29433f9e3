//! Rows between their last operand and their write.

use rust_hdl::prelude::*;

/// A row on its way.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Row {
    pub(crate) valid: Bit,
    /// The last one of its instruction.
    pub(crate) end: Bit,
    /// Where it is written: acc, spad or nowhere.
    pub(crate) to_acc: Bit,
    pub(crate) to_spad: Bit,
    pub(crate) address: Bits<20>,
    /// Its way: lanes otherwise.
    pub(crate) reduces: Bit,
    pub(crate) transposes: Bit,
    pub(crate) maxes: Bit,
}

/// `row` is in its beats; with `leaves` it moves on, and four cycles later it is `out` and is written. A transposed row
/// takes two cycles, one of `MAXQ` one: the reader sees to it that they overtake none. Without `go` nothing moves.
///
/// Tells whether a row at an address is yet to be written.
#[derive(LogicBlock, Default)]
pub(crate) struct Flight {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) go: Signal<In, Bit>,
    pub(crate) row: Signal<In, Row>,
    pub(crate) leaves: Signal<In, Bit>,
    pub(crate) acc_address: Signal<In, Bits<20>>,
    pub(crate) spad_address: Signal<In, Bits<20>>,
    pub(crate) acc_hit: Signal<Out, Bit>,
    pub(crate) spad_hit: Signal<Out, Bit>,
    /// A row that is not of `MAXQ` is not in `out` yet.
    pub(crate) slow: Signal<Out, Bit>,
    pub(crate) busy: Signal<Out, Bit>,
    /// The row that will be `out` is a sum or a maximum over lanes.
    pub(crate) splat: Signal<Out, Bit>,
    pub(crate) out: Signal<Out, Row>,
    row1: DFF<Row>,
    row2: DFF<Row>,
    row3: DFF<Row>,
    row4: DFF<Row>,
    read0: Signal<Local, Bits<20>>,
    read1: Signal<Local, Bits<20>>,
    read2: Signal<Local, Bits<20>>,
    read3: Signal<Local, Bits<20>>,
    read4: Signal<Local, Bits<20>>,
    hit0: Signal<Local, Bit>,
    hit1: Signal<Local, Bit>,
    hit2: Signal<Local, Bit>,
    hit3: Signal<Local, Bit>,
    hit4: Signal<Local, Bit>,
}

impl Logic for Flight {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, row1, row2, row3, row4);
        if self.go.val() {
            self.row4.d.next = self.row3.q.val();
            self.row3.d.next = self.row2.q.val();
            self.row2.d.next = self.row1.q.val();
            self.row1.d.next = self.row.val();
            self.row1.d.next.valid = self.leaves.val() & !self.row.val().transposes & !self.row.val().maxes;
            if self.leaves.val() & self.row.val().transposes {
                self.row3.d.next = self.row.val();
            }
            if self.leaves.val() & self.row.val().maxes {
                self.row4.d.next = self.row.val();
            }
        }
        self.read0.next = self.spad_address.val();
        if self.row.val().to_acc {
            self.read0.next = self.acc_address.val();
        }
        self.hit0.next = self.row.val().valid & (self.row.val().address == self.read0.val());
        self.read1.next = self.spad_address.val();
        if self.row1.q.val().to_acc {
            self.read1.next = self.acc_address.val();
        }
        self.hit1.next = self.row1.q.val().valid & (self.row1.q.val().address == self.read1.val());
        self.read2.next = self.spad_address.val();
        if self.row2.q.val().to_acc {
            self.read2.next = self.acc_address.val();
        }
        self.hit2.next = self.row2.q.val().valid & (self.row2.q.val().address == self.read2.val());
        self.read3.next = self.spad_address.val();
        if self.row3.q.val().to_acc {
            self.read3.next = self.acc_address.val();
        }
        self.hit3.next = self.row3.q.val().valid & (self.row3.q.val().address == self.read3.val());
        self.read4.next = self.spad_address.val();
        if self.row4.q.val().to_acc {
            self.read4.next = self.acc_address.val();
        }
        self.hit4.next = self.row4.q.val().valid & (self.row4.q.val().address == self.read4.val());
        self.acc_hit.next = (self.hit0.val() & self.row.val().to_acc)
            | (self.hit1.val() & self.row1.q.val().to_acc)
            | (self.hit2.val() & self.row2.q.val().to_acc)
            | (self.hit3.val() & self.row3.q.val().to_acc)
            | (self.hit4.val() & self.row4.q.val().to_acc);
        self.spad_hit.next = (self.hit0.val() & self.row.val().to_spad)
            | (self.hit1.val() & self.row1.q.val().to_spad)
            | (self.hit2.val() & self.row2.q.val().to_spad)
            | (self.hit3.val() & self.row3.q.val().to_spad)
            | (self.hit4.val() & self.row4.q.val().to_spad);
        self.slow.next = (self.row.val().valid & !self.row.val().maxes)
            | self.row1.q.val().valid
            | self.row2.q.val().valid
            | self.row3.q.val().valid;
        self.busy.next = self.row.val().valid
            | self.row1.q.val().valid
            | self.row2.q.val().valid
            | self.row3.q.val().valid
            | self.row4.q.val().valid;
        self.splat.next = self.row3.q.val().valid & self.row3.q.val().reduces & self.row3.q.val().to_acc;
        self.out.next = self.row4.q.val();
    }
}
