//! Streams that have nothing to do with one another become one, so that several units work at once: the machine admits
//! instructions in order and holds few that wait, so what runs at the same time must stand close together.

use isa::{Instr, Regs, micro_steps, operands};

use super::ahead::{Item, conflict, is_control};

/// Units, as far as the order depends on them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Matrix,
    Depthwise,
    Vector,
    Load,
    Store,
    Move,
    Front,
}

/// An instruction that was placed: what it touches, and when it ends.
struct Placed {
    item: Item,
    end: u64,
}

/// One stream of all: each keeps its order; of the next instructions of all, that which can begin first comes first. Where streams
/// touch the same rows, or more than one touches registers, they follow one another.
pub(crate) fn interleave(streams: Vec<Vec<Instr>>) -> Vec<Instr> {
    let regs = Regs::default();
    let item = |instr: Instr| Item { instr, reaches: operands(&instr, &regs), fixed: is_control(&instr) };
    let streams: Vec<Vec<Item>> = streams.into_iter().map(|s| s.into_iter().map(item).collect()).collect();
    let apart = |a: &[Item], b: &[Item]| a.iter().all(|x| b.iter().all(|y| !conflict(x, y)));
    let free = (0..streams.len()).all(|i| (0..i).all(|j| apart(&streams[i], &streams[j])));
    let constant = |item: &Item| matches!(item.instr, Instr::Li(_));
    let registers = streams.iter().filter(|stream| stream.iter().any(|item| item.fixed)).count();
    if !free || registers > 1 || streams.iter().flatten().any(|item| item.fixed && !constant(item)) {
        return streams.into_iter().flatten().map(|item| item.instr).collect();
    }
    let mut heads: Vec<_> = streams.into_iter().map(|s| s.into_iter().peekable()).collect();
    let mut placed: Vec<Vec<Placed>> = heads.iter().map(|_| Vec::new()).collect();
    let (mut busy, mut order) = ([0u64; 7], Vec::new());
    loop {
        let start = |stream: usize, item: &Item| {
            let before = placed[stream].iter().filter(|p| conflict(&p.item, item)).map(|p| p.end).max().unwrap_or(0);
            before.max(busy[unit(&item.instr) as usize])
        };
        let next = heads.iter_mut().enumerate().filter_map(|(s, head)| Some((start(s, head.peek()?), s))).min();
        let Some((begin, stream)) = next else { return order };
        let Some(item) = heads[stream].next() else { return order };
        let (unit, cost) = (unit(&item.instr), cycles(&item.instr, &regs));
        busy[unit as usize] = begin + cost;
        order.push(item.instr);
        placed[stream].push(Placed { item, end: begin + cost });
    }
}

fn unit(instr: &Instr) -> Unit {
    match instr {
        Instr::Matmul(_) => Unit::Matrix,
        Instr::Dwmac(_) => Unit::Depthwise,
        Instr::Li(_) => Unit::Front,
        Instr::Load(_) | Instr::Gather(_) => Unit::Load,
        Instr::Store(_) | Instr::Mark(_) => Unit::Store,
        Instr::Move(_) | Instr::Fill(_) => Unit::Move,
        _ => Unit::Vector,
    }
}

/// About how many cycles of its unit: an array of 16 × 16, 16 lanes, 16 bytes of memory a cycle.
fn cycles(instr: &Instr, regs: &Regs) -> u64 {
    let steps = micro_steps(instr, regs);
    match instr {
        Instr::Matmul(m) => {
            let passes = u64::from(m.n.div_ceil(16)) * u64::from(m.k.div_ceil(16));
            steps.max(16 * u64::from(m.kt)) * passes
        }
        Instr::Li(_) => 0,
        Instr::Dwmac(_) | Instr::Move(_) | Instr::Fill(_) | Instr::Vsum(_) | Instr::Vrmax(_) | Instr::Maxq(_) => steps,
        _ => 2 * steps,
    }
}
