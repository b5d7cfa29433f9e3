//! A board behind a line of bytes, as an engine: the host serves its memory, row by row (`docs/boards.md`).
//!
//! A board is not believed: what it asks for is bounded by the regions of the program, what it says of its writes is compared
//! with what it wrote, and a frame that is lost or broken is asked for again.

mod line;
mod simulated;

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use isa::program::Program;
use isa::{Leaf, Region, Status, ZERO};
use link::{Event, Identity, Tell};

pub use simulated::SimulatedBoard;

use crate::engine::{Engine, EngineError, MAX_MARKS, Mark, Outcome, Progress, Watch, check_input};
use crate::perf::Perf;
use crate::rtl::{AddressMap, Bus, Counters, Dram, Fault};
use line::Line;

/// Rows that may be on their way to the board: half of the numbers that there are.
const WINDOW: u16 = 64;
/// Tries to be heard before a board is given up.
const TRIES: u32 = 40;
/// Events between two looks at `watch`.
const EVENTS: u32 = 256;

/// Why a board has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// The line cannot be read or written.
    #[error("the line to the board: {0}")]
    Line(#[from] io::Error),
    /// Nothing comes.
    #[error(
        "the board does not answer ({polls} times asked): is it configured, and is the line's rate that of the board?"
    )]
    Silent {
        /// How often it was asked.
        polls: u32,
    },
    /// It answers, but not to what it is told.
    #[error("the board answers, but does not do what it is told ({tries} times told)")]
    Deaf {
        /// How often it was told.
        tries: u32,
    },
    /// A run that was given up has not ended.
    #[error("the board is still in an instruction of a run before this one: wait, or configure it anew")]
    Busy,
    /// It forgot the run.
    #[error("the board lost the run after {steps} steps: was it reset?")]
    Lost {
        /// How far it was when it last said so.
        steps: u64,
    },
    /// Another protocol.
    #[error("the board speaks version {found} of the link, this host version {expected}: build the board anew")]
    Version {
        /// The board's.
        found: u8,
        /// Ours.
        expected: u8,
    },
    /// Another instruction set.
    #[error("the board was built from another instruction set: build it anew")]
    IsaHash,
    /// The machine is smaller than the program needs.
    #[error("the program needs 2^{needs} rows of {space}, this board has 2^{has}")]
    TooSmall {
        /// `spad` or `acc`.
        space: &'static str,
        /// log₂ of what the program's profile says.
        needs: u8,
        /// log₂ of what there is.
        has: u8,
    },
    /// The regions together are larger than 32-bit row addresses reach.
    #[error("the program's regions need {rows} rows of memory, a board's port reaches 2^32")]
    MapTooLarge {
        /// Rows of all regions.
        rows: u64,
    },
    /// It asked for memory that it may not touch.
    #[error("fault of the board: {0}")]
    Fault(Fault),
    /// It ended with a status that is none.
    #[error("the board ended with status {0}, which is none")]
    Status(u8),
    /// Its digest is not that of the writes it made.
    #[error("the board's write digest is {register:016x}, that of its writes {observed:016x}")]
    Digest {
        /// What its register shows.
        register: u64,
        /// What came over the line.
        observed: u64,
    },
}

/// A board at the other end of a line. Reads of `L` have to come back within some time when there is nothing to read.
pub struct BoardEngine<L> {
    line: Line<L>,
    identity: Identity,
    /// The number that the board expects next.
    turn: u8,
}

impl<L: Read + Write> BoardEngine<L> {
    /// Asks the board what it is.
    ///
    /// # Errors
    /// It does not answer, or it is of another link or instruction set.
    pub fn new(line: L) -> Result<BoardEngine<L>, BoardError> {
        let mut line = Line::new(line);
        let identity = identify(&mut line)?;
        if identity.version != link::VERSION {
            return Err(BoardError::Version { found: identity.version, expected: link::VERSION });
        }
        if identity.isa_hash != isa::ISA_HASH {
            return Err(BoardError::IsaHash);
        }
        Ok(BoardEngine { line, identity, turn: 0 })
    }

    /// What it says it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    fn check_fit(&self, program: &Program) -> Result<(), BoardError> {
        let spaces = [
            ("spad", program.profile.spad, self.identity.spad_log2),
            ("acc", program.profile.acc, self.identity.acc_log2),
        ];
        match spaces.into_iter().find(|(_, needs, has)| needs > has) {
            Some((space, needs, has)) => Err(BoardError::TooSmall { space, needs, has }),
            None => Ok(()),
        }
    }

    /// Ends whatever run there is.
    fn reset(&mut self) -> Result<(), BoardError> {
        // Not a number that something on its way may have.
        self.turn = self.turn.wrapping_add(u8::MAX / 2);
        self.line.send(Tell::Reset, self.turn, &[])?;
        let mut heard = false;
        for _ in 0..TRIES {
            match self.line.receive()? {
                Some((number, Event::State(state))) if number == self.turn && !state.busy => return Ok(()),
                Some((number, _)) => heard |= number == self.turn,
                None if heard => {}
                None => self.line.send(Tell::Reset, self.turn, &[])?,
            }
            if heard {
                self.line.send(Tell::Poll, 0, &[])?;
            }
        }
        Err(if heard { BoardError::Busy } else { BoardError::Deaf { tries: TRIES } })
    }

    /// Tells something that is answered by the state.
    fn tell(&mut self, kind: Tell, payload: &Leaf) -> Result<(), BoardError> {
        let next = self.turn.wrapping_add(1);
        self.line.send(kind, self.turn, payload)?;
        for _ in 0..TRIES {
            match self.line.receive()? {
                Some((number, Event::State(_))) if number == next => {
                    self.turn = next;
                    return Ok(());
                }
                Some((number, Event::State(_))) if number == self.turn => self.line.send(kind, self.turn, payload)?,
                _ => {}
            }
        }
        Err(BoardError::Deaf { tries: TRIES })
    }

    fn start(&mut self, program: &Program, bases: [u32; 5]) -> Result<(), BoardError> {
        self.reset()?;
        let mut profile = program.profile.to_leaf();
        profile.reverse();
        self.tell(Tell::Profile, &profile)?;
        let mut places = ZERO;
        for (bytes, base) in places.chunks_exact_mut(4).zip(bases) {
            bytes.copy_from_slice(&base.to_le_bytes());
        }
        self.tell(Tell::Bases, &places)?;
        self.line.send(Tell::Start, self.turn, &[])?;
        self.turn = self.turn.wrapping_add(1);
        Ok(())
    }
}

fn identify<L: Read + Write>(line: &mut Line<L>) -> Result<Identity, BoardError> {
    for _ in 0..TRIES {
        line.send(Tell::Identify, 0, &[])?;
        for _ in 0..4 {
            match line.receive()? {
                Some((_, Event::Identity(identity))) => return Ok(identity),
                Some(_) => {}
                None => break,
            }
        }
    }
    Err(BoardError::Deaf { tries: TRIES })
}

/// One run, as the host sees it.
struct Run<'a> {
    dram: Dram<'a>,
    marks: Vec<Mark>,
    /// The board has answered since it was started.
    started: bool,
    steps: u64,
    cycles: u64,
    rows_read: u64,
    rows_written: u64,
}

impl<L: Read + Write> BoardEngine<L> {
    /// Answers what the board asks for, until it says that it has ended.
    fn serve(&mut self, run: &mut Run<'_>, watch: Watch<'_>) -> Result<link::State, EngineError> {
        let mut events = 0u32;
        loop {
            let quiet = match self.line.receive()? {
                Some((number, Event::State(state))) => {
                    if let Some(end) = self.hear(number, state, run)? {
                        return Ok(end);
                    }
                    true
                }
                Some((number, event)) => {
                    self.answer(number, &event, run)?;
                    events = events.wrapping_add(1);
                    events.is_multiple_of(EVENTS)
                }
                None => true,
            };
            if quiet && let ControlFlow::Break(()) = watch(Progress { steps: run.steps, cycles: run.cycles }) {
                return Err(EngineError::Interrupted { steps: run.steps });
            }
        }
    }

    /// The state, if it is that of the end.
    fn hear(&mut self, number: u8, state: link::State, run: &mut Run<'_>) -> Result<Option<link::State>, BoardError> {
        if state.busy {
            (run.steps, run.cycles) = (run.steps.max(state.steps), run.cycles.max(state.cycles));
            return Ok(None);
        }
        let before = self.turn.wrapping_sub(1);
        if number == self.turn && state.status != Status::Running.code() {
            return Ok(Some(state));
        }
        if number == before && !run.started {
            self.line.send(Tell::Start, before, &[])?;
            return Ok(None);
        }
        if number == self.turn && !run.started {
            return Ok(None);
        }
        Err(BoardError::Lost { steps: run.steps })
    }

    fn answer(&mut self, number: u8, event: &Event, run: &mut Run<'_>) -> Result<(), BoardError> {
        run.started = true;
        let behind = self.turn.wrapping_sub(number);
        match event {
            // Rows that did not come are asked for again by the number of the first.
            Event::Read { row, left } if u16::from(behind) <= WINDOW => {
                self.turn = number;
                self.give(*row, *left, run)
            }
            Event::Write { row, bytes } if behind == 0 => {
                let refused = run.dram.write(*row, bytes);
                refused.map_err(|()| fault(&mut run.dram))?;
                run.rows_written += 1;
                self.take()
            }
            Event::Mark { id, steps, digest } if behind == 0 => {
                if run.marks.len() < MAX_MARKS {
                    run.marks.push(Mark { id: *id, digest: *digest, steps: *steps });
                }
                self.take()
            }
            // It was taken, and that was lost.
            Event::Write { .. } | Event::Mark { .. } if behind == 1 => self.line.send(Tell::Taken, number, &[]),
            _ => Ok(()),
        }
    }

    fn give(&mut self, first: u32, left: u16, run: &mut Run<'_>) -> Result<(), BoardError> {
        for offset in 0..left.min(WINDOW) {
            let mut leaf = ZERO;
            let refused = run.dram.read(first.wrapping_add(offset.into()), &mut leaf);
            refused.map_err(|()| fault(&mut run.dram))?;
            self.line.send(Tell::Row, self.turn, &leaf)?;
            self.turn = self.turn.wrapping_add(1);
            run.rows_read += 1;
        }
        // The rest is asked for when these have come.
        if left > WINDOW { self.line.send(Tell::Poll, 0, &[]) } else { Ok(()) }
    }

    fn take(&mut self) -> Result<(), BoardError> {
        self.line.send(Tell::Taken, self.turn, &[])?;
        self.turn = self.turn.wrapping_add(1);
        Ok(())
    }

    fn outcome(&self, end: &link::State, program: &Program, run: Run<'_>) -> Result<Outcome, BoardError> {
        let status = Status::from_code(end.status).filter(|status| *status != Status::Running);
        let status = status.ok_or(BoardError::Status(end.status))?;
        if run.dram.digest() != end.digest {
            return Err(BoardError::Digest { register: end.digest, observed: run.dram.digest() });
        }
        let counters = Counters {
            cycles: end.cycles,
            macs: end.macs,
            bytes_read: 32 * run.rows_read,
            bytes_written: 32 * run.rows_written,
            ..Counters::default()
        };
        let array = (self.identity.array_rows.into(), self.identity.array_cols.into());
        let perf = Perf::new(array, counters, &[], &program.metadata.layers);
        let (work, output, _, _) = run.dram.into_parts();
        // The machine leaves it to the host to clear the output of a run that trapped.
        let output = if status == Status::Halted { output } else { Region::default() };
        Ok(Outcome { status, steps: end.steps, digest: end.digest, marks: run.marks, output, work, perf: Some(perf) })
    }
}

fn fault(dram: &mut Dram<'_>) -> BoardError {
    dram.take_fault().map_or(BoardError::Lost { steps: 0 }, BoardError::Fault)
}

impl<L: Read + Write> Engine for BoardEngine<L> {
    fn name(&self) -> &'static str {
        "board"
    }

    fn run(&mut self, program: &Program, input: &[Leaf], watch: Watch<'_>) -> Result<Outcome, EngineError> {
        check_input(program, input)?;
        self.check_fit(program)?;
        let map = AddressMap::new(&program.profile, 0).map_err(|rows| BoardError::MapTooLarge { rows })?;
        let dram = Dram::new(map, &program.text, &program.constant, input, 0);
        self.start(program, dram.bases())?;
        let mut run =
            Run { dram, marks: Vec::new(), started: false, steps: 0, cycles: 0, rows_read: 0, rows_written: 0 };
        let end = self.serve(&mut run, watch)?;
        Ok(self.outcome(&end, program, run)?)
    }
}
