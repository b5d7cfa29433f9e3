//! What programs reach of what can go wrong between neighbouring instructions: for each pair of opcodes, which hazard
//! their operands make and how their rows lie to each other. Computed from the executed program alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use isa::asm::Source;
use isa::{Hull, Instr, Memory, Opcode, Reach, Role, Space, Status, Stepped, Subtree, counts, operands, spec, step};

/// So many instructions with operands may be under way in front of another.
const WINDOW: usize = 6;

/// The units, in the machine's order.
pub(crate) const UNITS: [&str; 6] = ["load", "store", "move", "matrix", "depthw", "vector"];

/// The unit that executes an opcode; `None` for scalars and control.
pub(crate) fn unit(opcode: Opcode) -> Option<usize> {
    match opcode {
        Opcode::Load | Opcode::Gather => Some(0),
        Opcode::Store | Opcode::Sw | Opcode::Lw | Opcode::Mark => Some(1),
        Opcode::Move | Opcode::Fill => Some(2),
        Opcode::Matmul => Some(3),
        Opcode::Dwmac => Some(4),
        Opcode::Halt | Opcode::Li | Opcode::Add | Opcode::Sub | Opcode::Mul | Opcode::Shl | Opcode::Shr => None,
        Opcode::And | Opcode::Beq | Opcode::Bne | Opcode::Bltu | Opcode::Bgeu => None,
        _ => Some(5),
    }
}

/// What would go wrong if the younger instruction did not wait for the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hazard {
    /// It reads what the older one writes.
    Raw,
    /// It writes what the older one reads.
    War,
    /// Both write.
    Waw,
}

/// How the rows of two operands lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lie {
    /// The same start and strides.
    Same,
    /// They share rows in another way.
    Shared,
    /// Their hulls meet, their rows do not.
    Between,
    /// Their hulls miss each other by one row.
    Beside,
}

pub(crate) const HAZARDS: [Hazard; 3] = [Hazard::Raw, Hazard::War, Hazard::Waw];
pub(crate) const LIES: [Lie; 4] = [Lie::Same, Lie::Shared, Lie::Between, Lie::Beside];

/// Where an operand lies, all of DRAM as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Spad,
    Acc,
    Dram,
}

#[derive(Clone)]
struct Touched {
    reach: Reach,
    rows: BTreeSet<i64>,
    writes: bool,
}

/// What was reached, in numbers of occurrences.
#[derive(Default)]
pub(crate) struct Coverage {
    pub(crate) programs: u64,
    pairs: BTreeMap<(Opcode, Opcode, Hazard, Lie), u64>,
    /// Of an older and a younger unit: rows of one bank's size apart or nearer, without a hazard.
    banks: BTreeMap<(usize, usize), u64>,
    /// How programs end, behind an instruction of which unit.
    ends: BTreeMap<(Status, usize), u64>,
    /// What opcodes do where, as far as seen.
    uses: BTreeSet<(Opcode, Place, bool)>,
}

fn place(space: Space) -> Place {
    match space {
        Space::Spad => Place::Spad,
        Space::Acc => Place::Acc,
        Space::Dram(_) => Place::Dram,
    }
}

fn rows(instr: &Instr, regs: &isa::Regs, reach: &Reach) -> BTreeSet<i64> {
    let counts = counts(instr, regs);
    // The source of MOVE counts bytes, those of GATHER depend on data: their hulls.
    let odd = matches!(instr, Instr::Move(_) | Instr::Gather(_)) && reach.role == Role::Source;
    if odd {
        return (reach.rows.lo..=reach.rows.hi).collect();
    }
    let level = |count: u32, stride: i64| if stride == 0 { 0..1 } else { 0..i64::from(count) };
    let mut rows = BTreeSet::new();
    for i1 in level(counts.n1, reach.s1) {
        for i0 in level(counts.n0, reach.s0) {
            for t in level(counts.kt, reach.sk) {
                let first = reach.start + i0 * reach.s0 + i1 * reach.s1 + t * reach.sk;
                rows.extend(first..first + i64::from(reach.align));
            }
        }
    }
    rows
}

fn lie(older: &Touched, younger: &Touched) -> Option<Lie> {
    let gap = |left: Hull, right: Hull| left.hi + 1 == right.lo || right.hi + 1 == left.lo;
    if older.reach.space != younger.reach.space {
        return None;
    }
    Some(match () {
        () if older.reach.identical(&younger.reach) && !older.rows.is_disjoint(&younger.rows) => Lie::Same,
        () if !older.rows.is_disjoint(&younger.rows) => Lie::Shared,
        () if older.reach.rows.meets(younger.reach.rows) => Lie::Between,
        () if gap(older.reach.rows, younger.reach.rows) => Lie::Beside,
        () => return None,
    })
}

fn between(older: &[Touched], younger: &[Touched]) -> Vec<(Hazard, Lie)> {
    let pairs = older.iter().flat_map(|left| younger.iter().map(move |right| (left, right)));
    let found = pairs.filter_map(|(left, right)| {
        let hazard = match (left.writes, right.writes) {
            (true, false) => Hazard::Raw,
            (false, true) => Hazard::War,
            (true, true) => Hazard::Waw,
            (false, false) => return None,
        };
        lie(left, right).map(|lie| (hazard, lie))
    });
    found.collect()
}

/// The hazards between two instructions, as the registers stand.
pub(crate) fn hazards(older: &Instr, younger: &Instr, regs: &isa::Regs) -> Vec<(Hazard, Lie)> {
    between(&touched(older, regs), &touched(younger, regs))
}

impl Coverage {
    /// Adds what a program reaches.
    pub(crate) fn add(&mut self, source: &Source) {
        self.programs += 1;
        let head = super::program(source).head();
        let mut memory = Memory::new(&head, &source.text, &source.constant, &source.input);
        let mut older: Vec<(Opcode, Vec<Touched>)> = Vec::new();
        loop {
            let regs = memory.regs();
            if regs.row == 0
                && let Ok(instr) = Instr::decode(&memory.tree(Subtree::Text).get(regs.pc.into()))
                && isa::admit(&instr, &regs, &source.profile).is_ok()
                && let Some(own) = unit(instr.opcode())
            {
                let touched = touched(&instr, &regs);
                for (opcode, theirs) in &older {
                    self.pair(*opcode, theirs, instr.opcode(), &touched);
                }
                self.conflicts(&older, own, &touched, source);
                older.push((instr.opcode(), touched));
                if older.len() > WINDOW {
                    older.remove(0);
                }
            }
            let Ok(stepped) = step(&mut memory);
            if let Stepped::Stopped(status) = stepped {
                if let Some(last) = older.last().and_then(|(opcode, _)| unit(*opcode)) {
                    *self.ends.entry((status, last)).or_default() += 1;
                }
                return;
            }
        }
    }

    /// Adds what another one has.
    pub(crate) fn merge(&mut self, other: Coverage) {
        self.programs += other.programs;
        other.pairs.into_iter().for_each(|(key, count)| *self.pairs.entry(key).or_default() += count);
        other.banks.into_iter().for_each(|(key, count)| *self.banks.entry(key).or_default() += count);
        other.ends.into_iter().for_each(|(key, count)| *self.ends.entry(key).or_default() += count);
        self.uses.extend(other.uses);
    }

    fn pair(&mut self, older: Opcode, theirs: &[Touched], younger: Opcode, own: &[Touched]) {
        for (hazard, lie) in between(theirs, own) {
            *self.pairs.entry((older, younger, hazard, lie)).or_default() += 1;
        }
        self.uses.extend(own.iter().map(|touched| (younger, place(touched.reach.space), touched.writes)));
    }

    /// Counts operands of two units in one eighth of spad or acc, where there is no hazard between them.
    fn conflicts(&mut self, older: &[(Opcode, Vec<Touched>)], own: usize, touched: &[Touched], source: &Source) {
        for (opcode, theirs) in older {
            let Some(unit) = unit(*opcode) else { continue };
            let meets = |left: &Touched, right: &Touched| {
                let log2 = match left.reach.space {
                    Space::Spad => source.profile.spad,
                    Space::Acc => source.profile.acc,
                    Space::Dram(_) => return false,
                };
                let bank = |hull: Hull| (hull.lo >> (log2 - 3), hull.hi >> (log2 - 3));
                let (a, b) = (bank(left.reach.rows), bank(right.reach.rows));
                left.reach.space == right.reach.space
                    && a.0 <= b.1
                    && b.0 <= a.1
                    && left.writes == right.writes
                    && !left.reach.rows.meets(right.reach.rows)
            };
            if unit != own && theirs.iter().any(|left| touched.iter().any(|right| meets(left, right))) {
                *self.banks.entry((unit, own)).or_default() += 1;
            }
        }
    }

    /// Pairs of opcodes that can have this hazard: those of which one is seen to write a space that the other uses.
    fn possible(&self, hazard: Hazard) -> BTreeSet<(Opcode, Opcode)> {
        let (first, second) = (hazard != Hazard::War, hazard != Hazard::Raw);
        let of = |writes: bool| self.uses.iter().filter(move |(_, _, found)| *found == writes);
        // Nothing is under way behind LW and ARGMAX.
        of(first)
            .filter(|(opcode, _, _)| !matches!(opcode, Opcode::Lw | Opcode::Argmax))
            .flat_map(|older| of(second).filter(|younger| younger.1 == older.1).map(|younger| (older.0, younger.0)))
            .collect()
    }

    fn times(&self, older: Opcode, younger: Opcode, hazard: Hazard, lie: Lie) -> u64 {
        self.pairs.get(&(older, younger, hazard, lie)).copied().unwrap_or(0)
    }

    /// Pairs of opcodes that never shared a row in this hazard, though they can.
    pub(crate) fn holes(&self, hazard: Hazard) -> Vec<(Opcode, Opcode)> {
        let missed = |pair: &(Opcode, Opcode)| {
            [Lie::Same, Lie::Shared].iter().all(|lie| self.times(pair.0, pair.1, hazard, *lie) == 0)
        };
        self.possible(hazard).into_iter().filter(missed).collect()
    }

    /// Of the pairs of opcodes that can have a hazard: how many can, and how many had it with their rows lying so.
    pub(crate) fn reached(&self, hazard: Hazard, lie: Lie) -> (usize, usize) {
        let possible = self.possible(hazard);
        let hit = possible.iter().filter(|(older, younger)| self.times(*older, *younger, hazard, lie) > 0).count();
        (possible.len(), hit)
    }

    /// Occurrences of a hazard between two units, rows shared.
    pub(crate) fn between_units(&self, older: usize, younger: usize, hazard: Hazard) -> Option<u64> {
        let ours = |(left, right): &(Opcode, Opcode)| unit(*left) == Some(older) && unit(*right) == Some(younger);
        let mut any = false;
        let sum = self.possible(hazard).into_iter().filter(ours).map(|(left, right)| {
            any = true;
            self.times(left, right, hazard, Lie::Same) + self.times(left, right, hazard, Lie::Shared)
        });
        let sum = sum.sum();
        any.then_some(sum)
    }

    /// Programs that ended so behind an instruction of this unit.
    pub(crate) fn ended(&self, status: Status, unit: usize) -> u64 {
        self.ends.get(&(status, unit)).copied().unwrap_or(0)
    }

    /// Pairs of instructions of two units with rows near each other.
    pub(crate) fn near(&self, older: usize, younger: usize) -> u64 {
        self.banks.get(&(older, younger)).copied().unwrap_or(0)
    }

    /// All of it as text.
    pub(crate) fn report(&self) -> String {
        let mut out = format!(
            "{} programs; pairs within {WINDOW} instructions, older unit down, younger across\n",
            self.programs
        );
        for hazard in HAZARDS {
            self.table(
                &mut out,
                &format!("\n{}: rows shared", format!("{hazard:?}").to_uppercase()),
                &|older, younger| self.between_units(older, younger, hazard),
            );
            let shown = LIES.map(|lie| {
                let (possible, hit) = self.reached(hazard, lie);
                format!("{lie:?} {hit}/{possible}")
            });
            let _ = writeln!(out, "  pairs of opcodes: {}", shown.join(", "));
            let holes = self.holes(hazard);
            let names: Vec<_> = holes.iter().take(24).map(|(a, b)| format!("{}-{}", name(*a), name(*b))).collect();
            let _ = writeln!(out, "  never shared a row: {} {}", holes.len(), names.join(" "));
        }
        self.table(&mut out, "\nsame eighth of a memory, no hazard", &|older, younger| {
            (older != younger).then(|| self.near(older, younger))
        });
        out.push_str("\nends, by the unit of the last instruction before\n");
        for status in Status::ALL.into_iter().skip(1) {
            let row: String = (0..UNITS.len()).map(|unit| format!("{:>9}", self.ended(status, unit))).collect();
            let _ = writeln!(out, "{:>9}{row}", status.name());
        }
        out
    }

    fn table(&self, out: &mut String, title: &str, value: &dyn Fn(usize, usize) -> Option<u64>) {
        let _ = writeln!(out, "{title}\n{:>9}{}", "", UNITS.map(|name| format!("{name:>9}")).concat());
        for (older, name) in UNITS.iter().enumerate() {
            let cell = |younger| value(older, younger).map_or_else(|| "-".into(), |count| count.to_string());
            let row: String = (0..UNITS.len()).map(|younger| format!("{:>9}", cell(younger))).collect();
            let _ = writeln!(out, "{name:>9}{row}");
        }
    }
}

fn name(opcode: Opcode) -> &'static str {
    spec(opcode).mnemonic
}

fn touched(instr: &Instr, regs: &isa::Regs) -> Vec<Touched> {
    let of = |reach: Reach| Touched {
        reach,
        rows: rows(instr, regs, &reach),
        writes: matches!(reach.role, Role::Destination | Role::OrderedDestination),
    };
    operands(instr, regs).into_iter().flatten().map(of).collect()
}
