//! The ALU.

use rust_hdl::prelude::*;

use crate::serial::alu::alu;
use crate::serial::uop::Op;

/// Combinational; `carry` is the flag before.
#[derive(LogicBlock, Default)]
pub(crate) struct Arithmetic {
    pub(crate) op: Signal<In, Bits<4>>,
    pub(crate) a: Signal<In, Bits<32>>,
    pub(crate) b: Signal<In, Bits<32>>,
    pub(crate) carry: Signal<In, Bit>,
    pub(crate) shift: Signal<In, Bits<5>>,
    pub(crate) result: Signal<Out, Bits<32>>,
    pub(crate) is_zero: Signal<Out, Bit>,
    pub(crate) is_minus: Signal<Out, Bit>,
    pub(crate) is_carry: Signal<Out, Bit>,
    pub(crate) is_less: Signal<Out, Bit>,
}

impl Logic for Arithmetic {
    fn update(&mut self) {
        let op = Op::ALL[self.op.val().index()];
        let (a, b) = (self.a.val().to_u32(), self.b.val().to_u32());
        let (result, flags) = alu(op, a, b, self.carry.val(), self.shift.val().to_u32());
        self.result.next = u64::from(result).into();
        self.is_zero.next = flags.zero;
        self.is_minus.next = flags.minus;
        self.is_carry.next = flags.carry;
        self.is_less.next = flags.less;
    }

    fn connect(&mut self) {
        self.result.connect();
        self.is_zero.connect();
        self.is_minus.connect();
        self.is_carry.connect();
        self.is_less.connect();
    }

    fn hdl(&self) -> Verilog {
        let cases: String = Op::ALL
            .iter()
            .map(|op| {
                let (second, inward) = match op {
                    Op::Add => ("b", "1'b0"),
                    Op::AddCarry => ("b", "carry"),
                    Op::Sub => ("~b", "1'b1"),
                    Op::SubCarry => ("~b", "carry"),
                    Op::Plus1 => ("32'd1", "1'b0"),
                    Op::Plus4 => ("32'd4", "1'b0"),
                    Op::Plus32 => ("32'd32", "1'b0"),
                    Op::Less4 => ("~32'd3", "1'b0"),
                    _ => ("~32'd31", "1'b0"),
                };
                format!("        4'd{}: begin second = {second}; inward = {inward}; end\n", op.code())
            })
            .collect();
        Verilog::Custom(format!(
            "reg [31:0] second;
reg inward;
reg [32:0] sum;
wire [31:0] high = (op == 4'd{sign}) ? {{32{{b[31]}}}} : a;
wire [31:0] by16 = shift[4] ? {{high[15:0], b[31:16]}} : b;
wire [15:0] high16 = shift[4] ? high[31:16] : high[15:0];
wire [46:0] half = {{high16[14:0], by16}};
wire [38:0] by8 = shift[3] ? half[46:8] : half[38:0];
wire [34:0] by4 = shift[2] ? by8[38:4] : by8[34:0];
wire [32:0] by2 = shift[1] ? by4[34:2] : by4[32:0];
wire [31:0] funnel = shift[0] ? by2[32:1] : by2[31:0];
always @(*) begin
    case (op)
{cases}    endcase
    sum = {{1'b0, a}} + {{1'b0, second}} + {{32'd0, inward}};
    case (op)
        4'd{copy}: result = b;
        4'd{and}: result = a & b;
        4'd{or}: result = a | b;
        4'd{xor}: result = a ^ b;
        4'd{funnel}, 4'd{by}, 4'd{sign}: result = funnel;
        default: result = sum[31:0];
    endcase
    is_zero = result == 32'd0;
    is_minus = result[31];
    is_carry = sum[32];
    is_less = (a[31] ^ b[31]) ? a[31] : sum[31];
end",
            sign = Op::Sign.code(),
            copy = Op::Copy.code(),
            and = Op::And.code(),
            or = Op::Or.code(),
            xor = Op::Xor.code(),
            funnel = Op::Funnel.code(),
            by = Op::FunnelBy.code(),
        ))
    }
}
