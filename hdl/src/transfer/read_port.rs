//! The read channel of the memory port: three requesters share it, and beats of `BEAT` bits become rows of 256.

use rust_hdl::prelude::*;

use crate::prims::Fifo;

/// log₂ of the requests that may be outstanding.
const OUTSTANDING_LOG2: usize = 4;

/// Requests are granted in the order fetch, word, load; rows come back in the order in which they were granted.
///
/// A requester *x* shows `x_valid`, `x_row` and `x_rows` (1..=65535) until a cycle with `x_ready`, which follows in
/// the same cycle; it may change its mind until then, and ask again in the next cycle. Each row of its request is on
/// `data` while `x_data_valid`, and is taken in a cycle with `x_data_ready`, which may depend on `x_data_valid`. While
/// it is not taken, rows of nobody else arrive: who asks must be able to take.
///
/// Towards memory a request stands until it is accepted.
#[derive(LogicBlock)]
pub(crate) struct ReadPort<const BEAT: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) fetch_valid: Signal<In, Bit>,
    pub(crate) fetch_row: Signal<In, Bits<32>>,
    pub(crate) fetch_rows: Signal<In, Bits<16>>,
    pub(crate) fetch_ready: Signal<Out, Bit>,
    pub(crate) fetch_data_valid: Signal<Out, Bit>,
    pub(crate) fetch_data_ready: Signal<In, Bit>,
    pub(crate) word_valid: Signal<In, Bit>,
    pub(crate) word_row: Signal<In, Bits<32>>,
    pub(crate) word_ready: Signal<Out, Bit>,
    pub(crate) word_data_valid: Signal<Out, Bit>,
    pub(crate) load_valid: Signal<In, Bit>,
    pub(crate) load_row: Signal<In, Bits<32>>,
    pub(crate) load_rows: Signal<In, Bits<16>>,
    pub(crate) load_ready: Signal<Out, Bit>,
    pub(crate) load_data_valid: Signal<Out, Bit>,
    pub(crate) load_data_ready: Signal<In, Bit>,
    /// The row for whom it is said to be valid.
    pub(crate) data: Signal<Out, Bits<256>>,
    /// No request is outstanding.
    pub(crate) idle: Signal<Out, Bit>,
    pub(crate) read_valid: Signal<Out, Bit>,
    pub(crate) read_row: Signal<Out, Bits<32>>,
    pub(crate) read_rows: Signal<Out, Bits<16>>,
    pub(crate) read_ready: Signal<In, Bit>,
    pub(crate) rdata_valid: Signal<In, Bit>,
    pub(crate) rdata: Signal<In, Bits<BEAT>>,
    pub(crate) rdata_ready: Signal<Out, Bit>,
    asking: DFF<Bit>,
    row: DFF<Bits<32>>,
    rows: DFF<Bits<16>>,
    /// Who asked (0 fetch, 1 word, 2 load) and the number of rows.
    owners: Fifo<18>,
    taken: DFF<Bits<16>>,
    beats: DFF<Bits<256>>,
    beat: DFF<Bits<6>>,
    full: DFF<Bit>,
    last_beat: Constant<Bits<6>>,
    down: Constant<Bits<9>>,
    up: Constant<Bits<9>>,
    placed: Signal<Local, Bits<256>>,
    grants: Signal<Local, Bit>,
    owner: Signal<Local, Bits<2>>,
    next_rows: Signal<Local, Bits<16>>,
    whose: Signal<Local, Bits<2>>,
    count: Signal<Local, Bits<16>>,
    take: Signal<Local, Bit>,
    next_taken: Signal<Local, Bits<16>>,
    accept: Signal<Local, Bit>,
}

impl<const BEAT: usize> Default for ReadPort<BEAT> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            fetch_valid: Signal::default(),
            fetch_row: Signal::default(),
            fetch_rows: Signal::default(),
            fetch_ready: Signal::default(),
            fetch_data_valid: Signal::default(),
            fetch_data_ready: Signal::default(),
            word_valid: Signal::default(),
            word_row: Signal::default(),
            word_ready: Signal::default(),
            word_data_valid: Signal::default(),
            load_valid: Signal::default(),
            load_row: Signal::default(),
            load_rows: Signal::default(),
            load_ready: Signal::default(),
            load_data_valid: Signal::default(),
            load_data_ready: Signal::default(),
            data: Signal::default(),
            idle: Signal::default(),
            read_valid: Signal::default(),
            read_row: Signal::default(),
            read_rows: Signal::default(),
            read_ready: Signal::default(),
            rdata_valid: Signal::default(),
            rdata: Signal::default(),
            rdata_ready: Signal::default(),
            asking: DFF::default(),
            row: DFF::default(),
            rows: DFF::default(),
            owners: Fifo::new(OUTSTANDING_LOG2),
            taken: DFF::default(),
            beats: DFF::default(),
            beat: DFF::default(),
            full: DFF::default(),
            last_beat: Constant::new((256 / BEAT as u64 - 1).into()),
            down: Constant::new((BEAT as u64).into()),
            up: Constant::new((256 - BEAT as u64).into()),
            placed: Signal::default(),
            grants: Signal::default(),
            owner: Signal::default(),
            next_rows: Signal::default(),
            whose: Signal::default(),
            count: Signal::default(),
            take: Signal::default(),
            next_taken: Signal::default(),
            accept: Signal::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl<const BEAT: usize> Logic for ReadPort<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asking, row, rows, taken, beats, beat, full);
        self.owners.clock.next = self.clock.val();

        // One request stands before the memory; another may take its place in the cycle in which it goes.
        self.grants.next = self.owners.ready.val() & (!self.asking.q.val() | self.read_ready.val());
        self.fetch_ready.next = self.grants.val() & self.fetch_valid.val();
        self.word_ready.next = self.grants.val() & self.word_valid.val() & !self.fetch_valid.val();
        self.load_ready.next =
            self.grants.val() & self.load_valid.val() & !self.fetch_valid.val() & !self.word_valid.val();
        self.owner.next = 2.into();
        self.next_rows.next = self.load_rows.val();
        if self.fetch_valid.val() {
            self.owner.next = 0.into();
            self.next_rows.next = self.fetch_rows.val();
        } else if self.word_valid.val() {
            self.owner.next = 1.into();
            self.next_rows.next = 1.into();
        }
        self.owners.push.next = false;
        if self.read_ready.val() {
            self.asking.d.next = false;
        }
        if self.grants.val() & (self.fetch_valid.val() | self.word_valid.val() | self.load_valid.val()) {
            self.asking.d.next = true;
            self.owners.push.next = true;
            self.rows.d.next = self.next_rows.val();
            self.row.d.next = self.load_row.val();
            if self.fetch_valid.val() {
                self.row.d.next = self.fetch_row.val();
            } else if self.word_valid.val() {
                self.row.d.next = self.word_row.val();
            }
        }
        self.owners.word.next = (bit_cast::<18, 2>(self.owner.val()) << 16) | bit_cast::<18, 16>(self.next_rows.val());
        self.read_valid.next = self.asking.q.val();
        self.read_row.next = self.row.q.val();
        self.read_rows.next = self.rows.q.val();
        self.idle.next = !self.owners.valid.val();

        // A row is given to the oldest request as soon as it is whole; the next may begin to arrive as it goes.
        self.whose.next = self.owners.head.val().get_bits::<2>(16);
        self.count.next = self.owners.head.val().get_bits::<16>(0);
        self.fetch_data_valid.next = self.full.q.val() & (self.whose.val() == 0);
        self.word_data_valid.next = self.full.q.val() & (self.whose.val() == 1);
        self.load_data_valid.next = self.full.q.val() & (self.whose.val() == 2);
        self.data.next = self.beats.q.val();
        self.take.next = self.full.q.val()
            & ((self.whose.val() == 1)
                | (self.fetch_data_ready.val() & (self.whose.val() == 0))
                | (self.load_data_ready.val() & (self.whose.val() == 2)));
        self.next_taken.next = self.taken.q.val() + 1;
        self.owners.pop.next = self.take.val() & (self.next_taken.val() == self.count.val());
        if self.take.val() {
            self.full.d.next = false;
            self.taken.d.next = self.next_taken.val();
            if self.next_taken.val() == self.count.val() {
                self.taken.d.next = 0.into();
            }
        }
        self.accept.next = !self.full.q.val() | self.take.val();
        self.rdata_ready.next = self.accept.val();
        self.placed.next = bit_cast::<256, BEAT>(self.rdata.val());
        if self.rdata_valid.val() & self.accept.val() {
            self.beats.d.next = (self.beats.q.val() >> self.down.val()) | (self.placed.val() << self.up.val());
            self.beat.d.next = self.beat.q.val() + 1;
            if self.beat.q.val() == self.last_beat.val() {
                self.beat.d.next = 0.into();
                self.full.d.next = true;
            }
        }
    }
}
