//! The micro-instruction: what one word of the microprogram says.
//!
//! A micro-instruction takes two cycles. In the first its two registers are read; in the second the ALU works on register
//! a and the operand B, the result goes to register d, and one effect happens beside that: an access to memory, a product, a request.
//! Flags are those that an earlier micro-instruction kept, so a branch never waits for an ALU.

/// A register of 32 bits. The number 0 always reads 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reg(pub(crate) u8);

/// Registers of the engine.
pub(crate) const REGS: usize = 128;
/// x0 of the machine; x1 and so on follow.
pub(crate) const X0: u8 = 96;
/// As register a or d: x\[i\], where i is what `SetIndex` has kept.
pub(crate) const X: Reg = Reg(112);

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) enum $name { #[default] $($(#[$of])* $variant,)* }

        impl $name {
            /// Every value, in the order of codes.
            #[allow(dead_code, reason = "of some, single values are enough")]
            pub(crate) const ALL: &[$name] = &[$($name::$variant),*];

            /// Its code in the micro-instruction.
            pub(crate) const fn code(self) -> u64 {
                self as u64
            }
        }
    };
}

codes! {
    /// What the ALU does with a and B.
    Op {
        /// B.
        Copy,
        /// a and B.
        And,
        /// a or B.
        Or,
        /// a xor B.
        Xor,
        /// The low word of {a, B} shifted right by the immediate.
        Funnel,
        /// The same by what `SetShift` kept.
        FunnelBy,
        /// B shifted right by the immediate, filled with its sign.
        Sign,
        /// a + B.
        Add,
        /// a + B + carry.
        AddCarry,
        /// a - B; carry means a >= B, unsigned.
        Sub,
        /// a - B - 1 + carry.
        SubCarry,
        /// a + 1, a + 4, a + 32, a - 4, a - 32, whatever B is.
        Plus1,
        Plus4,
        Plus32,
        Less4,
        Less32,
    }
}

codes! {
    /// Where B comes from.
    Source {
        /// Register b.
        Register,
        /// The field of register b as a number of seven bits with sign.
        Short,
        /// The fields of register b, condition and target as a number of 22 bits with sign.
        Long,
        /// What the last load has read.
        Memory,
        /// The next word of the memory port, awaited.
        Beat,
        /// One of [`Special`], whose code is in the field of register b.
        Special,
    }
}

codes! {
    /// Values beside registers.
    Special {
        /// The four sums of products.
        Sum0,
        Sum1,
        Sum2,
        Sum3,
        /// The product of the last `Multiply`, from the next micro-instruction on.
        Low,
        High,
        Unused6,
        Unused7,
        /// Profile: limit, and sizes.
        LimitLow,
        LimitHigh,
        Sizes,
        MoreSizes,
        /// Where the regions lie.
        BaseText,
        BaseConst,
        BaseInput,
        BaseWork,
        BaseOutput,
    }
}

codes! {
    /// What happens beside the ALU.
    Effect {
        Nothing,
        /// Reads the word at address a; with `Lanes` by lane of a row32; a byte with sign.
        Load,
        LoadLanes,
        LoadByte,
        /// Writes B to address a.
        Store,
        StoreLanes,
        StoreByte,
        /// Adds the products of byte `target` of register b with the four bytes last read to the four sums, and loads.
        Spread,
        /// Adds the products of the bytes of register b with the bytes last read, lane by lane, and loads.
        Dot,
        /// Makes the four sums 0.
        ClearSums,
        /// Begins a * B, unsigned.
        Multiply,
        /// Asks the memory to read, to write the row that is the ALU's result.
        AskRead,
        AskWrite,
        /// Adds B to the digest; and sends it.
        Digest,
        Send,
        /// Waits until the row is written.
        AwaitWritten,
        /// Keeps B as the amount of `FunnelBy`; as the index of x.
        SetShift,
        SetIndex,
        /// Counts a micro-step of the machine.
        Step,
        /// Shows a mark, B.
        Mark,
        /// Ends the run with status B.
        End,
        /// Goes on behind the last call.
        Return,
        /// Goes on at B.
        Go,
        /// Counts B products.
        CountMacs,
    }
}

codes! {
    /// A condition on the flags.
    Cond {
        Always,
        /// The result was 0, was not.
        Zero,
        NotZero,
        /// A sum had a carry, a difference none to borrow: a >= B.
        Carry,
        NoCarry,
        /// The result was negative.
        Minus,
        Plus,
        /// A difference: a < B, signed.
        Less,
        NotLess,
    }
}

codes! {
    /// What the condition decides.
    Mode {
        /// Nothing.
        Plain,
        /// To go to the target.
        Jump,
        /// The same, to come back by `Return`.
        Call,
        /// To write register d.
        Guard,
    }
}

/// Bits of the address of a micro-instruction.
pub(crate) const TARGET_BITS: u32 = 11;
/// Bits of a micro-instruction.
pub(crate) const UOP_BITS: u32 = 51;

/// Lowest bits of the fields.
pub(crate) mod at {
    /// Also the amount of `Funnel` and `Sign`, and the byte of `Spread`.
    pub(crate) const TARGET: u32 = 0;
    pub(crate) const COND: u32 = 11;
    pub(crate) const RB: u32 = 15;
    pub(crate) const RA: u32 = 22;
    pub(crate) const RD: u32 = 29;
    pub(crate) const OP: u32 = 36;
    pub(crate) const SOURCE: u32 = 40;
    pub(crate) const EFFECT: u32 = 43;
    pub(crate) const MODE: u32 = 48;
    pub(crate) const KEEP: u32 = 50;
}

/// One micro-instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uop {
    pub(crate) op: Op,
    pub(crate) source: Source,
    pub(crate) rd: u8,
    pub(crate) ra: u8,
    /// Register b, a short number or a [`Special`].
    pub(crate) rb: u8,
    /// The number of [`Source::Long`].
    pub(crate) long: i32,
    pub(crate) effect: Effect,
    pub(crate) keep: bool,
    pub(crate) mode: Mode,
    pub(crate) cond: Cond,
    pub(crate) target: u16,
}

impl Uop {
    /// Its word.
    pub(crate) fn encode(&self) -> u64 {
        let tail = if self.source == Source::Long {
            u64::from(self.long.cast_unsigned() & 0x3f_ffff)
        } else {
            u64::from(self.target) << at::TARGET | self.cond.code() << at::COND | u64::from(self.rb & 0x7f) << at::RB
        };
        tail | u64::from(self.ra) << at::RA
            | u64::from(self.rd) << at::RD
            | self.op.code() << at::OP
            | self.source.code() << at::SOURCE
            | self.effect.code() << at::EFFECT
            | self.mode.code() << at::MODE
            | u64::from(self.keep) << at::KEEP
    }
}
