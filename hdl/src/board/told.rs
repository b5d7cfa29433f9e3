//! What a board can tell, a byte at a time.

use isa::ISA_HASH;
use link::{Identity, VERSION};
use rust_hdl::prelude::*;

use crate::params::Params;

/// Byte of each part among all.
pub(crate) mod at {
    /// [`link::Ask::Read`]: row, rows left.
    pub(crate) const READ: u64 = 0;
    /// [`link::Ask::Write`]: row; its bytes are elsewhere.
    pub(crate) const WRITE: u64 = 6;
    /// [`link::Ask::Mark`]: number, steps, digest.
    pub(crate) const MARK: u64 = 10;
    /// [`link::Ask::State`]: digest, status, busy, steps, cycles, products.
    pub(crate) const STATE: u64 = 22;
    /// [`link::Ask::Identity`].
    pub(crate) const IDENTITY: u64 = 56;
}

const BYTES: usize = 128;

/// Byte `at` of all that can be told, a cycle later.
#[derive(LogicBlock)]
pub(crate) struct Told {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) at: Signal<In, Bits<7>>,
    pub(crate) row: Signal<In, Bits<32>>,
    pub(crate) left: Signal<In, Bits<16>>,
    pub(crate) row_written: Signal<In, Bits<32>>,
    pub(crate) mark_id: Signal<In, Bits<32>>,
    pub(crate) mark_steps: Signal<In, Bits<64>>,
    pub(crate) digest: Signal<In, Bits<64>>,
    pub(crate) status: Signal<In, Bits<8>>,
    pub(crate) busy: Signal<In, Bit>,
    pub(crate) steps: Signal<In, Bits<64>>,
    pub(crate) cycles: Signal<In, Bits<64>>,
    pub(crate) macs: Signal<In, Bits<64>>,
    pub(crate) octet: Signal<Out, Bits<8>>,
    _identity: Vec<u8>,
}

impl Told {
    /// For a machine of these parameters.
    pub(crate) fn new(params: &Params) -> Told {
        let [array_rows, array_cols, port_bytes, spad_log2, acc_log2] =
            [params.array_rows, params.array_cols, params.port_bytes, params.spad_log2, params.acc_log2]
                .map(|it| it as u8);
        let identity =
            Identity { version: VERSION, array_rows, array_cols, port_bytes, spad_log2, acc_log2, isa_hash: ISA_HASH };
        Told {
            clock: Signal::default(),
            at: Signal::default(),
            row: Signal::default(),
            left: Signal::default(),
            row_written: Signal::default(),
            mark_id: Signal::default(),
            mark_steps: Signal::default(),
            digest: Signal::default(),
            status: Signal::default(),
            busy: Signal::default(),
            steps: Signal::default(),
            cycles: Signal::default(),
            macs: Signal::default(),
            octet: Signal::default(),
            _identity: identity.to_bytes().to_vec(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let long = |signal: &Signal<In, Bits<64>>| signal.val().to_u64().to_le_bytes();
        let mut bytes = self.row.val().to_u32().to_le_bytes().to_vec();
        bytes.extend(self.left.val().to_u16().to_le_bytes());
        bytes.extend(self.row_written.val().to_u32().to_le_bytes());
        bytes.extend(self.mark_id.val().to_u32().to_le_bytes());
        bytes.extend(long(&self.mark_steps));
        bytes.extend(long(&self.digest));
        bytes.extend([self.status.val().to_u8(), self.busy.val().into()]);
        bytes.extend([&self.steps, &self.cycles, &self.macs].into_iter().flat_map(long));
        bytes.extend(&self._identity);
        bytes.resize(BYTES, 0);
        bytes
    }
}

impl Logic for Told {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.octet.next = u64::from(self.bytes()[self.at.val().index()]).into();
        }
    }

    fn connect(&mut self) {
        self.octet.connect();
    }

    fn hdl(&self) -> Verilog {
        let identity: String = self._identity.iter().rev().map(|byte| format!("{byte:02x}")).collect();
        let bits = 8 * self._identity.len();
        Verilog::Custom(format!(
            "initial octet = 0;
wire [{last}:0] bytes = {{{rest}'d0, {bits}'h{identity},
    macs, cycles, steps, 7'd0, busy, status, digest, mark_steps, mark_id, row_written, left, row}};
always @(posedge clock) octet <= bytes[{{at, 3'd0}} +: 8];",
            last = 8 * BYTES - 1,
            rest = 8 * (BYTES - at::IDENTITY as usize) - bits,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_where_frames_look() {
        assert_eq!(at::WRITE - at::READ, link::READ_BYTES as u64);
        assert_eq!(at::MARK - at::WRITE, 4);
        assert_eq!(at::STATE + 8 - at::MARK, link::MARK_BYTES as u64);
        assert_eq!(at::IDENTITY - at::STATE, link::STATE_BYTES as u64);
        assert!(at::IDENTITY as usize + link::IDENTITY_BYTES <= BYTES);
    }
}
