//! The data of the write channel of the memory port: rows of 256 bits become beats of `BEAT`.

use rust_hdl::prelude::*;

/// `row` is taken in a cycle with `row_valid` and `row_ready`, whose requests have been accepted in the same order.
/// Two rows are held, so that beats follow one another without a gap.
#[derive(LogicBlock)]
pub(crate) struct WritePort<const BEAT: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) row_valid: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) row_ready: Signal<Out, Bit>,
    pub(crate) wdata_valid: Signal<Out, Bit>,
    pub(crate) wdata: Signal<Out, Bits<BEAT>>,
    pub(crate) wdata_ready: Signal<In, Bit>,
    going: DFF<Bits<256>>,
    left: DFF<Bits<6>>,
    next: DFF<Bits<256>>,
    next_full: DFF<Bit>,
    beats: Constant<Bits<6>>,
    down: Constant<Bits<9>>,
    free: Signal<Local, Bit>,
}

impl<const BEAT: usize> Default for WritePort<BEAT> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            row_valid: Signal::default(),
            row: Signal::default(),
            row_ready: Signal::default(),
            wdata_valid: Signal::default(),
            wdata: Signal::default(),
            wdata_ready: Signal::default(),
            going: DFF::default(),
            left: DFF::default(),
            next: DFF::default(),
            next_full: DFF::default(),
            beats: Constant::new((256 / BEAT as u64).into()),
            down: Constant::new((BEAT as u64).into()),
            free: Signal::default(),
        }
    }
}

impl<const BEAT: usize> Logic for WritePort<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, going, left, next, next_full);
        if (self.left.q.val() != 0) & self.wdata_ready.val() {
            self.going.d.next = self.going.q.val() >> self.down.val();
            self.left.d.next = self.left.q.val() - 1;
        }
        self.free.next = (self.left.q.val() == 0) | ((self.left.q.val() == 1) & self.wdata_ready.val());
        if self.free.val() & (self.next_full.q.val() | self.row_valid.val()) {
            self.left.d.next = self.beats.val();
            self.going.d.next = self.row.val();
            if self.next_full.q.val() {
                self.going.d.next = self.next.q.val();
            }
            self.next_full.d.next = false;
        } else if self.row_valid.val() & !self.next_full.q.val() {
            self.next.d.next = self.row.val();
            self.next_full.d.next = true;
        }
        self.row_ready.next = !self.next_full.q.val();
        self.wdata_valid.next = self.left.q.val() != 0;
        self.wdata.next = self.going.q.val().get_bits::<BEAT>(0);
    }
}
