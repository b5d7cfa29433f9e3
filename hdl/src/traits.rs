//! What the decoder and the checks know of an instruction's operands: taken from `isa`, not written down again.

use isa::{Group, Instr, Opcode, Reach, Regs, Role, Space, spec};
use rust_hdl::prelude::*;

/// Which fields there are, and of each operand its space, its role and its alignment less one.
///
/// `d`, `a`, `b` and `p` are the four operands that the checker has: `a` is also m, or a word of DRAM; `b` also w;
/// `p` the parameter row of `ADDQ`, or the indices of `GATHER`. *Meets* means that the operand is read in the space
/// that d is written in.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Traits {
    /// Has a loop header, kt and a_sk, n, k.
    pub(crate) loops: Bit,
    pub(crate) taps: Bit,
    pub(crate) lanes: Bit,
    pub(crate) inputs: Bit,
    /// a is m; m in bytes; a word at x\[ra\] + imm; m by indices.
    pub(crate) wide: Bit,
    pub(crate) bytes: Bit,
    pub(crate) word: Bit,
    pub(crate) indexed: Bit,
    /// Goes to a unit, this one.
    pub(crate) queued: Bit,
    pub(crate) unit: Bits<3>,
    /// Done by the vector unit.
    pub(crate) vector: Bit,
    /// b is w.
    pub(crate) weights: Bit,
    pub(crate) d: Bit,
    pub(crate) d_acc: Bit,
    /// Must not meet itself.
    pub(crate) d_folds: Bit,
    pub(crate) a: Bit,
    pub(crate) a_acc: Bit,
    pub(crate) a_dram: Bit,
    /// a is written, and must not meet itself.
    pub(crate) a_folds: Bit,
    pub(crate) a_meets: Bit,
    pub(crate) a_in_place: Bit,
    pub(crate) a_mask: Bits<5>,
    pub(crate) b: Bit,
    pub(crate) b_acc: Bit,
    pub(crate) b_meets: Bit,
    pub(crate) b_in_place: Bit,
    pub(crate) b_mask: Bits<5>,
    pub(crate) p: Bit,
    pub(crate) p_meets: Bit,
}

impl Traits {
    /// Those of an instruction, whatever its counts and addresses are.
    pub(crate) fn of(instr: &Instr) -> Traits {
        let has = |name: &str| spec(instr.opcode()).fields.iter().any(|field| field.name == name);
        let [first, second, third, fourth] = isa::operands(instr, &Regs::default());
        let (d, a, third) = if has("d") { (first, second, third) } else { (None, first, None) };
        let (b, p) = if has("index") { (None, third) } else { (third, fourth) };
        let in_acc = |reach: Option<Reach>| reach.is_some_and(|it| it.space == Space::Acc);
        let folds = |reach: Option<Reach>| reach.is_some_and(|it| it.role == Role::Destination);
        let in_place = |reach: Option<Reach>| reach.is_some_and(|it| it.role == Role::InPlaceSource);
        let written = d.filter(|d| matches!(d.role, Role::Destination | Role::OrderedDestination)).map(|d| d.space);
        let meets = |reach: Option<Reach>| reach.is_some_and(|it| Some(it.space) == written);
        let mask = |reach: Option<Reach>| u64::from(reach.map_or(0, |it| it.align - 1)).into();
        let unit = unit(instr.opcode());
        Traits {
            loops: has("lp"),
            taps: has("kt"),
            lanes: has("n"),
            inputs: has("k"),
            wide: has("m"),
            bytes: has("offset"),
            word: has("ra") && a.is_some(),
            indexed: has("index"),
            queued: unit.is_some(),
            unit: unit.unwrap_or_default().into(),
            vector: matches!(spec(instr.opcode()).group, Group::Vector32 | Group::Vector8 | Group::Choose)
                && instr.opcode() != Opcode::Maxq,
            weights: has("w_base"),
            d: d.is_some(),
            d_acc: in_acc(d),
            d_folds: folds(d),
            a: a.is_some(),
            a_acc: in_acc(a),
            a_dram: a.is_some_and(|it| matches!(it.space, Space::Dram(_))),
            a_folds: folds(a),
            a_meets: meets(a),
            a_in_place: in_place(a),
            a_mask: mask(a),
            b: b.is_some(),
            b_acc: in_acc(b),
            b_meets: meets(b),
            b_in_place: in_place(b),
            b_mask: mask(b),
            p: p.is_some(),
            p_meets: meets(p),
        }
    }
}

/// The unit that executes it, if one does, in the order of the scoreboard.
fn unit(opcode: Opcode) -> Option<u64> {
    Some(match opcode {
        Opcode::Load | Opcode::Gather => 0,
        Opcode::Store | Opcode::Sw | Opcode::Lw | Opcode::Mark => 1,
        Opcode::Move | Opcode::Fill => 2,
        Opcode::Matmul => 3,
        Opcode::Dwmac => 4,
        _ if spec(opcode).group == Group::Control => return None,
        _ => 5,
    })
}
