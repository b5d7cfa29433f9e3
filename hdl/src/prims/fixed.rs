//! Constants whose value is part of the type.

use rust_hdl::core::signal::get_signal_id;
use rust_hdl::prelude::*;

/// `VALUE` in `WIDTH` bits: rust-hdl's `Constant`, but with a `Default`, so that a block full of them needs no
/// constructor. Inside `#[hdl_gen]` it is a localparam, where a Rust `const` would be an undeclared name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed<const WIDTH: usize, const VALUE: u64> {
    id: usize,
}

impl<const WIDTH: usize, const VALUE: u64> Fixed<WIDTH, VALUE> {
    pub(crate) fn val(&self) -> Bits<WIDTH> {
        VALUE.into()
    }
}

impl<const WIDTH: usize, const VALUE: u64> Default for Fixed<WIDTH, VALUE> {
    fn default() -> Self {
        Self { id: get_signal_id() }
    }
}

impl<const WIDTH: usize, const VALUE: u64> Logic for Fixed<WIDTH, VALUE> {
    fn update(&mut self) {}
}

impl<const WIDTH: usize, const VALUE: u64> Atom for Fixed<WIDTH, VALUE> {
    fn bits(&self) -> usize {
        WIDTH
    }

    fn connected(&self) -> bool {
        true
    }

    fn changed(&self) -> bool {
        false
    }

    fn kind(&self) -> AtomKind {
        AtomKind::Constant
    }

    fn descriptor(&self) -> TypeDescriptor {
        Bits::<WIDTH>::descriptor()
    }

    fn vcd(&self) -> VCDValue {
        self.val().vcd()
    }

    fn verilog(&self) -> VerilogLiteral {
        self.val().verilog()
    }

    fn id(&self) -> usize {
        self.id
    }

    fn constraints(&self) -> Vec<PinConstraint> {
        vec![]
    }
}

impl<const WIDTH: usize, const VALUE: u64> Block for Fixed<WIDTH, VALUE> {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_atom(name, self);
    }
}
