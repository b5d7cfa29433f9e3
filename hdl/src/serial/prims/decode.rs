//! The fields of a micro-instruction, and what follows from them and the flags.

use rust_hdl::prelude::*;

use crate::serial::alu::Flags;
use crate::serial::uop::{Cond, Effect, Mode, Op, Source, X, X0, at};

/// Combinational.
#[derive(LogicBlock, Default)]
pub(crate) struct Decode {
    pub(crate) word: Signal<In, Bits<51>>,
    /// Which x register [`X`] is.
    pub(crate) index: Signal<In, Bits<4>>,
    pub(crate) zero: Signal<In, Bit>,
    pub(crate) minus: Signal<In, Bit>,
    pub(crate) carry: Signal<In, Bit>,
    pub(crate) less: Signal<In, Bit>,
    /// What `SetShift` has kept.
    pub(crate) kept: Signal<In, Bits<5>>,
    pub(crate) op: Signal<Out, Bits<4>>,
    pub(crate) source: Signal<Out, Bits<3>>,
    pub(crate) a: Signal<Out, Bits<7>>,
    pub(crate) b: Signal<Out, Bits<7>>,
    pub(crate) d: Signal<Out, Bits<7>>,
    pub(crate) long: Signal<Out, Bits<22>>,
    pub(crate) target: Signal<Out, Bits<11>>,
    pub(crate) shift: Signal<Out, Bits<5>>,
    pub(crate) keep: Signal<Out, Bit>,
    pub(crate) beat: Signal<Out, Bit>,
    /// Register d is written; the target is gone to; and the next address remembered.
    pub(crate) write: Signal<Out, Bit>,
    pub(crate) jump: Signal<Out, Bit>,
    pub(crate) call: Signal<Out, Bit>,
    /// Effects, a bit each by [`Effect::code`].
    pub(crate) effects: Signal<Out, Bits<32>>,
}

const INDIRECT: u32 = X.0 as u32 >> 4;

impl Decode {
    fn physical(&self, register: Bits<7>) -> Bits<7> {
        let register = register.to_u32();
        let indirect = register >> 4 == INDIRECT;
        u64::from(if indirect { u32::from(X0) | self.index.val().to_u32() } else { register }).into()
    }
}

impl Logic for Decode {
    fn update(&mut self) {
        let word = self.word.val();
        let flags =
            Flags { zero: self.zero.val(), minus: self.minus.val(), carry: self.carry.val(), less: self.less.val() };
        self.op.next = word.get_bits::<4>(at::OP as usize);
        self.source.next = word.get_bits::<3>(at::SOURCE as usize);
        self.a.next = self.physical(word.get_bits::<7>(at::RA as usize));
        self.b.next = word.get_bits::<7>(at::RB as usize);
        self.d.next = self.physical(word.get_bits::<7>(at::RD as usize));
        self.long.next = word.get_bits::<22>(0);
        self.target.next = word.get_bits::<11>(at::TARGET as usize);
        let by = word.get_bits::<4>(at::OP as usize).to_u64() == Op::FunnelBy.code();
        self.shift.next = if by { self.kept.val() } else { word.get_bits::<5>(at::TARGET as usize) };
        self.keep.next = word.get_bit(at::KEEP as usize);
        self.beat.next = word.get_bits::<3>(at::SOURCE as usize).to_u64() == Source::Beat.code();
        let cond = word.get_bits::<4>(at::COND as usize).index();
        let holds = Cond::ALL.get(cond).is_some_and(|&cond| flags.hold(cond));
        let mode = word.get_bits::<2>(at::MODE as usize).to_u64();
        self.write.next = word.get_bits::<7>(at::RD as usize).any() && (mode != Mode::Guard.code() || holds);
        self.jump.next = holds && (mode == Mode::Jump.code() || mode == Mode::Call.code());
        self.call.next = holds && mode == Mode::Call.code();
        self.effects.next = (1u64 << word.get_bits::<5>(at::EFFECT as usize).to_u32()).into();
    }

    fn connect(&mut self) {
        self.op.connect();
        self.source.connect();
        self.a.connect();
        self.b.connect();
        self.d.connect();
        self.long.connect();
        self.target.connect();
        self.shift.connect();
        self.keep.connect();
        self.beat.connect();
        self.write.connect();
        self.jump.connect();
        self.call.connect();
        self.effects.connect();
    }

    fn hdl(&self) -> Verilog {
        let field = |lsb: u32, width: u32| format!("word[{}:{lsb}]", lsb + width - 1);
        let rd = field(at::RD, 7);
        let indirect = |lsb: u32| {
            let all = field(lsb, 7);
            format!("({} == 3'd{INDIRECT}) ? {{3'd{}, index}} : {all}", field(lsb + 4, 3), X0 >> 4)
        };
        let tests: String = Cond::ALL
            .iter()
            .map(|cond| {
                let flag = match cond {
                    Cond::Always => "1'b1",
                    Cond::Zero => "zero",
                    Cond::NotZero => "!zero",
                    Cond::Carry => "carry",
                    Cond::NoCarry => "!carry",
                    Cond::Minus => "minus",
                    Cond::Plus => "!minus",
                    Cond::Less => "less",
                    Cond::NotLess => "!less",
                };
                format!("        4'd{}: holds = {flag};\n", cond.code())
            })
            .collect();
        debug_assert!(Effect::ALL.len() <= 32, "five bits");
        Verilog::Custom(format!(
            "reg holds;
wire [1:0] mode = {mode};
always @(*) begin
    case ({cond})
{tests}        default: holds = 1'b0;
    endcase
    op = {op};
    source = {source};
    a = {a};
    b = {b};
    d = {d};
    long = word[21:0];
    target = {target};
    shift = (op == 4'd{by}) ? kept : {amount};
    keep = word[{keep}];
    beat = source == 3'd{beat};
    write = |{rd} && (mode != 2'd{guard} || holds);
    jump = holds && (mode == 2'd{jump} || mode == 2'd{call});
    call = holds && mode == 2'd{call};
    effects = 32'd1 << {effect};
end",
            mode = field(at::MODE, 2),
            cond = field(at::COND, 4),
            op = field(at::OP, 4),
            source = field(at::SOURCE, 3),
            a = indirect(at::RA),
            b = field(at::RB, 7),
            d = indirect(at::RD),
            target = field(at::TARGET, 11),
            by = Op::FunnelBy.code(),
            amount = field(at::TARGET, 5),
            keep = at::KEEP,
            beat = Source::Beat.code(),
            guard = Mode::Guard.code(),
            jump = Mode::Jump.code(),
            call = Mode::Call.code(),
            effect = field(at::EFFECT, 5),
        ))
    }
}
