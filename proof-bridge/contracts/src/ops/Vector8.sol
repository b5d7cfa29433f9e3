// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Frame} from "../Frame.sol";
import {Isa} from "../Isa.sol";
import {Lanes} from "../Lanes.sol";
import {Machine, MachineLib} from "../Machine.sol";
import {Place} from "../Tree.sol";
import {Word} from "../Word.sol";

/// @title Lanes of int8. The twin of isa/src/ops/vector8.rs.
library Vector8 {
    using MachineLib for Machine;

    /// The parameter row of ADDQ: the lowest bits of the multipliers, and the other fields by byte.
    uint256 private constant MA_LSB = 224;
    uint256 private constant MB_LSB = 192;
    uint256 private constant ZA_BYTE = 8;
    uint256 private constant ZB_BYTE = 9;
    uint256 private constant SHIFT_BYTE = 10;
    uint256 private constant ZP_BYTE = 11;
    uint256 private constant LO_BYTE = 12;
    uint256 private constant HI_BYTE = 13;

    function execute(Machine memory m, Word w, uint256 op) internal view {
        if (op == Isa.OP_MAXQ) {
            maxq(m, w);
            return;
        }
        uint256 row;
        if (op == Isa.OP_REQUANT) row = requant(m, w);
        else if (op == Isa.OP_ADDQ) row = addq(m, w);
        else if (op == Isa.OP_LUT) row = lut(m, w);
        else row = trans(m, w);
        m.overwrite(m.near(w, Isa.D_LSB), 0, bytes32(row));
    }

    /// @dev clamp(rne(((sum + bias) mod 2^32) * m, s) + zp, lo, hi); a parameter block is a row32 of bias, then one of
    /// s << 24 | m.
    function requant(Machine memory m, Word w) private view returns (uint256 row) {
        (uint256 sums,) = m.readRow32(m.near(w, Isa.A_LSB));
        (uint256 bias,) = m.read(m.near(w, Isa.B_LSB), 3);
        uint256 scales = bias + 128;
        int256 zp = w.signedBits(Isa.ZP_LSB, Isa.ZP_WIDTH);
        int256 lo = w.signedBits(Isa.LO_LSB, Isa.LO_WIDTH);
        int256 hi = w.signedBits(Isa.HI_LSB, Isa.HI_WIDTH);
        uint256 n = m.live();
        unchecked {
            for (uint256 j = 0; j < n; j++) {
                int256 biased = Lanes.signed32(Lanes.bits32(sums, j) + Lanes.bits32(bias, j));
                uint256 scale = Lanes.bits32(scales, j);
                int256 y = Lanes.rne(biased * int256(scale & 0xffffff), (scale >> 24) & 63) + zp;
                row |= Lanes.at8(j, uint256(Lanes.clamp(y, lo, hi)));
            }
        }
    }

    /// @dev clamp(rne((a - za) * ma + (b - zb) * mb, s) + zp, lo, hi)
    function addq(Machine memory m, Word w) private view returns (uint256 row) {
        (uint256 a,) = m.readRow(m.near(w, Isa.A_LSB));
        (uint256 b,) = m.readRow(m.near(w, Isa.B_LSB));
        (uint256 p,) = m.readRow(Frame.index(Frame.parameters(w, m.regs), m.at));
        uint256 n = m.live();
        uint256 shift = uint256(Lanes.lane8(p, SHIFT_BYTE)) & 63;
        int256 zp = Lanes.lane8(p, ZP_BYTE);
        unchecked {
            for (uint256 j = 0; j < n; j++) {
                int256 y = (Lanes.lane8(a, j) - Lanes.lane8(p, ZA_BYTE)) * Lanes.signed32(p >> MA_LSB)
                    + (Lanes.lane8(b, j) - Lanes.lane8(p, ZB_BYTE)) * Lanes.signed32(p >> MB_LSB);
                y = Lanes.clamp(Lanes.rne(y, shift) + zp, Lanes.lane8(p, LO_BYTE), Lanes.lane8(p, HI_BYTE));
                row |= Lanes.at8(j, uint256(y));
            }
        }
    }

    function maxq(Machine memory m, Word w) private view {
        (uint256 row,) = m.readRow(m.taps(w));
        uint256 to = m.near(w, Isa.D_LSB);
        if (m.firstTap(w)) {
            m.overwrite(to, 0, bytes32(row));
        } else {
            (uint256 old, Place memory place) = m.readRow(to);
            m.update(place, bytes32(max8(old, row)));
        }
    }

    /// @dev The larger of x and y in each lane.
    function max8(uint256 x, uint256 y) private pure returns (uint256 row) {
        for (uint256 j = 0; j < 32; j++) {
            (int256 a, int256 b) = (Lanes.lane8(x, j), Lanes.lane8(y, j));
            row |= Lanes.at8(j, uint256(a > b ? a : b));
        }
    }

    function lut(Machine memory m, Word w) private view returns (uint256 row) {
        (uint256 a,) = m.readRow(m.near(w, Isa.A_LSB));
        (uint256 table,) = m.read(m.near(w, Isa.B_LSB), 3);
        uint256 n = m.live();
        for (uint256 j = 0; j < n; j++) {
            row |= Lanes.at8(j, Lanes.entry8(table, uint256(Lanes.lane8(a, j) + 128)));
        }
    }

    function trans(Machine memory m, Word w) private view returns (uint256 row) {
        (uint256 tile,) = m.read(m.near(w, Isa.A_LSB), 5);
        uint256 n = m.live();
        uint256 column = m.at.i0 % 32;
        for (uint256 j = 0; j < n; j++) {
            row |= Lanes.at8(j, Lanes.entry8(tile, 32 * j + column));
        }
    }
}
