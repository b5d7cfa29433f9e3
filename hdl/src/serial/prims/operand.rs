//! B of a micro-instruction: one of a dozen things.

use rust_hdl::prelude::*;

use crate::serial::uop::{Source, Special};

/// Combinational.
#[derive(LogicBlock, Default)]
pub(crate) struct Operand {
    pub(crate) source: Signal<In, Bits<3>>,
    /// The field of register b.
    pub(crate) short: Signal<In, Bits<7>>,
    pub(crate) long: Signal<In, Bits<22>>,
    pub(crate) register: Signal<In, Bits<32>>,
    pub(crate) memory: Signal<In, Bits<32>>,
    /// As it comes, lowest byte first.
    pub(crate) beat: Signal<In, Bits<32>>,
    pub(crate) sum: Signal<In, Bits<32>>,
    pub(crate) product: Signal<In, Bits<64>>,
    pub(crate) profile: Signal<In, Bits<256>>,
    pub(crate) base_text: Signal<In, Bits<32>>,
    pub(crate) base_const: Signal<In, Bits<32>>,
    pub(crate) base_input: Signal<In, Bits<32>>,
    pub(crate) base_work: Signal<In, Bits<32>>,
    pub(crate) base_output: Signal<In, Bits<32>>,
    pub(crate) b: Signal<Out, Bits<32>>,
}

/// A number of `width` bits with its sign.
fn extend(value: u32, width: u32) -> u32 {
    (value << (32 - width)).cast_signed().wrapping_shr(32 - width).cast_unsigned()
}

impl Operand {
    fn special(&self) -> u32 {
        let profile = |part: usize| self.profile.val().get_bits::<32>(32 * part).to_u32();
        match Special::ALL.get(self.short.val().index() % 32).unwrap_or(&Special::Sum0) {
            Special::Low => self.product.val().get_bits::<32>(0).to_u32(),
            Special::High => self.product.val().get_bits::<32>(32).to_u32(),
            Special::LimitLow => profile(0),
            Special::LimitHigh => profile(1),
            Special::Sizes => profile(2),
            Special::MoreSizes => profile(3),
            Special::BaseText => self.base_text.val().to_u32(),
            Special::BaseConst => self.base_const.val().to_u32(),
            Special::BaseInput => self.base_input.val().to_u32(),
            Special::BaseWork => self.base_work.val().to_u32(),
            Special::BaseOutput => self.base_output.val().to_u32(),
            _ => self.sum.val().to_u32(),
        }
    }
}

impl Logic for Operand {
    fn update(&mut self) {
        let b = match Source::ALL.get(self.source.val().index()) {
            Some(Source::Register) => self.register.val().to_u32(),
            Some(Source::Short) => extend(self.short.val().to_u32(), 7),
            Some(Source::Long) => extend(self.long.val().to_u32(), 22),
            Some(Source::Memory) => self.memory.val().to_u32(),
            Some(Source::Beat) => self.beat.val().to_u32().swap_bytes(),
            _ => self.special(),
        };
        self.b.next = u64::from(b).into();
    }

    fn connect(&mut self) {
        self.b.connect();
    }

    fn hdl(&self) -> Verilog {
        let profile = |part: usize| format!("profile[{}:{}]", 32 * part + 31, 32 * part);
        let cases: String = Special::ALL
            .iter()
            .map(|special| {
                let value = match special {
                    Special::Low => "product[31:0]".into(),
                    Special::High => "product[63:32]".into(),
                    Special::LimitLow => profile(0),
                    Special::LimitHigh => profile(1),
                    Special::Sizes => profile(2),
                    Special::MoreSizes => profile(3),
                    Special::BaseText => "base_text".into(),
                    Special::BaseConst => "base_const".into(),
                    Special::BaseInput => "base_input".into(),
                    Special::BaseWork => "base_work".into(),
                    Special::BaseOutput => "base_output".into(),
                    _ => return String::new(),
                };
                format!("        5'd{}: special = {value};\n", special.code())
            })
            .collect();
        Verilog::Custom(format!(
            "reg [31:0] special;
always @(*) begin
    case (short[4:0])
{cases}        default: special = sum;
    endcase
    case (source)
        3'd{register}: b = register;
        3'd{short}: b = {{{{25{{short[6]}}}}, short}};
        3'd{long}: b = {{{{10{{long[21]}}}}, long}};
        3'd{memory}: b = memory;
        3'd{beat}: b = {{beat[7:0], beat[15:8], beat[23:16], beat[31:24]}};
        default: b = special;
    endcase
end",
            register = Source::Register.code(),
            short = Source::Short.code(),
            long = Source::Long.code(),
            memory = Source::Memory.code(),
            beat = Source::Beat.code(),
        ))
    }
}
