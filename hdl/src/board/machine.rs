//! The machine as a board's shell sees it: its ports.

use rust_hdl::prelude::*;

use crate::emit::TOP;

with_ports! {
    /// An instance of the machine, whose text stands elsewhere.
    struct Instance[const BEAT: usize], beats of BEAT {}
}

impl<const BEAT: usize> Default for Instance<BEAT> {
    fn default() -> Self {
        with_ports!(Self {})
    }
}

impl<const BEAT: usize> Logic for Instance<BEAT> {
    fn update(&mut self) {}

    fn connect(&mut self) {
        with_ports!(connect self);
    }

    fn hdl(&self) -> Verilog {
        let pins: Vec<_> = with_ports!(names).iter().map(|name| format!(".{name}({name})")).collect();
        let code = format!("{TOP} machine({});", pins.join(", "));
        Verilog::Wrapper(Wrapper { code, cores: String::new() })
    }
}
