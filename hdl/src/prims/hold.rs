//! What lets a pipeline stand still: data that come in one cycle only, and operations that must stay.

use rust_hdl::prelude::*;

use crate::operation::Operation;

/// `out` is `data`, or, while `late`, the `data` of the last cycle with `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct Catch<const D: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) late: Signal<In, Bit>,
    pub(crate) data: Signal<In, Bits<D>>,
    pub(crate) out: Signal<Out, Bits<D>>,
    _kept: Bits<D>,
}

impl<const D: usize> Logic for Catch<D> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            self._kept = self.data.val();
        }
        self.out.next = if self.late.val() { self._kept } else { self.data.val() };
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!(
            "reg [{}:0] kept;
initial kept = 0;
always @(posedge clock) if (enable) kept <= data;
always @(*) out = late ? kept : data;",
            D - 1
        ))
    }
}

/// `out` is the operation of the last cycle with `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct Held {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) out: Signal<Out, Operation>,
}

impl Logic for Held {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            self.out.next = self.op.val();
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("initial out = 0;\nalways @(posedge clock) if (enable) out <= op;".into())
    }
}

/// `out` is the row of the last cycle with `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct Kept {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) out: Signal<Out, Bits<256>>,
}

impl Logic for Kept {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            self.out.next = self.row.val();
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("initial out = 0;\nalways @(posedge clock) if (enable) out <= row;".into())
    }
}
