//! Loads go ahead: to where their buffer becomes free, so that the memory port works while other units do.
//!
//! Loads stay in their order. Two in a row wait for the same thing as a rule; since the machine admits instructions in order and
//! holds few that wait, each load is followed by products, if there are any on its way.

use isa::{Instr, Reach, Regs, Role, operands};

use crate::text::Text;

/// Most instructions that a load passes.
const MOST: usize = 256;

/// An instruction with the rows that it reads and writes.
pub(super) struct Item {
    pub(super) instr: Instr,
    pub(super) reaches: [Option<Reach>; 4],
    /// Nothing passes it.
    pub(super) fixed: bool,
}

/// Runs the pass.
pub(super) fn run(text: &mut Text) {
    let regs = Regs::default();
    let items = text.instrs.drain(..).map(|instr| {
        let fixed = is_control(&instr);
        Item { instr, reaches: operands(&instr, &regs), fixed }
    });
    let mut done: Vec<Item> = Vec::new();
    for item in items {
        let at = place(&item, &done);
        done.insert(at, item);
    }
    text.instrs.extend(done.into_iter().map(|item| item.instr));
}

/// Whether it touches registers or ends the run.
pub(crate) fn is_control(instr: &Instr) -> bool {
    use Instr::{Add, And, Argmax, Beq, Bgeu, Bltu, Bne, Halt, Li, Lw, Mul, Shl, Shr, Sub, Sw};
    matches!(
        instr,
        Add(_)
            | And(_)
            | Argmax(_)
            | Beq(_)
            | Bgeu(_)
            | Bltu(_)
            | Bne(_)
            | Halt(_)
            | Li(_)
            | Lw(_)
            | Mul(_)
            | Shl(_)
            | Shr(_)
            | Sub(_)
            | Sw(_)
    )
}

/// Whether it keeps the array, or the depthwise unit, busy.
fn is_heavy(instr: &Instr) -> bool {
    matches!(instr, Instr::Matmul(_) | Instr::Dwmac(_))
}

/// Where an instruction goes among those before it.
fn place(item: &Item, before: &[Item]) -> usize {
    let end = before.len();
    let fill = matches!(item.instr, Instr::Fill(ref fill) if !fill.space);
    if item.fixed || !(fill || matches!(item.instr, Instr::Load(_))) {
        return end;
    }
    let mut at = end;
    // Behind the topmost product passed.
    let mut behind = None;
    while at > 0 && end - at < MOST {
        let other = &before[at - 1];
        if matches!(other.instr, Instr::Load(_)) && !fill {
            return behind.unwrap_or(at);
        }
        if other.fixed || conflict(item, other) {
            return at;
        }
        if is_heavy(&other.instr) {
            behind = Some(at);
        }
        at -= 1;
    }
    at
}

/// Whether one writes what the other reads or writes.
pub(super) fn conflict(a: &Item, b: &Item) -> bool {
    let writes = |reach: &Reach| matches!(reach.role, Role::Destination | Role::OrderedDestination);
    a.reaches.iter().flatten().any(|x| {
        b.reaches.iter().flatten().any(|y| (writes(x) || writes(y)) && x.space == y.space && x.rows.meets(y.rows))
    })
}
