//! What an instruction of the vector unit reads and where its rows go.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{Fixed, Kind};

/// By what way a row goes through the unit, and what it reads before and with its last operand.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Needs {
    /// The parameter row of `ADDQ`.
    pub(crate) constants: Bit,
    /// A parameter block, a table or a tile; of 32 rows, not of 8.
    pub(crate) block: Bit,
    pub(crate) tile: Bit,
    pub(crate) fills_table: Bit,
    /// Which lanes of a are positive.
    pub(crate) judges: Bit,
    /// b in acc, a of `ADDQ`, or what `MAXQ` adds to.
    pub(crate) looks: Bit,
    pub(crate) looks_in_spad: Bit,
    /// b is its own address.
    pub(crate) splats: Bit,
    /// The last operand of a row, in acc and in spad.
    pub(crate) last_acc: Bit,
    pub(crate) last_spad: Bit,
    /// Ways of a row: lanes otherwise.
    pub(crate) transposes: Bit,
    pub(crate) reduces: Bit,
    pub(crate) sums: Bit,
    pub(crate) follows: Bit,
    pub(crate) maxes: Bit,
    pub(crate) adds: Bit,
    pub(crate) requants: Bit,
    /// Where it is written: acc, spad or, by `ARGMAX`, nowhere.
    pub(crate) to_acc: Bit,
    pub(crate) to_spad: Bit,
}

/// Combinational.
#[derive(LogicBlock, Default)]
pub(crate) struct Survey {
    pub(crate) op: Signal<In, Operation>,
    pub(crate) needs: Signal<Out, Needs>,
    kind: Signal<Local, Kind>,
    two: Signal<Local, Bit>,
    row32: Signal<Local, Bit>,
    reduces: Signal<Local, Bit>,
    form_row32: Fixed<2, { isa::form::ROW32 as u64 }>,
    form_lane0: Fixed<2, { isa::form::LANE0 as u64 }>,
    form_row8: Fixed<2, { isa::form::ROW8 as u64 }>,
    form_address: Fixed<2, { isa::form::ADDRESS as u64 }>,
}

impl Logic for Survey {
    #[hdl_gen]
    fn update(&mut self) {
        self.kind.next = self.op.val().kind;
        self.two.next = (self.kind.val() == Kind::Vadd)
            | (self.kind.val() == Kind::Vsub)
            | (self.kind.val() == Kind::Vmul)
            | (self.kind.val() == Kind::Vmulr)
            | (self.kind.val() == Kind::Vmin)
            | (self.kind.val() == Kind::Vmax)
            | (self.kind.val() == Kind::Vshr)
            | (self.kind.val() == Kind::Vsel);
        self.row32.next = (self.op.val().form == self.form_row32.val()) | (self.op.val().form == self.form_lane0.val());
        self.reduces.next =
            (self.kind.val() == Kind::Vsum) | (self.kind.val() == Kind::Vrmax) | (self.kind.val() == Kind::Argmax);

        self.needs.next.constants = self.kind.val() == Kind::Addq;
        self.needs.next.block = (self.kind.val() == Kind::Requant)
            | (self.kind.val() == Kind::Lut)
            | (self.kind.val() == Kind::Lut32)
            | (self.kind.val() == Kind::Trans);
        self.needs.next.tile = (self.kind.val() == Kind::Lut32) | (self.kind.val() == Kind::Trans);
        self.needs.next.fills_table = (self.kind.val() == Kind::Lut) | (self.kind.val() == Kind::Lut32);
        self.needs.next.judges = self.kind.val() == Kind::Vsel;
        self.needs.next.looks = (self.kind.val() == Kind::Addq)
            | ((self.kind.val() == Kind::Maxq) & self.op.val().accumulate)
            | (self.two.val() & self.row32.val());
        self.needs.next.looks_in_spad = (self.kind.val() == Kind::Addq) | (self.kind.val() == Kind::Maxq);
        self.needs.next.splats = self.two.val() & (self.op.val().form == self.form_address.val());
        self.needs.next.last_acc =
            self.two.val() | self.reduces.val() | (self.kind.val() == Kind::Vclz) | (self.kind.val() == Kind::Requant);
        self.needs.next.last_spad = (self.kind.val() == Kind::Addq)
            | (self.kind.val() == Kind::Lut)
            | (self.kind.val() == Kind::Lut32)
            | (self.kind.val() == Kind::Maxq)
            | (self.two.val() & (self.op.val().form == self.form_row8.val()));
        self.needs.next.transposes = self.kind.val() == Kind::Trans;
        self.needs.next.reduces = self.reduces.val();
        self.needs.next.sums = self.kind.val() == Kind::Vsum;
        self.needs.next.follows = self.kind.val() == Kind::Argmax;
        self.needs.next.maxes = self.kind.val() == Kind::Maxq;
        self.needs.next.adds = self.kind.val() == Kind::Addq;
        self.needs.next.requants = self.kind.val() == Kind::Requant;
        self.needs.next.to_acc = self.two.val()
            | (self.kind.val() == Kind::Vclz)
            | (self.kind.val() == Kind::Vsum)
            | (self.kind.val() == Kind::Vrmax)
            | (self.kind.val() == Kind::Lut32);
        self.needs.next.to_spad = (self.kind.val() == Kind::Requant)
            | (self.kind.val() == Kind::Addq)
            | (self.kind.val() == Kind::Maxq)
            | (self.kind.val() == Kind::Lut)
            | (self.kind.val() == Kind::Trans);
    }
}
