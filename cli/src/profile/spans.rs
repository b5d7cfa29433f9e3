//! Events as pieces of time: an instruction in its unit, a part doing one thing, an instruction waiting in a queue.

use std::collections::VecDeque;

use sim::rtl::{EventKind, FRONT, Trace, UNITS};

/// Units and the front end.
pub(crate) const PARTS: usize = UNITS.len() + 1;

/// A piece of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// An instruction in its unit. Pieces of one unit do not overlap: one begins when the one before has ended.
    Instruction {
        /// Index of the unit.
        unit: u8,
        /// Row of text.
        pc: u32,
        /// When the front end issued it.
        issued: u64,
        /// When the unit took it.
        taken: u64,
        /// From when on it was the unit's oldest.
        begin: u64,
        /// When its effects were in memory.
        end: u64,
    },
    /// A part, [`FRONT`] included, does one thing other than nothing.
    Activity {
        /// Index of the part.
        part: u8,
        /// Its code.
        code: u8,
        /// First cycle.
        begin: u64,
        /// The cycle after the last.
        end: u64,
    },
    /// From this cycle on so many instructions wait in a unit's queue.
    Queue {
        /// Index of the unit.
        unit: u8,
        /// When.
        cycle: u64,
        /// How many.
        waiting: usize,
    },
}

#[derive(Debug, Default)]
struct Unit {
    /// Not taken yet: row of text, when issued.
    queue: VecDeque<(u32, u64)>,
    /// Taken and not retired: row of text, when issued, when taken.
    inside: VecDeque<(u32, u64, u64)>,
    /// When the last one retired.
    free: u64,
}

/// Gives the pieces of a trace that ends at cycle `end`, each when it is over.
pub(crate) fn pieces<E>(trace: &Trace, end: u64, sink: &mut impl FnMut(Piece) -> Result<(), E>) -> Result<(), E> {
    let end = trace.cut_at_cycle.unwrap_or(end);
    let mut units: [Unit; UNITS.len()] = Default::default();
    let mut doing = [(0u8, 0u64); PARTS];
    for event in &trace.events {
        let cycle = event.cycle;
        match event.kind {
            EventKind::Issued { unit, pc } => {
                let it = &mut units[usize::from(unit)];
                it.queue.push_back((pc, cycle));
                sink(Piece::Queue { unit, cycle, waiting: it.queue.len() })?;
            }
            EventKind::Taken { unit } => {
                let it = &mut units[usize::from(unit)];
                if let Some((pc, issued)) = it.queue.pop_front() {
                    it.inside.push_back((pc, issued, cycle));
                }
                sink(Piece::Queue { unit, cycle, waiting: it.queue.len() })?;
            }
            EventKind::Retired { unit } => retire(&mut units[usize::from(unit)], unit, cycle, sink)?,
            EventKind::Activity { unit, code } => {
                turn(&mut doing[usize::from(unit.min(FRONT))], unit, code, cycle, sink)?;
            }
        }
    }
    for (unit, it) in (0..).zip(&mut units) {
        while !it.inside.is_empty() {
            retire(it, unit, end, sink)?;
        }
    }
    for (part, it) in (0..).zip(&mut doing) {
        turn(it, part, 0, end, sink)?;
    }
    Ok(())
}

fn retire<E>(it: &mut Unit, unit: u8, end: u64, sink: &mut impl FnMut(Piece) -> Result<(), E>) -> Result<(), E> {
    let Some((pc, issued, taken)) = it.inside.pop_front() else { return Ok(()) };
    let begin = taken.max(it.free).min(end);
    it.free = end;
    sink(Piece::Instruction { unit, pc, issued, taken, begin, end })
}

fn turn<E>(
    it: &mut (u8, u64),
    part: u8,
    code: u8,
    cycle: u64,
    sink: &mut impl FnMut(Piece) -> Result<(), E>,
) -> Result<(), E> {
    let (before, begin) = std::mem::replace(it, (code, cycle));
    if before == 0 || begin == cycle { Ok(()) } else { sink(Piece::Activity { part, code: before, begin, end: cycle }) }
}

#[cfg(test)]
mod tests {
    use sim::rtl::TraceEvent;

    use super::*;

    #[test]
    fn instructions_follow_one_another_and_what_is_open_ends_with_the_run() {
        let event = |cycle, kind| TraceEvent { cycle, kind };
        let (unit, pc) = (3, 7);
        let events = vec![
            event(10, EventKind::Issued { unit, pc }),
            event(11, EventKind::Issued { unit, pc: 8 }),
            event(12, EventKind::Taken { unit }),
            event(12, EventKind::Activity { unit, code: 1 }),
            event(20, EventKind::Taken { unit }),
            event(25, EventKind::Retired { unit }),
            event(26, EventKind::Activity { unit, code: 6 }),
        ];
        let mut found = Vec::new();
        let trace = Trace { events, cut_at_cycle: None };
        let Ok(()) = pieces(&trace, 30, &mut |piece| {
            found.push(piece);
            Ok::<_, std::convert::Infallible>(())
        });
        found.retain(|piece| !matches!(piece, Piece::Queue { .. }));
        let want = [
            Piece::Instruction { unit, pc, issued: 10, taken: 12, begin: 12, end: 25 },
            Piece::Activity { part: unit, code: 1, begin: 12, end: 26 },
            Piece::Instruction { unit, pc: 8, issued: 11, taken: 20, begin: 25, end: 30 },
            Piece::Activity { part: unit, code: 6, begin: 26, end: 30 },
        ];
        assert_eq!(found, want);
    }
}
