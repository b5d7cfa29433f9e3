//! The memory port: beats of `BEAT` bits against rows of 256.

use rust_hdl::prelude::*;

/// Assembles read beats into rows and takes rows apart into write beats. The port is in order and carries one kind of
/// request at a time, so nothing here knows who asked.
///
/// `read_row` is valid in the one cycle of `read_valid`. `write_row` is taken at a cycle with `write_valid` and
/// `write_ready`; `idle` means that every beat of every row has been accepted.
#[derive(LogicBlock)]
pub(crate) struct Gearbox<const BEAT: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) rdata_valid: Signal<In, Bit>,
    pub(crate) rdata: Signal<In, Bits<BEAT>>,
    pub(crate) read_valid: Signal<Out, Bit>,
    pub(crate) read_row: Signal<Out, Bits<256>>,
    pub(crate) write_valid: Signal<In, Bit>,
    pub(crate) write_row: Signal<In, Bits<256>>,
    pub(crate) write_ready: Signal<Out, Bit>,
    pub(crate) idle: Signal<Out, Bit>,
    pub(crate) wdata_valid: Signal<Out, Bit>,
    pub(crate) wdata: Signal<Out, Bits<BEAT>>,
    pub(crate) wdata_ready: Signal<In, Bit>,
    read: DFF<Bits<256>>,
    read_beat: DFF<Bits<6>>,
    read_done: DFF<Bit>,
    write: DFF<Bits<256>>,
    write_left: DFF<Bits<6>>,
    next: DFF<Bits<256>>,
    next_full: DFF<Bit>,
    beats: Constant<Bits<6>>,
    last_beat: Constant<Bits<6>>,
    down: Constant<Bits<9>>,
    up: Constant<Bits<9>>,
    placed: Signal<Local, Bits<256>>,
    last_write: Signal<Local, Bit>,
}

impl<const BEAT: usize> Default for Gearbox<BEAT> {
    fn default() -> Self {
        let beats = 256 / BEAT as u64;
        Self {
            clock: Signal::default(),
            rdata_valid: Signal::default(),
            rdata: Signal::default(),
            read_valid: Signal::default(),
            read_row: Signal::default(),
            write_valid: Signal::default(),
            write_row: Signal::default(),
            write_ready: Signal::default(),
            idle: Signal::default(),
            wdata_valid: Signal::default(),
            wdata: Signal::default(),
            wdata_ready: Signal::default(),
            read: DFF::default(),
            read_beat: DFF::default(),
            read_done: DFF::default(),
            write: DFF::default(),
            write_left: DFF::default(),
            next: DFF::default(),
            next_full: DFF::default(),
            beats: Constant::new(beats.into()),
            last_beat: Constant::new((beats - 1).into()),
            down: Constant::new((BEAT as u64).into()),
            up: Constant::new((256 - BEAT as u64).into()),
            placed: Signal::default(),
            last_write: Signal::default(),
        }
    }
}

impl<const BEAT: usize> Logic for Gearbox<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, read, read_beat, read_done, write, write_left, next, next_full);
        self.placed.next = bit_cast::<256, BEAT>(self.rdata.val());
        self.read_done.d.next = false;
        if self.rdata_valid.val() {
            self.read.d.next = (self.read.q.val() >> self.down.val()) | (self.placed.val() << self.up.val());
            self.read_beat.d.next = self.read_beat.q.val() + 1;
            if self.read_beat.q.val() == self.last_beat.val() {
                self.read_beat.d.next = 0.into();
                self.read_done.d.next = true;
            }
        }
        self.read_valid.next = self.read_done.q.val();
        self.read_row.next = self.read.q.val();

        if (self.write_left.q.val() != 0) & self.wdata_ready.val() {
            self.write.d.next = self.write.q.val() >> self.down.val();
            self.write_left.d.next = self.write_left.q.val() - 1;
        }
        self.last_write.next =
            (self.write_left.q.val() == 0) | ((self.write_left.q.val() == 1) & self.wdata_ready.val());
        if self.last_write.val() & self.next_full.q.val() {
            self.write.d.next = self.next.q.val();
            self.write_left.d.next = self.beats.val();
            self.next_full.d.next = false;
        }
        if self.write_valid.val() & !self.next_full.q.val() {
            self.next.d.next = self.write_row.val();
            self.next_full.d.next = true;
        }
        self.write_ready.next = !self.next_full.q.val();
        self.idle.next = !self.next_full.q.val() & (self.write_left.q.val() == 0);
        self.wdata_valid.next = self.write_left.q.val() != 0;
        self.wdata.next = self.write.q.val().get_bits::<BEAT>(0);
    }
}
