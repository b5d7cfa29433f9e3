//! The front end: instructions in order, scalars computed, others checked and offered to the scoreboard.

use hdl::Params;
use isa::program::Program;
use isa::{Instr, Leaf, Profile, Regs, Space, Status, Subtree, admit, micro_steps, spec};

use crate::board::Board;
use crate::fetch::Fetch;
use crate::op::{Op, STORE, VECTOR, unit};
use crate::{CostError, LayerEstimate};

/// Cycles of the checker.
const CHECK: u64 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Clear,
    Run,
    End,
    Done,
}

/// What registers a result is awaited for.
#[derive(Clone, Copy, Debug)]
enum Awaits {
    Word(u8, Option<u32>),
    /// Cycles to go once it has retired.
    Best(u8, u8, u8),
}

/// The front end of one run.
#[derive(Debug)]
pub(crate) struct Front<'a> {
    text: Vec<Option<Instr>>,
    constant: &'a [Leaf],
    profile: Profile,
    pub(crate) regs: Regs,
    /// Registers whose value depends on data.
    unknown: u16,
    phase: Phase,
    run_from: u64,
    valid: bool,
    decoded: bool,
    multiplied: bool,
    check: Option<(Op, u64)>,
    issue: Option<Op>,
    awaits: Option<Awaits>,
    pub(crate) layers: Vec<LayerEstimate>,
    /// Instructions that went to units.
    pub(crate) issued: u64,
    /// Rows of spad, of acc and of work up to the highest that was named.
    pub(crate) used: [u64; 3],
    params: Params,
    beats: u64,
}

impl<'a> Front<'a> {
    pub(crate) fn new(program: &'a Program, params: &Params, rate: u64) -> Front<'a> {
        let bank = |log2: usize, banks: usize, used: u8| (log2 - banks.ilog2() as usize).min(used.into());
        let spad = bank(params.spad_log2, params.spad_banks, program.profile.spad);
        let acc = bank(params.acc_log2, params.acc_banks, program.profile.acc);
        // A cycle to settle, the rows of a bank, or of the registers, and one to see that they are clear.
        let run_from = (1u64 << spad.max(acc)).max(15) + 2;
        Front {
            text: program.text.iter().map(|leaf| Instr::decode(leaf).ok()).collect(),
            constant: &program.constant,
            profile: program.profile,
            regs: Regs::default(),
            unknown: 0,
            phase: Phase::Clear,
            run_from,
            valid: false,
            decoded: false,
            multiplied: false,
            check: None,
            issue: None,
            awaits: None,
            layers: vec![LayerEstimate::default()],
            issued: 0,
            used: [0; 3],
            params: *params,
            beats: (isa::LANES as u64).div_ceil(rate),
        }
    }

    pub(crate) fn done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// One cycle, after all units have had it; when it has something to do again.
    pub(crate) fn tick(&mut self, now: u64, fetch: &mut Fetch, board: &mut Board) -> Result<u64, CostError> {
        if self.phase == Phase::Clear && now >= self.run_from {
            self.phase = Phase::Run;
        }
        let valid = self.valid;
        let entered = self.issue.is_some_and(|op| board.offer(&op, now));
        let had_issue = self.issue.is_some();
        let hold = had_issue && !entered;
        let checked = self.check.filter(|(_, from)| now >= from + CHECK && !hold);
        let idle = self.check.is_none();
        let pc = u64::from(self.regs.pc);

        let (awaited, phase) = (self.awaits.is_some(), self.phase);
        let mut next = None;
        let mut turn = Turn::Stays;
        match self.phase {
            Phase::Run if self.awaits.is_some() => self.result(idle && !had_issue, now, board),
            Phase::Run if self.decoded => {
                (next, turn) = self.instruction(idle, idle || checked.is_some())?;
            }
            Phase::Run if pc >> self.profile.text != 0 => return Err(self.trap(Status::Fetch)),
            Phase::End if idle && !had_issue && !board.any_live(now) && !fetch.busy() => self.phase = Phase::Done,
            _ => {}
        }

        // What the next cycle sees.
        if entered {
            self.issue = None;
        }
        if let Some((op, _)) = checked {
            self.issue = Some(op);
            self.check = None;
        }
        if let Some(op) = next {
            self.check = Some((op, now));
        }
        let asked = if turn == Turn::Advances { pc + 1 } else { pc };
        let hits = (!valid || turn == Turn::Advances) && fetch.hits(asked, now);
        self.valid = match turn {
            Turn::Jumps => false,
            Turn::Advances => hits,
            Turn::Stays => valid || hits,
        };
        let was_decoded = self.decoded;
        self.decoded = valid && turn == Turn::Stays;
        let line = fetch.step(asked, now, matches!(self.phase, Phase::Clear | Phase::Run));
        let changed = entered
            || checked.is_some()
            || turn != Turn::Stays
            || self.valid != valid
            || self.decoded != was_decoded
            || line
            || self.multiplied
            || awaited != self.awaits.is_some()
            || phase != self.phase
            || board.comparing(now);
        let timers = [
            self.check.map_or(u64::MAX, |(_, from)| if now < from + CHECK { from + CHECK } else { u64::MAX }),
            fetch.next().max(now + 1),
            if self.phase == Phase::Clear { self.run_from } else { u64::MAX },
            if matches!(self.awaits, Some(Awaits::Best(..))) { now + 1 } else { u64::MAX },
        ];
        Ok(if changed { now + 1 } else { timers.into_iter().min().unwrap_or(u64::MAX) })
    }

    fn trap(&self, status: Status) -> CostError {
        CostError::Trap { status, pc: self.regs.pc }
    }

    /// The registers of `LW` and `ARGMAX` are written once they have retired.
    fn result(&mut self, issued: bool, now: u64, board: &Board) {
        if !issued {
            return;
        }
        let mut known = |rd: u8, value: Option<u32>| {
            self.unknown |= 1 << rd;
            if let Some(value) = value {
                self.unknown &= !(1 << rd);
                self.regs.x[usize::from(rd)] = value;
            }
            self.unknown &= !1;
            self.regs.x[0] = 0;
        };
        self.awaits = match self.awaits {
            Some(Awaits::Word(rd, value)) if !board.live(STORE, now) => {
                known(rd, value);
                None
            }
            Some(Awaits::Best(rd, rv, 1)) if !board.live(VECTOR, now) => {
                known(rd, None);
                known(rv, None);
                None
            }
            Some(Awaits::Best(rd, rv, left)) if !board.live(VECTOR, now) => Some(Awaits::Best(rd, rv, left - 1)),
            other => other,
        };
    }

    /// The instruction at pc: what goes to the checker, and how pc moves.
    fn instruction(&mut self, idle: bool, ready: bool) -> Result<(Option<Op>, Turn), CostError> {
        // Rows of text beyond the program's are zero, which is no instruction.
        let instr = self.text.get(self.regs.pc as usize).copied().flatten();
        let Some(instr) = instr else {
            return if idle { Err(self.trap(Status::Illegal)) } else { Ok((None, Turn::Stays)) };
        };
        let Some(unit) = unit(&instr) else {
            return if idle { self.scalar(&instr).map(|turn| (None, turn)) } else { Ok((None, Turn::Stays)) };
        };
        if !ready {
            return Ok((None, Turn::Stays));
        }
        self.ensure_known(&instr)?;
        admit(&instr, &self.regs, &self.profile).map_err(|status| self.trap(status))?;
        let layer = self.layers.len() - 1;
        let op = Op::new(&instr, unit, layer, &self.regs);
        self.layers[layer].count(&op, &self.params, self.beats);
        self.issued += 1;
        for reach in op.reaches.iter().flatten() {
            let space = match reach.space {
                Space::Spad => 0,
                Space::Acc => 1,
                Space::Dram(Subtree::Work) => 2,
                Space::Dram(_) => continue,
            };
            self.used[space] = self.used[space].max(reach.rows.hi.cast_unsigned() + 1);
        }
        match instr {
            Instr::Lw(i) => {
                let word = u64::from(self.regs.x[usize::from(i.ra)]) + u64::from(i.imm);
                self.awaits = Some(Awaits::Word(i.rd, self.constant_word(i.region, word)));
            }
            Instr::Argmax(i) => self.awaits = Some(Awaits::Best(i.rd, i.rv, 2)),
            Instr::Mark(i) => {
                self.layers[layer].mark = Some(i.imm);
                self.layers.push(LayerEstimate::default());
            }
            _ => {}
        }
        self.regs.steps += micro_steps(&instr, &self.regs);
        self.regs.pc = self.regs.pc.wrapping_add(1);
        Ok((Some(op), Turn::Advances))
    }

    /// A word that no run can change.
    fn constant_word(&self, region: u8, word: u64) -> Option<u32> {
        if Subtree::from_code(region) != Some(Subtree::Const) {
            return None;
        }
        let row = self.constant.get(usize::try_from(word / 8).ok()?).copied().unwrap_or(isa::ZERO);
        let at = (word % 8 * 4) as usize;
        row[at..at + 4].try_into().ok().map(u32::from_be_bytes)
    }

    fn scalar(&mut self, instr: &Instr) -> Result<Turn, CostError> {
        if matches!(instr, Instr::Mul(_)) && !self.multiplied {
            self.multiplied = true;
            return Ok(Turn::Stays);
        }
        self.multiplied = false;
        if self.regs.steps >= self.profile.limit {
            return Err(self.trap(Status::Limit));
        }
        if matches!(instr, Instr::Halt(_)) {
            self.phase = Phase::End;
            return Ok(Turn::Stays);
        }
        self.regs.steps += 1;
        let x = self.regs.x;
        let of = |reg: u8| x[usize::from(reg)];
        let unknown = |reg: u8| self.unknown >> reg & 1 != 0;
        let branch = match instr {
            Instr::Beq(i) => Some((i.ra, i.rb, of(i.ra) == of(i.rb), i.imm)),
            Instr::Bne(i) => Some((i.ra, i.rb, of(i.ra) != of(i.rb), i.imm)),
            Instr::Bltu(i) => Some((i.ra, i.rb, of(i.ra) < of(i.rb), i.imm)),
            Instr::Bgeu(i) => Some((i.ra, i.rb, of(i.ra) >= of(i.rb), i.imm)),
            _ => None,
        };
        if let Some((ra, rb, taken, target)) = branch {
            if unknown(ra) || unknown(rb) {
                return Err(CostError::DependsOnData { pc: self.regs.pc });
            }
            self.regs.pc = if taken { target } else { self.regs.pc.wrapping_add(1) };
            return Ok(if taken { Turn::Jumps } else { Turn::Advances });
        }
        let (rd, sources, value) = match instr {
            Instr::Li(i) => (i.rd, [0, 0], i.imm),
            Instr::Add(i) => (i.rd, [i.ra, i.rb], of(i.ra).wrapping_add(of(i.rb).wrapping_add(i.imm))),
            Instr::Sub(i) => (i.rd, [i.ra, i.rb], of(i.ra).wrapping_sub(of(i.rb).wrapping_add(i.imm))),
            Instr::Mul(i) => (i.rd, [i.ra, i.rb], of(i.ra).wrapping_mul(of(i.rb).wrapping_add(i.imm))),
            Instr::Shl(i) => (i.rd, [i.ra, i.rb], of(i.ra) << (of(i.rb).wrapping_add(i.imm) & 31)),
            Instr::Shr(i) => (i.rd, [i.ra, i.rb], of(i.ra) >> (of(i.rb).wrapping_add(i.imm) & 31)),
            Instr::And(i) => (i.rd, [i.ra, i.rb], of(i.ra) & of(i.rb).wrapping_add(i.imm)),
            _ => return Err(self.trap(Status::Illegal)),
        };
        let depends = sources.into_iter().any(unknown);
        self.unknown = if depends { self.unknown | 1 << rd } else { self.unknown & !(1 << rd) };
        self.unknown &= !1;
        if rd != 0 {
            self.regs.x[usize::from(rd)] = value;
        }
        self.regs.pc = self.regs.pc.wrapping_add(1);
        Ok(Turn::Advances)
    }

    /// Counts and addresses must not come from data.
    fn ensure_known(&self, instr: &Instr) -> Result<(), CostError> {
        if self.unknown == 0 {
            return Ok(());
        }
        let leaf = instr.encode();
        let bits = |lsb: u32, width: u32| {
            (0..width).fold(0u32, |value, bit| {
                let at = lsb + bit;
                let byte = leaf[31 - (at / 8) as usize];
                value | u32::from(byte >> (at % 8) & 1) << bit
            })
        };
        for field in spec(instr.opcode()).fields {
            for (part, lsb, width, _) in field.parts() {
                let name = if part.is_empty() { field.name } else { part };
                let register = matches!(name, "reg" | "creg" | "ra" | "w_reg" | "p_reg" | "limit_reg");
                if register && self.unknown >> bits(lsb, width) & 1 != 0 {
                    return Err(CostError::DependsOnData { pc: self.regs.pc });
                }
            }
        }
        Ok(())
    }
}

/// What becomes of pc in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Stays,
    Advances,
    Jumps,
}
