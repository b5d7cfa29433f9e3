//! Frames to the host.

use link::{Ask, ESCAPE, FLAG, IDENTITY_BYTES, MARK_BYTES, READ_BYTES, STATE_BYTES, TOGGLE};
use rust_hdl::prelude::*;

use super::crc32::Crc32;
use super::told::at;
use crate::prims::Fixed;

/// What goes next.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum Part {
    Idle,
    Open,
    Kind,
    Number,
    Told,
    Row,
    Check,
    Close,
}

/// Sends one frame after `tells`: what `kind` tells of, from `told`, and where it is a write the row of the ring, which comes
/// round to where it was.
#[derive(LogicBlock, Default)]
pub(crate) struct Teller {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) tells: Signal<In, Bit>,
    pub(crate) kind: Signal<In, Bits<8>>,
    pub(crate) number: Signal<In, Bits<8>>,
    pub(crate) idle: Signal<Out, Bit>,
    /// The byte wanted of `told`, which comes a cycle later.
    pub(crate) at: Signal<Out, Bits<7>>,
    pub(crate) told: Signal<In, Bits<8>>,
    /// The ring's byte, and its turn.
    pub(crate) row: Signal<In, Bits<8>>,
    pub(crate) rotate: Signal<Out, Bit>,
    /// To the line.
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) send: Signal<Out, Bit>,
    pub(crate) octet: Signal<Out, Bits<8>>,
    check: Crc32,
    part: DFF<Part>,
    escaped: DFF<Bit>,
    place: DFF<Bits<7>>,
    last: DFF<Bits<7>>,
    /// Bytes of the row, or of the check, that have gone.
    count: DFF<Bits<5>>,
    what: DFF<Bits<8>>,
    read: Fixed<8, { Ask::Read.code() as u64 }>,
    write: Fixed<8, { Ask::Write.code() as u64 }>,
    mark: Fixed<8, { Ask::Mark.code() as u64 }>,
    state: Fixed<8, { Ask::State.code() as u64 }>,
    read_at: Fixed<7, { at::READ }>,
    write_at: Fixed<7, { at::WRITE }>,
    mark_at: Fixed<7, { at::MARK }>,
    state_at: Fixed<7, { at::STATE }>,
    identity_at: Fixed<7, { at::IDENTITY }>,
    read_last: Fixed<7, { at::READ + READ_BYTES as u64 - 1 }>,
    write_last: Fixed<7, { at::WRITE + 3 }>,
    mark_last: Fixed<7, { at::MARK + MARK_BYTES as u64 - 1 }>,
    state_last: Fixed<7, { at::STATE + STATE_BYTES as u64 - 1 }>,
    identity_last: Fixed<7, { at::IDENTITY + IDENTITY_BYTES as u64 - 1 }>,
    flag: Fixed<8, { FLAG as u64 }>,
    escape: Fixed<8, { ESCAPE as u64 }>,
    toggle: Fixed<8, { TOGGLE as u64 }>,
    plain: Signal<Local, Bits<8>>,
    is_flag: Signal<Local, Bit>,
    must_escape: Signal<Local, Bit>,
    moves: Signal<Local, Bit>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Teller {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, part, escaped, place, last, count, what);
        clock!(self, clock, check);
        self.idle.next = self.part.q.val() == Part::Idle;
        self.at.next = self.place.q.val();

        // The byte, and whether it goes now: an escape goes before it.
        self.plain.next = self.told.val();
        if self.part.q.val() == Part::Kind {
            self.plain.next = self.what.q.val();
        }
        if self.part.q.val() == Part::Number {
            self.plain.next = self.number.val();
        }
        if self.part.q.val() == Part::Row {
            self.plain.next = self.row.val();
        }
        if self.part.q.val() == Part::Check {
            self.plain.next = !self.check.crc.val().get_bits::<8>(0);
        }
        self.is_flag.next = (self.part.q.val() == Part::Open) | (self.part.q.val() == Part::Close);
        self.must_escape.next = !self.is_flag.val()
            & !self.escaped.q.val()
            & ((self.plain.val() == self.flag.val()) | (self.plain.val() == self.escape.val()));
        self.send.next = (self.part.q.val() != Part::Idle) & self.ready.val();
        self.octet.next = self.plain.val();
        if self.is_flag.val() {
            self.octet.next = self.flag.val();
        } else if self.must_escape.val() {
            self.octet.next = self.escape.val();
        } else if self.escaped.q.val() {
            self.octet.next = self.plain.val() ^ self.toggle.val();
        }
        if self.send.val() {
            self.escaped.d.next = self.must_escape.val();
        }
        self.moves.next = self.send.val() & !self.must_escape.val();
        self.rotate.next = self.moves.val() & (self.part.q.val() == Part::Row);

        // The check: its own lowest byte shifts it by a byte.
        self.check.clear.next = self.part.q.val() == Part::Open;
        self.check.enable.next = self.moves.val() & !self.is_flag.val();
        self.check.octet.next = self.plain.val();
        if self.part.q.val() == Part::Check {
            self.check.octet.next = self.check.crc.val().get_bits::<8>(0);
        }

        if self.moves.val() {
            self.count.d.next = self.count.q.val() + 1;
            match self.part.q.val() {
                Part::Idle => {}
                Part::Open => {
                    self.part.d.next = Part::Kind;
                }
                Part::Kind => {
                    self.part.d.next = Part::Number;
                }
                Part::Number => {
                    self.part.d.next = Part::Told;
                }
                Part::Told => {
                    self.place.d.next = self.place.q.val() + 1;
                    if self.place.q.val() == self.last.q.val() {
                        self.count.d.next = 0.into();
                        self.part.d.next = Part::Check;
                        if self.what.q.val() == self.write.val() {
                            self.part.d.next = Part::Row;
                        }
                    }
                }
                Part::Row => {
                    if self.count.q.val() == 31 {
                        self.part.d.next = Part::Check;
                    }
                }
                Part::Check => {
                    if self.count.q.val() == 3 {
                        self.part.d.next = Part::Close;
                    }
                }
                Part::Close => {
                    self.part.d.next = Part::Idle;
                }
            }
        }
        if self.tells.val() & (self.part.q.val() == Part::Idle) {
            self.part.d.next = Part::Open;
            self.what.d.next = self.kind.val();
            self.place.d.next = self.identity_at.val();
            self.last.d.next = self.identity_last.val();
            if self.kind.val() == self.read.val() {
                self.place.d.next = self.read_at.val();
                self.last.d.next = self.read_last.val();
            }
            if self.kind.val() == self.write.val() {
                self.place.d.next = self.write_at.val();
                self.last.d.next = self.write_last.val();
            }
            if self.kind.val() == self.mark.val() {
                self.place.d.next = self.mark_at.val();
                self.last.d.next = self.mark_last.val();
            }
            if self.kind.val() == self.state.val() {
                self.place.d.next = self.state_at.val();
                self.last.d.next = self.state_last.val();
            }
        }
    }
}
