//! An admitted instruction, as the units receive it.

use rust_hdl::prelude::*;

use crate::prims::Kind;

/// Counts and addresses with registers added and signs extended; stable from a unit's `start` to its `done`.
///
/// On-chip addresses and strides are modulo 2²⁰, DRAM rows and spad bytes modulo 2³²: admission has shown that every
/// address of the loop is in its space.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Operation {
    /// Which instruction.
    pub(crate) kind: Kind,
    /// x\[rv\] of `ARGMAX`, x\[rb\] of `SW`.
    pub(crate) value: Bits<32>,
    /// Inner count.
    pub(crate) n0: Bits<16>,
    /// Outer count.
    pub(crate) n1: Bits<16>,
    /// Taps or k-tiles, 1 where there are none.
    pub(crate) kt: Bits<16>,
    /// Live outputs, lanes or bytes.
    pub(crate) n: Bits<6>,
    /// Live inputs.
    pub(crate) k: Bits<6>,
    /// d: first row, strides.
    pub(crate) d_base: Bits<20>,
    pub(crate) d_s0: Bits<20>,
    pub(crate) d_s1: Bits<20>,
    /// a, or m: first row (or byte), strides, stride of the taps.
    pub(crate) a_base: Bits<32>,
    pub(crate) a_s0: Bits<32>,
    pub(crate) a_s1: Bits<32>,
    pub(crate) a_sk: Bits<32>,
    /// b, or w: first row, strides, stride of the tiles; the base of `ARGMAX`'s indices.
    pub(crate) b_base: Bits<32>,
    pub(crate) b_s0: Bits<32>,
    pub(crate) b_s1: Bits<32>,
    pub(crate) b_sk: Bits<32>,
    /// `ADDQ`'s parameter row; the first row of `GATHER`'s indices.
    pub(crate) p_base: Bits<20>,
    /// `GATHER`'s last entry.
    pub(crate) limit: Bits<24>,
    /// DRAM region and the physical row where it begins.
    pub(crate) region: Bits<3>,
    pub(crate) region_base: Bits<32>,
    /// 1: acc, 0: spad.
    pub(crate) space: Bit,
    /// Adds to what is in d.
    pub(crate) accumulate: Bit,
    /// `MATMUL` takes the tile transposed.
    pub(crate) transposed: Bit,
    /// `FILL`'s constant.
    pub(crate) imm: Bits<32>,
    /// `MOVE`'s first byte in d; the word in its row of `LW` and `SW`.
    pub(crate) offset: Bits<5>,
    /// Where b of the int32 group comes from, and its shift.
    pub(crate) form: Bits<2>,
    pub(crate) shift: Bits<6>,
    /// `REQUANT`'s zero point and clamp.
    pub(crate) zp: Bits<8>,
    pub(crate) lo: Bits<8>,
    pub(crate) hi: Bits<8>,
}
