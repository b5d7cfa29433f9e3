//! The vector unit: one slot after another is read, a row's last operand last; rows leave in order.

use std::collections::VecDeque;

use hdl::Params;
use isa::{Instr, Opcode, PARAM_ROWS, TILE_ROWS, form};

use crate::banks::Banks;
use crate::board::Board;
use crate::matrix::Matrix;
use crate::op::{Op, VECTOR, Walk};

/// What is read next, as in the RTL's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Constants,
    Block,
    Judge,
    Look,
    Final,
}

/// The way of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Lanes,
    Reduces,
    Transposes,
    Maxes,
}

/// What an instruction reads.
#[derive(Clone, Copy, Debug)]
struct Needs {
    way: Way,
    constants: bool,
    /// Rows of its block.
    block: usize,
    judges: bool,
    looks: bool,
    looks_in_spad: bool,
    last_acc: bool,
    last_spad: bool,
    to_acc: bool,
    to_spad: bool,
}

impl Needs {
    fn of(instr: &Instr) -> Needs {
        let form = match instr {
            Instr::Vadd(i) => Some(i.form),
            Instr::Vsub(i) => Some(i.form),
            Instr::Vmul(i) => Some(i.form),
            Instr::Vmulr(i) => Some(i.form),
            Instr::Vmin(i) => Some(i.form),
            Instr::Vmax(i) => Some(i.form),
            Instr::Vshr(i) => Some(i.form),
            Instr::Vsel(i) => Some(i.form),
            _ => None,
        };
        let (two, op) = (form.is_some(), instr.opcode());
        let is = |ops: &[Opcode]| ops.contains(&op);
        let reduces = is(&[Opcode::Vsum, Opcode::Vrmax, Opcode::Argmax]);
        let accumulates = matches!(instr, Instr::Maxq(i) if i.acc);
        Needs {
            way: if reduces {
                Way::Reduces
            } else if op == Opcode::Trans {
                Way::Transposes
            } else if op == Opcode::Maxq {
                Way::Maxes
            } else {
                Way::Lanes
            },
            constants: op == Opcode::Addq,
            block: match op {
                Opcode::Requant | Opcode::Lut => PARAM_ROWS,
                Opcode::Lut32 | Opcode::Trans => TILE_ROWS,
                _ => 0,
            },
            judges: op == Opcode::Vsel,
            looks: op == Opcode::Addq || accumulates || matches!(form, Some(form::ROW32 | form::LANE0)),
            looks_in_spad: is(&[Opcode::Addq, Opcode::Maxq]),
            last_acc: two || reduces || is(&[Opcode::Vclz, Opcode::Requant]),
            last_spad: is(&[Opcode::Addq, Opcode::Lut, Opcode::Lut32, Opcode::Maxq]) || form == Some(form::ROW8),
            to_acc: two || is(&[Opcode::Vclz, Opcode::Vsum, Opcode::Vrmax, Opcode::Lut32]),
            to_spad: is(&[Opcode::Requant, Opcode::Addq, Opcode::Maxq, Opcode::Lut, Opcode::Trans]),
        }
    }

    /// The first slot of an instruction, or of a row whose block stays.
    fn first(&self, renews: bool) -> Slot {
        match self {
            Needs { constants: true, .. } if renews => Slot::Constants,
            Needs { block: 1.., .. } if renews => Slot::Block,
            Needs { judges: true, .. } => Slot::Judge,
            Needs { looks: true, .. } => Slot::Look,
            _ => Slot::Final,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    op: Op,
    needs: Needs,
    slot: Slot,
    block_row: usize,
    tap: u32,
    d: Walk,
    a: Walk,
    b: Walk,
    /// Whether each row, or each line, has a block of its own.
    renews: [bool; 2],
}

/// A row between its last operand and its write.
#[derive(Clone, Copy, Debug)]
struct Row {
    address: i64,
    to_acc: bool,
    to_spad: bool,
    maxes: bool,
    end: bool,
    write_at: u64,
}

/// Beats in which a row goes its way, where one of lanes takes so many. A wide machine sums up a whole row at once.
fn beats_of(way: Way, beats: u64) -> u64 {
    match way {
        Way::Lanes => beats,
        Way::Reduces if beats > 2 => beats,
        _ => 1,
    }
}

/// Cycles of an instruction at full rate.
pub(crate) fn work(op: &Op, beats: u64) -> u64 {
    let needs = Needs::of(&op.instr);
    let slots = u64::from(op.kt) + u64::from(needs.judges) + u64::from(needs.looks);
    op.rows() * slots.max(beats_of(needs.way, beats)) + needs.block as u64
}

/// The vector unit.
#[derive(Debug)]
pub(crate) struct Vector {
    beats: u64,
    /// Boxed: it goes from hand to hand in every cycle.
    held: Option<Box<Held>>,
    flight: VecDeque<Row>,
    /// From when on the last operand of a row may be read, and the others.
    last_from: u64,
    other_from: u64,
}

impl Vector {
    pub(crate) fn new(params: &Params) -> Vector {
        Vector {
            beats: (isa::LANES / params.vector_lanes) as u64,
            held: None,
            flight: VecDeque::new(),
            last_from: 0,
            other_from: 0,
        }
    }

    /// One cycle; when it has something to do again.
    pub(crate) fn tick(&mut self, now: u64, board: &mut Board, banks: &mut Banks, matrix: &Matrix) -> u64 {
        let mut leaves = false;
        if let Some(row) = self.flight.front()
            && row.write_at == now
        {
            let acc = !row.to_acc || banks.write_acc(row.address, now, matrix);
            if !acc || (row.to_spad && !banks.write_spad(row.address, now)) {
                self.flight.iter_mut().for_each(|row| row.write_at += 1);
                self.last_from = self.last_from.max(now) + 1;
                self.other_from = self.other_from.max(now) + 1;
                return now + 1;
            }
            leaves = true;
        }
        let next = self.issue(now, board, banks, matrix);
        if leaves
            && let Some(row) = self.flight.pop_front()
            && row.end
        {
            board.retire(VECTOR, now);
        }
        next.min(self.flight.front().map_or(u64::MAX, |row| row.write_at))
    }

    fn issue(&mut self, now: u64, board: &mut Board, banks: &mut Banks, matrix: &Matrix) -> u64 {
        let Some(held) = &self.held else {
            self.take(now, board);
            return if self.held.is_some() { now + 1 } else { u64::MAX };
        };
        let from = if held.slot == Slot::Final { self.last_from } else { self.other_from };
        if from > now {
            return from;
        }
        let (acc, spad) = reads(held);
        let row_end = held.slot == Slot::Final && held.tap + 1 == held.op.kt;
        let slow = row_end && held.needs.way == Way::Maxes && self.flight.iter().any(|row| !row.maxes);
        let hit = |row: &Row| (row.to_acc && Some(row.address) == acc) || (row.to_spad && Some(row.address) == spad);
        if slow || self.flight.iter().any(hit) {
            return now + 1;
        }
        let acc = acc.is_none_or(|row| banks.read_acc(row, now, matrix));
        let spad = spad.is_none_or(|row| banks.read_spad(row, now, matrix));
        if !acc || !spad {
            return now + 1;
        }
        let Some(mut held) = self.held.take() else { return u64::MAX };
        if self.advance(&mut held, row_end, now) {
            self.take(now, board);
        } else {
            self.held = Some(held);
        }
        now + 1
    }

    /// Goes on to the next slot; true after the instruction's last.
    fn advance(&mut self, held: &mut Held, row_end: bool, now: u64) -> bool {
        match held.slot {
            Slot::Constants => held.slot = Slot::Look,
            Slot::Block => {
                held.block_row += 1;
                if held.block_row == held.needs.block {
                    held.block_row = 0;
                    held.slot = Slot::Final;
                }
            }
            Slot::Judge => held.slot = if held.needs.looks { Slot::Look } else { Slot::Final },
            Slot::Look => held.slot = Slot::Final,
            Slot::Final if !row_end => held.tap += 1,
            Slot::Final => {
                held.tap = 0;
                let last = held.d.last();
                self.send(held, last, now);
                if last {
                    return true;
                }
                let renews = held.renews[0] || (held.d.last_inner() && held.renews[1]);
                held.slot = held.needs.first(renews && held.needs.block > 0);
                for walk in [&mut held.a, &mut held.b, &mut held.d] {
                    walk.step();
                }
            }
        }
        false
    }

    /// A row's operands are complete.
    fn send(&mut self, held: &Held, end: bool, now: u64) {
        let way = held.needs.way;
        let beats = beats_of(way, self.beats);
        self.last_from = now + beats;
        self.other_from = now + (beats - 1).max(1);
        let delay = match way {
            Way::Lanes | Way::Reduces => beats + 4,
            Way::Transposes => 3,
            Way::Maxes => 2,
        };
        self.flight.push_back(Row {
            address: held.d.at(),
            to_acc: held.needs.to_acc,
            to_spad: held.needs.to_spad,
            maxes: way == Way::Maxes,
            end,
            write_at: now + delay,
        });
    }

    fn take(&mut self, now: u64, board: &mut Board) {
        let Some(op) = board.take(VECTOR, now) else { return };
        let needs = Needs::of(&op.instr);
        let argmax = op.instr.opcode() == Opcode::Argmax;
        let (d, a) = if argmax { (0, 0) } else { (0, 1) };
        let block = if needs.way == Way::Transposes { 1 } else { 2 };
        let renews = op.reaches[block].map_or([false; 2], |reach| [reach.s0 != 0, reach.s1 != 0]);
        self.held = Some(Box::new(Held {
            op,
            needs,
            slot: needs.first(true),
            block_row: 0,
            tap: 0,
            d: op.walk(d),
            a: op.walk(a),
            b: op.walk(2),
            renews,
        }));
    }
}

/// The rows of acc and of spad that the slot reads.
fn reads(held: &Held) -> (Option<i64>, Option<i64>) {
    let needs = &held.needs;
    let (a, b, d) = (held.a.at(), held.b.at(), held.d.at());
    match held.slot {
        Slot::Constants => (None, held.op.reaches[3].map(|p| p.start)),
        Slot::Block => (None, Some((if needs.way == Way::Transposes { a } else { b }) | held.block_row as i64)),
        Slot::Judge => (Some(a), None),
        Slot::Look if needs.way == Way::Maxes => (None, Some(d)),
        Slot::Look if needs.looks_in_spad => (None, Some(a)),
        Slot::Look => (Some(b), None),
        Slot::Final => {
            let acc = if needs.judges { d } else { a };
            let tap = held.op.reaches[1].map_or(0, |a| a.sk) * i64::from(held.tap);
            let spad = if needs.constants || needs.last_acc { b } else { a + tap };
            (needs.last_acc.then_some(acc), needs.last_spad.then_some(spad))
        }
    }
}
