//! What a host's frames do to the machine, and what it is asked.

use link::{Ask, Tell};
use rust_hdl::prelude::*;

use crate::prims::Fixed;

/// What the host is asked for, or what is done with the row that is on its way.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Phase {
    Idle,
    /// A row is wanted of the host; it goes to the machine.
    Ask,
    Give,
    /// A row comes from the machine; the host has to take it.
    Collect,
    Tell,
    /// The machine is told that it is written.
    Written,
    /// The host has to take a mark.
    Mark,
}

/// Takes one request of each channel of the memory port at a time, and has one row of either on its way.
///
/// What the host is asked has a `turn`, the number of the frame that answers it. A run that is given up gets rows of zeros,
/// which are no instructions, and a limit of no steps, until it has ended.
#[derive(LogicBlock)]
pub(crate) struct Server<const BEAT: usize> {
    pub(crate) clock: Signal<In, Clock>,
    /// A frame of the host.
    pub(crate) frame: Signal<In, Bit>,
    pub(crate) kind: Signal<In, Bits<8>>,
    pub(crate) number: Signal<In, Bits<8>>,
    pub(crate) open: Signal<Out, Bit>,
    pub(crate) put: Signal<In, Bit>,
    pub(crate) payload: Signal<In, Bits<8>>,
    /// Frames to the host.
    pub(crate) idle: Signal<In, Bit>,
    pub(crate) tells: Signal<Out, Bit>,
    pub(crate) asks: Signal<Out, Bits<8>>,
    pub(crate) turn: Signal<Out, Bits<8>>,
    pub(crate) rotate: Signal<In, Bit>,
    /// The ring.
    pub(crate) row_of_ring: Signal<In, Bits<256>>,
    pub(crate) clear: Signal<Out, Bit>,
    pub(crate) shift: Signal<Out, Bit>,
    pub(crate) octet: Signal<Out, Bits<8>>,
    /// The rows asked for and written, and how many of those asked for are left.
    pub(crate) row: Signal<Out, Bits<32>>,
    pub(crate) left: Signal<Out, Bits<16>>,
    pub(crate) row_written: Signal<Out, Bits<32>>,
    /// The machine.
    pub(crate) busy: Signal<In, Bit>,
    pub(crate) start: Signal<Out, Bit>,
    pub(crate) limit: Signal<Out, Bits<64>>,
    pub(crate) sizes: Signal<Out, Bits<56>>,
    pub(crate) bases: Signal<Out, Bits<160>>,
    pub(crate) mark_valid: Signal<In, Bit>,
    pub(crate) mark_ready: Signal<Out, Bit>,
    pub(crate) read_valid: Signal<In, Bit>,
    pub(crate) read_row: Signal<In, Bits<32>>,
    pub(crate) read_rows: Signal<In, Bits<16>>,
    pub(crate) read_ready: Signal<Out, Bit>,
    pub(crate) rdata_valid: Signal<Out, Bit>,
    pub(crate) rdata_ready: Signal<In, Bit>,
    pub(crate) write_valid: Signal<In, Bit>,
    pub(crate) write_row: Signal<In, Bits<32>>,
    pub(crate) write_rows: Signal<In, Bits<16>>,
    pub(crate) write_ready: Signal<Out, Bit>,
    pub(crate) wdata_valid: Signal<In, Bit>,
    pub(crate) wdata: Signal<In, Bits<BEAT>>,
    pub(crate) wdata_ready: Signal<Out, Bit>,
    pub(crate) written: Signal<Out, Bit>,
    phase: DFF<Phase>,
    from: DFF<Bits<32>>,
    from_left: DFF<Bits<16>>,
    into: DFF<Bits<32>>,
    into_left: DFF<Bits<16>>,
    /// Bytes of the row that have gone to the machine, or come from it.
    bytes: DFF<Bits<5>>,
    expected: DFF<Bits<8>>,
    /// The host waits for a word, for the identity.
    due: DFF<Bit>,
    due_identity: DFF<Bit>,
    was_busy: DFF<Bit>,
    abandoned: DFF<Bit>,
    starts: DFF<Bit>,
    most_steps: DFF<Bits<64>>,
    log2: DFF<Bits<56>>,
    places: DFF<Bits<160>>,
    /// The bits of a byte's place that lie within a beat.
    in_beat: Constant<Bits<5>>,
    reset: Fixed<8, { Tell::Reset.code() as u64 }>,
    poll: Fixed<8, { Tell::Poll.code() as u64 }>,
    identify: Fixed<8, { Tell::Identify.code() as u64 }>,
    set_profile: Fixed<8, { Tell::Profile.code() as u64 }>,
    set_bases: Fixed<8, { Tell::Bases.code() as u64 }>,
    run: Fixed<8, { Tell::Start.code() as u64 }>,
    give_row: Fixed<8, { Tell::Row.code() as u64 }>,
    taken: Fixed<8, { Tell::Taken.code() as u64 }>,
    ask_read: Fixed<8, { Ask::Read.code() as u64 }>,
    ask_write: Fixed<8, { Ask::Write.code() as u64 }>,
    ask_mark: Fixed<8, { Ask::Mark.code() as u64 }>,
    ask_state: Fixed<8, { Ask::State.code() as u64 }>,
    ask_identity: Fixed<8, { Ask::Identity.code() as u64 }>,
    resets: Signal<Local, Bit>,
    /// A frame with the number that is expected.
    counts: Signal<Local, Bit>,
    sets: Signal<Local, Bit>,
    has_row: Signal<Local, Bit>,
    is_taken: Signal<Local, Bit>,
    gives: Signal<Local, Bit>,
    collects: Signal<Local, Bit>,
    ends_row: Signal<Local, Bit>,
    writes: Signal<Local, Bit>,
    offset: Signal<Local, Bits<5>>,
    beat: Signal<Local, Bits<BEAT>>,
    bits_down: Signal<Local, Bits<8>>,
}

#[allow(clippy::too_many_lines, reason = "a part a line")]
impl<const BEAT: usize> Default for Server<BEAT> {
    fn default() -> Self {
        Server {
            in_beat: Constant::new((BEAT as u64 / 8 - 1).into()),
            clock: Signal::default(),
            frame: Signal::default(),
            kind: Signal::default(),
            number: Signal::default(),
            open: Signal::default(),
            put: Signal::default(),
            payload: Signal::default(),
            idle: Signal::default(),
            tells: Signal::default(),
            asks: Signal::default(),
            turn: Signal::default(),
            rotate: Signal::default(),
            row_of_ring: Signal::default(),
            clear: Signal::default(),
            shift: Signal::default(),
            octet: Signal::default(),
            row: Signal::default(),
            left: Signal::default(),
            row_written: Signal::default(),
            busy: Signal::default(),
            start: Signal::default(),
            limit: Signal::default(),
            sizes: Signal::default(),
            bases: Signal::default(),
            mark_valid: Signal::default(),
            mark_ready: Signal::default(),
            read_valid: Signal::default(),
            read_row: Signal::default(),
            read_rows: Signal::default(),
            read_ready: Signal::default(),
            rdata_valid: Signal::default(),
            rdata_ready: Signal::default(),
            write_valid: Signal::default(),
            write_row: Signal::default(),
            write_rows: Signal::default(),
            write_ready: Signal::default(),
            wdata_valid: Signal::default(),
            wdata: Signal::default(),
            wdata_ready: Signal::default(),
            written: Signal::default(),
            phase: DFF::default(),
            from: DFF::default(),
            from_left: DFF::default(),
            into: DFF::default(),
            into_left: DFF::default(),
            bytes: DFF::default(),
            expected: DFF::default(),
            due: DFF::default(),
            due_identity: DFF::default(),
            was_busy: DFF::default(),
            abandoned: DFF::default(),
            starts: DFF::default(),
            most_steps: DFF::default(),
            log2: DFF::default(),
            places: DFF::default(),
            reset: Fixed::default(),
            poll: Fixed::default(),
            identify: Fixed::default(),
            set_profile: Fixed::default(),
            set_bases: Fixed::default(),
            run: Fixed::default(),
            give_row: Fixed::default(),
            taken: Fixed::default(),
            ask_read: Fixed::default(),
            ask_write: Fixed::default(),
            ask_mark: Fixed::default(),
            ask_state: Fixed::default(),
            ask_identity: Fixed::default(),
            resets: Signal::default(),
            counts: Signal::default(),
            sets: Signal::default(),
            has_row: Signal::default(),
            is_taken: Signal::default(),
            gives: Signal::default(),
            collects: Signal::default(),
            ends_row: Signal::default(),
            writes: Signal::default(),
            offset: Signal::default(),
            beat: Signal::default(),
            bits_down: Signal::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl<const BEAT: usize> Logic for Server<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, phase, from, from_left, into, into_left, bytes, expected, due, due_identity, was_busy);
        dff_setup!(self, clock, abandoned, starts, most_steps, log2, places);

        // Frames of the host. One that counts comes while nothing is told: its ring is not needed.
        self.resets.next = self.frame.val() & (self.kind.val() == self.reset.val());
        self.counts.next = self.frame.val() & self.idle.val() & (self.number.val() == self.expected.q.val());
        self.sets.next = self.counts.val()
            & !self.busy.val()
            & !self.starts.q.val()
            & ((self.kind.val() == self.set_profile.val())
                | (self.kind.val() == self.set_bases.val())
                | (self.kind.val() == self.run.val()));
        self.has_row.next =
            self.counts.val() & (self.kind.val() == self.give_row.val()) & (self.phase.q.val() == Phase::Ask);
        self.is_taken.next = self.counts.val()
            & (self.kind.val() == self.taken.val())
            & ((self.phase.q.val() == Phase::Tell) | (self.phase.q.val() == Phase::Mark));
        if self.sets.val() | self.has_row.val() | self.is_taken.val() {
            self.expected.d.next = self.expected.q.val() + 1;
        }
        self.starts.d.next = false;
        if self.sets.val() {
            if self.kind.val() == self.set_profile.val() {
                self.most_steps.d.next = self.row_of_ring.val().get_bits::<64>(0);
                self.log2.d.next = self.row_of_ring.val().get_bits::<56>(64);
            }
            if self.kind.val() == self.set_bases.val() {
                self.places.d.next = self.row_of_ring.val().get_bits::<160>(0);
            }
            self.starts.d.next = self.kind.val() == self.run.val();
        }
        self.start.next = self.starts.q.val();
        self.limit.next = self.most_steps.q.val();
        self.sizes.next = self.log2.q.val();
        self.bases.next = self.places.q.val();
        self.open.next = (self.phase.q.val() == Phase::Ask) | (!self.busy.val() & !self.starts.q.val());

        // What the host is told: a request, or else the state.
        self.tells.next = self.idle.val() & (self.due.q.val() | self.due_identity.q.val());
        if self.tells.val() & !self.due_identity.q.val() {
            self.due.d.next = false;
        }
        self.due_identity.d.next = self.due_identity.q.val() & !self.tells.val();
        if self.frame.val() & (self.kind.val() == self.identify.val()) {
            self.due_identity.d.next = true;
        }
        if self.resets.val() | (self.frame.val() & (self.kind.val() == self.poll.val())) {
            self.due.d.next = true;
        }
        if self.sets.val() & (self.kind.val() != self.run.val()) {
            self.due.d.next = true;
        }
        self.was_busy.d.next = self.busy.val();
        if self.was_busy.q.val() & !self.busy.val() {
            self.due.d.next = true;
        }
        self.asks.next = self.ask_state.val();
        if self.phase.q.val() == Phase::Ask {
            self.asks.next = self.ask_read.val();
        }
        if self.phase.q.val() == Phase::Tell {
            self.asks.next = self.ask_write.val();
        }
        if self.phase.q.val() == Phase::Mark {
            self.asks.next = self.ask_mark.val();
        }
        if self.due_identity.q.val() {
            self.asks.next = self.ask_identity.val();
        }
        self.turn.next = self.expected.q.val();

        // The memory port.
        self.row.next = self.from.q.val();
        self.left.next = self.from_left.q.val();
        self.row_written.next = self.into.q.val();
        self.offset.next = self.bytes.q.val() & self.in_beat.val();
        // A row that is to be written may depend on rows that are asked for after the request: those are not kept waiting.
        self.write_ready.next = self.into_left.q.val() == 0;
        if self.write_ready.val() & self.write_valid.val() {
            self.into.d.next = self.write_row.val();
            self.into_left.d.next = self.write_rows.val();
        }
        self.writes.next = (self.into_left.q.val() != 0) & self.wdata_valid.val();
        self.read_ready.next =
            (self.phase.q.val() == Phase::Idle) & !self.writes.val() & !self.mark_valid.val() & self.read_valid.val();
        // The first byte of a beat goes with it, the others after it.
        self.rdata_valid.next = (self.phase.q.val() == Phase::Give) & (self.offset.val() == 0);
        self.gives.next = (self.phase.q.val() == Phase::Give) & ((self.offset.val() != 0) | self.rdata_ready.val());
        // A beat is taken with its last byte.
        self.collects.next = (self.phase.q.val() == Phase::Collect) & self.wdata_valid.val();
        self.wdata_ready.next = (self.phase.q.val() == Phase::Collect) & (self.offset.val() == self.in_beat.val());
        self.ends_row.next = (self.gives.val() | self.collects.val()) & (self.bytes.q.val() == 31);
        self.written.next = self.phase.q.val() == Phase::Written;
        self.mark_ready.next = (self.phase.q.val() == Phase::Mark) & (self.is_taken.val() | self.abandoned.q.val());
        if self.gives.val() | self.collects.val() {
            self.bytes.d.next = self.bytes.q.val() + 1;
        }
        match self.phase.q.val() {
            Phase::Idle => {
                if self.writes.val() {
                    self.phase.d.next = Phase::Collect;
                } else if self.mark_valid.val() {
                    self.phase.d.next = Phase::Mark;
                    if !self.abandoned.q.val() {
                        self.due.d.next = true;
                    }
                } else if self.read_valid.val() {
                    self.phase.d.next = Phase::Ask;
                    self.from.d.next = self.read_row.val();
                    self.from_left.d.next = self.read_rows.val();
                    if !self.abandoned.q.val() {
                        self.due.d.next = true;
                    }
                }
            }
            Phase::Ask => {
                if self.has_row.val() | self.abandoned.q.val() {
                    self.phase.d.next = Phase::Give;
                }
            }
            Phase::Give => {
                if self.ends_row.val() {
                    self.from.d.next = self.from.q.val() + 1;
                    self.from_left.d.next = self.from_left.q.val() - 1;
                    self.phase.d.next = Phase::Ask;
                    if self.from_left.q.val() == 1 {
                        self.phase.d.next = Phase::Idle;
                    }
                }
            }
            Phase::Collect => {
                if self.ends_row.val() {
                    self.phase.d.next = Phase::Tell;
                    if !self.abandoned.q.val() {
                        self.due.d.next = true;
                    }
                }
            }
            Phase::Tell => {
                if self.is_taken.val() | self.abandoned.q.val() {
                    self.into.d.next = self.into.q.val() + 1;
                    self.into_left.d.next = self.into_left.q.val() - 1;
                    self.phase.d.next = Phase::Idle;
                    if self.into_left.q.val() == 1 {
                        self.phase.d.next = Phase::Written;
                    }
                }
            }
            Phase::Written => {
                self.phase.d.next = Phase::Idle;
            }
            Phase::Mark => {
                if self.is_taken.val() | self.abandoned.q.val() {
                    self.phase.d.next = Phase::Idle;
                }
            }
        }

        // The ring: a byte of the host, of the machine, or its own; zeros for a run that is given up.
        self.bits_down.next = bit_cast::<8, 5>(self.offset.val()) << 3;
        self.beat.next = self.wdata.val() >> self.bits_down.val();
        self.clear.next = self.abandoned.q.val();
        self.shift.next = self.put.val() | self.rotate.val() | self.gives.val() | self.collects.val();
        self.octet.next = self.row_of_ring.val().get_bits::<8>(0);
        if self.put.val() {
            self.octet.next = self.payload.val();
        } else if self.collects.val() {
            self.octet.next = self.beat.val().get_bits::<8>(0);
        }

        // Giving up.
        if !self.busy.val() {
            self.abandoned.d.next = false;
        }
        if self.resets.val() {
            self.expected.d.next = self.number.val();
            self.abandoned.d.next = self.busy.val() | self.starts.q.val();
            self.most_steps.d.next = 0.into();
        }
    }
}
