//! Admission: of each instruction what is stray, what is illegal, its counts, and the checks of its operands.
//!
//! Which operands there are, in which space, in which role and how aligned is asked of `isa::operands`, for each value
//! of the bits that choose between them.

use std::collections::BTreeMap;

use isa::{Instr, Leaf, Opcode, Reach, Regs, Role, Space, spec};

use super::regs::*;
use super::{scalar, word};
use crate::encoding::{self as at, Bitfield};
use crate::serial::asm::{Asm, B};
use crate::serial::uop::{Cond, Effect, Op, Reg};

/// Opcodes from this one on are none.
pub(super) const OPCODES: i32 = {
    let last = isa::TABLE[isa::TABLE.len() - 1].opcode;
    last as i32 + 1
};

pub(super) fn emit(m: &mut Asm) {
    m.label("table");
    for code in 0..OPCODES {
        let to = Opcode::from_code(code as u8).map_or("illegal".into(), |opcode| format!("op_{opcode:?}"));
        m.jump(Cond::Always, to);
    }
    let mut strays = Strays::default();
    let mut shapes: BTreeMap<String, String> = BTreeMap::new();
    for opcode in at::opcodes() {
        m.label(format!("op_{opcode:?}"));
        if !has(opcode, "lp") {
            one(m, &mut strays, opcode);
            continue;
        }
        // What rows do is chosen here, or by the variant.
        m.copy(HANDLER, B::Label(handler(opcode)));
        strays.call(m, opcode);
        let names: Vec<_> =
            spec(opcode).fields.iter().map(|field| field.name).filter(|name| *name != "shift").collect();
        let key = format!("{names:?} {:?}", variants(opcode));
        match shapes.get(&key) {
            Some(label) => {
                m.jump(Cond::Always, label);
            }
            None => {
                let label = format!("shape_{opcode:?}");
                m.label(&label);
                shapes.insert(key, label);
                rows(m, opcode);
            }
        }
    }
    strays.emit(m);
    m.shared();
    regions(m);
    m.label("judge");
    m.test(BAD_ALIGN);
    m.jump(Cond::NotZero, "align");
    m.test(BAD_BOUNDS);
    m.jump(Cond::NotZero, "bounds");
    m.ret();
}

fn has(opcode: Opcode, field: &str) -> bool {
    spec(opcode).fields.iter().any(|it| it.name == field)
}

/// What does a row.
fn handler(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::Load => "row_load",
        Opcode::Store => "row_store",
        Opcode::Gather => "row_gather",
        Opcode::Move => "row_move",
        Opcode::Fill => "row_fill",
        Opcode::Matmul => "row_matmul",
        Opcode::Dwmac => "row_dwmac",
        Opcode::Vadd => "row_vadd",
        Opcode::Vsub => "row_vsub",
        Opcode::Vmul => "row_vmul",
        Opcode::Vmulr => "row_vmulr",
        Opcode::Vmin => "row_vmin",
        Opcode::Vmax => "row_vmax",
        Opcode::Vshr => "row_vshr",
        Opcode::Vsel => "row_vsel",
        Opcode::Vclz => "row_vclz",
        Opcode::Vsum => "row_vsum",
        Opcode::Vrmax => "row_vrmax",
        Opcode::Lut32 => "row_lut32",
        Opcode::Requant => "row_requant",
        Opcode::Addq => "row_addq",
        Opcode::Maxq => "row_maxq",
        Opcode::Lut => "row_lut",
        Opcode::Trans => "row_trans",
        Opcode::Argmax => "row_argmax",
        other => unreachable!("{other:?} has no rows"),
    }
}

/// What an operand is, apart from where it lies.
type Shape = Option<(Space, Role, u8)>;

/// The operands for each value of `space` or `form`.
fn variants(opcode: Opcode) -> Vec<[Shape; 4]> {
    let key = spec(opcode).fields.iter().find(|field| matches!(field.name, "space" | "form"));
    let width = key.map_or(0, |field| field.width);
    let of = |value: u32| {
        let mut leaf: Leaf = isa::ZERO;
        leaf[31] = opcode as u8;
        if let Some(field) = key {
            leaf[31 - field.lsb as usize / 8] = (value << (field.lsb % 8)) as u8;
        }
        let instr = Instr::decode(&leaf).unwrap_or_else(|error| unreachable!("{error}"));
        let shape = |reach: Reach| {
            // Which region does not matter.
            let space = if let Space::Dram(_) = reach.space { Space::Dram(isa::Subtree::Work) } else { reach.space };
            (space, reach.role, reach.align)
        };
        isa::operands(&instr, &Regs::default()).map(|reach| reach.map(shape))
    };
    (0..1 << width).map(of).collect()
}

/// An instruction of one micro-step.
fn one(m: &mut Asm, strays: &mut Strays, opcode: Opcode) {
    strays.call(m, opcode);
    if has(opcode, "region") {
        m.call(region_check(opcode));
    }
    m.call("scalar");
    if !matches!(opcode, Opcode::Lw | Opcode::Sw) {
        return scalar::body(m, opcode);
    }
    // A word of DRAM: its row, and which of the eight it is.
    m.add(W_START, T5, T4).keep();
    m.op(Op::AddCarry, W_STARTH, R0, R0);
    m.and(LAST_ENTRY, W_START, 7);
    m.funnel(A_START, W_STARTH, W_START, 3);
    m.and(R0, A_START, MASK).keep();
    m.jump(Cond::NotZero, "bounds");
    if opcode == Opcode::Sw {
        m.jump(Cond::Always, "store_word");
        return;
    }
    m.jump(Cond::Always, "load_word");
}

fn region_check(opcode: Opcode) -> &'static str {
    if matches!(opcode, Opcode::Store | Opcode::Sw) { "region_write" } else { "region_read" }
}

/// An instruction of rows.
fn rows(m: &mut Asm, opcode: Opcode) {
    own_legality(m, opcode);
    let flags = [("kt", HAS_TAPS), ("n", HAS_LANES)];
    let flags = flags.iter().filter(|(field, _)| has(opcode, field)).map(|(_, flag)| flag).sum::<i32>();
    m.copy(HAS, flags);
    m.call("counts");
    own_counts(m, opcode);
    m.call("limit_all");
    m.copy(BAD_ALIGN, R0);
    m.copy(BAD_BOUNDS, R0);
    let variants = variants(opcode);
    let mut labels: Vec<(String, &[Shape; 4])> = Vec::new();
    if variants.len() > 1 {
        m.field(T0, at::FORM, false);
        for (value, shape) in (0..).zip(&variants) {
            let known = labels.iter().find(|(_, known)| *known == shape).map(|(label, _)| label.clone());
            let label = known.unwrap_or_else(|| {
                let label = m.fresh();
                labels.push((label.clone(), shape));
                label
            });
            m.compare(T0, value);
            m.jump(Cond::Zero, label);
        }
    } else {
        labels.push((m.fresh(), &variants[0]));
    }
    for (label, shape) in labels {
        m.label(label);
        operands(m, opcode, shape);
    }
}

fn own_legality(m: &mut Asm, opcode: Opcode) {
    if has(opcode, "region") {
        m.call(region_check(opcode));
    }
    match opcode {
        Opcode::Fill => {
            let fits = m.fresh();
            m.field(T0, at::SPACE, false);
            m.test(T0);
            m.jump(Cond::NotZero, &fits);
            m.field(T0, at::IMM, false);
            m.shr(T0, T0, 8).keep();
            m.jump(Cond::NotZero, "illegal");
            m.label(fits);
        }
        Opcode::Requant => {
            m.field(T0, at::LO, true);
            m.field(T1, at::HI, true);
            m.compare(T1, T0);
            m.jump(Cond::Less, "illegal");
        }
        Opcode::Argmax => {
            // No result may be x0, the other one, or a register that is read.
            m.field(T0, at::RD, false);
            m.field(T1, at::RV, false);
            m.compare(T0, T1);
            m.jump(Cond::Zero, "illegal");
            m.field(T2, at::A_REG, false);
            m.field(T3, at::I_REG, false);
            m.field(T4, at::CSEL, false);
            m.test(T4);
            m.field(T4, at::CREG, false);
            m.copy(T4, R0).when(Cond::Zero);
            for result in [T0, T1] {
                for read in [R0, T2, T3, T4] {
                    m.compare(result, read);
                    m.jump(Cond::Zero, "illegal");
                }
            }
        }
        _ => {}
    }
}

fn own_counts(m: &mut Asm, opcode: Opcode) {
    match opcode {
        Opcode::Matmul => {
            m.field(T0, at::K, false);
            m.add(T0, T0, -1);
            m.and(R0, T0, -32).keep();
            m.jump(Cond::NotZero, "count");
        }
        Opcode::Gather => {
            // limit + x - 1 is below 2^24, in 33 bits.
            m.x(T1, at::LIMIT_REG);
            m.field(T0, at::LIMIT, false);
            m.add(T1, T1, T0).keep();
            m.jump(Cond::Carry, "count");
            m.add(LAST_ENTRY, T1, -1);
            m.shr(R0, LAST_ENTRY, 24).keep();
            m.jump(Cond::NotZero, "count");
        }
        _ => {}
    }
}

/// Checks and keeps all operands, and goes to the rows.
fn operands(m: &mut Asm, opcode: Opcode, shape: &[Shape; 4]) {
    let [first, second, third, fourth] = *shape;
    let (d, a, third) = if has(opcode, "d") { (first, second, third) } else { (None, first, None) };
    let (b, p) = if has(opcode, "index") { (None, third) } else { (third, fourth) };
    if let Some(d) = d {
        operand(m, opcode, "d", "d", d);
    }
    if let Some(a) = a {
        operand(m, opcode, if has(opcode, "m") { "m" } else { "a" }, "a", a);
    }
    match b {
        Some(b) => operand(m, opcode, if has(opcode, "w_base") { "w" } else { "b" }, "b", b),
        None if has(opcode, "form") => {
            // An address that nothing lies at.
            m.call("fields_b");
            m.call("keep_b");
        }
        None => {}
    }
    if let Some(p) = p {
        operand(m, opcode, if has(opcode, "index") { "index" } else { "p" }, "p", p);
    }
    if opcode == Opcode::Move {
        m.field(T0, at::OFFSET, false);
        m.add(T0, T0, N);
        m.compare(T0, 33);
        m.jump(Cond::NoCarry, "move_fits");
        m.copy(BAD_BOUNDS, 1);
        m.label("move_fits");
    }
    m.call("judge");
    if opcode == Opcode::Move {
        for end in [A_LO, A_HI] {
            m.shr(end, end, 5);
        }
    }
    overlaps(m, [d, a, b, p]);
    if has(opcode, "space") && first.is_some_and(|it| it.0 == Space::Acc) {
        let name = match opcode {
            Opcode::Load => "row_load_acc",
            Opcode::Store => "row_store_acc",
            _ => "row_fill_acc",
        };
        m.copy(HANDLER, B::Label(name));
    }
    m.jump(Cond::Always, "nest");
}

/// Checks and keeps one operand, by a subroutine that all instructions with such an operand share.
fn operand(m: &mut Asm, opcode: Opcode, fields: &'static str, keep: &'static str, shape: (Space, Role, u8)) {
    let (space, _, align) = shape;
    let bytes = opcode == Opcode::Move && keep == "a";
    let entries = has(opcode, "index") && keep == "a";
    m.call_shared(format!("reach {fields} {space:?} {align} {bytes} {entries}"), move |m| {
        m.copy(W_ALIGN, i32::from(align) - 1);
        match space {
            Space::Spad if bytes => {
                m.shl(W_MASK, MASK_SPAD, 5);
            }
            Space::Spad => {
                m.copy(W_MASK, MASK_SPAD);
            }
            Space::Acc => {
                m.copy(W_MASK, MASK_ACC);
            }
            Space::Dram(_) => {
                m.copy(W_MASK, MASK);
            }
        }
        match fields {
            "index" => {
                m.shr(W_EXTENT, SPAN0, 3);
            }
            _ if bytes => {
                m.add(W_EXTENT, N, -1);
            }
            _ => {
                m.copy(W_EXTENT, W_ALIGN);
            }
        }
        m.call(format!("fields_{fields}"));
        if entries {
            m.copy(SPAN0, LAST_ENTRY);
        }
        m.call("hull");
        if entries {
            m.add(SPAN0, N0, -1);
        }
        m.jump(Cond::Always, format!("keep_{keep}"));
    });
}

/// Registers of an operand: hull, start and strides.
type Place = (Reg, Reg, [Reg; 3]);

/// OVERLAP, for every destination and every source in its space.
fn overlaps(m: &mut Asm, shapes: [Shape; 4]) {
    static PLACES: [Place; 4] = [
        (D_LO, D_HI, [D_START, D_S0, D_S1]),
        (A_LO, A_HI, [A_START, A_S0, A_S1]),
        (B_LO, B_HI, [B_START, B_S0, B_S1]),
        (P_LO, P_HI, [P_START, R0, R0]),
    ];
    let all = || PLACES.iter().zip(shapes).filter_map(|(place, shape)| Some((place, shape?)));
    for (to, (space, role, _)) in all() {
        if !matches!(role, Role::Destination | Role::OrderedDestination) {
            continue;
        }
        if role == Role::Destination {
            m.call_shared(format!("folds {:?}", to.2), move |m| {
                m.copy(W_S0, to.2[1]);
                m.copy(W_S1, to.2[2]);
                m.jump(Cond::Always, "folds");
            });
        }
        for (from, (_, role, _)) in all().filter(|(_, shape)| shape.0 == space) {
            match role {
                Role::Source | Role::InPlaceSource => {
                    let name = format!("meets {:?} {:?} {role:?}", to.0, from.0);
                    m.call_shared(name, move |m| meets(m, to, from, role == Role::InPlaceSource));
                }
                _ => {}
            }
        }
    }
}

/// A subroutine: OVERLAP if a destination meets a source.
fn meets(m: &mut Asm, to: &Place, from: &Place, in_place: bool) {
    let apart = m.fresh();
    m.compare(from.1, to.0);
    m.jump(Cond::NoCarry, &apart);
    m.compare(to.1, from.0);
    if in_place {
        m.jump(Cond::NoCarry, &apart);
        m.op(Op::Xor, T0, to.2[0], from.2[0]);
        for (mine, other) in [(to.2[1], from.2[1]), (to.2[2], from.2[2])] {
            m.op(Op::Xor, T1, mine, other);
            m.or(T0, T0, T1).keep();
        }
        m.jump(Cond::NotZero, "overlap");
    } else {
        m.jump(Cond::Carry, "overlap");
    }
    m.label(apart);
    m.ret();
}

/// Chains of tests for bits that are no field, which T0 collects; those that end alike share their ends.
#[derive(Default)]
struct Strays {
    heads: Vec<Vec<(u64, u32)>>,
}

impl Strays {
    /// The words in which an instruction may have stray bits, and these.
    fn of(opcode: Opcode) -> Vec<(u64, u32)> {
        let mask = at::mask(opcode);
        let bits =
            |index: u64| (0..32).filter(|bit| !mask[(32 * index + bit) as usize]).fold(0, |sum, bit| sum | 1u32 << bit);
        (0..8).map(|index| (index, bits(index))).filter(|(_, stray)| *stray != 0).collect()
    }

    fn label(chain: &[(u64, u32)]) -> String {
        chain.iter().fold("stray".into(), |name, (index, bits)| format!("{name}_{index}{bits:x}"))
    }

    fn call(&mut self, m: &mut Asm, opcode: Opcode) {
        let chain = Self::of(opcode);
        m.call(Self::label(&chain));
        self.heads.push(chain);
    }

    fn emit(&self, m: &mut Asm) {
        let mut known = std::collections::BTreeSet::new();
        for head in &self.heads {
            for start in 0..=head.len() {
                let chain = &head[start..];
                if !known.insert(chain.to_vec()) {
                    m.jump(Cond::Always, Self::label(chain));
                    break;
                }
                m.label(Self::label(chain));
                let Some(&(index, bits)) = chain.first() else {
                    m.test(T0);
                    m.jump(Cond::NotZero, "illegal");
                    m.ret();
                    break;
                };
                stray(m, word(index), bits);
            }
        }
    }
}

/// T0 gets a bit if one of these is set in a word.
fn stray(m: &mut Asm, word: Reg, bits: u32) {
    let lowest = bits.trailing_zeros();
    if bits == u32::MAX {
        m.or(T0, T0, word);
        return;
    }
    if bits >> lowest == u32::MAX >> lowest {
        m.shr(T1, word, lowest);
    } else {
        m.number(T1, bits);
        m.and(T1, word, T1);
    }
    m.or(T0, T0, T1);
}

/// `region_read`, `region_write`: the region, its first row and its mask; or ILLEGAL.
fn regions(m: &mut Asm) {
    let known = |code: isa::Subtree, base: Reg, mask: Reg| (i32::from(code as u8), base, mask);
    let read = [known(isa::Subtree::Const, BASE_CONST, MASK_CONST), known(isa::Subtree::Input, BASE_INPUT, MASK_INPUT)];
    let write =
        [known(isa::Subtree::Work, BASE_WORK, MASK_WORK), known(isa::Subtree::Output, BASE_OUTPUT, MASK_OUTPUT)];
    let field: Bitfield = at::REGION;
    for (name, codes) in [("region_read", read), ("region_write", write)] {
        m.label(name);
        m.field(REGION, field, false);
        for (code, base, mask) in codes {
            let other = m.fresh();
            m.compare(REGION, code);
            m.jump(Cond::NotZero, &other);
            m.copy(MASK, mask);
            m.copy(ROW_BASE, base).also(Effect::Return);
            m.label(other);
        }
    }
    // What may be written may be read, so the first goes on in the second.
    m.jump(Cond::Always, "illegal");
}
