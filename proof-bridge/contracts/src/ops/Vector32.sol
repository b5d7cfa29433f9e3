// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Frame} from "../Frame.sol";
import {Isa} from "../Isa.sol";
import {Lanes} from "../Lanes.sol";
import {Machine, MachineLib} from "../Machine.sol";
import {Place} from "../Tree.sol";
import {Word} from "../Word.sol";

/// @title Lanes of int32. The twin of isa/src/ops/vector32.rs.
library Vector32 {
    using MachineLib for Machine;

    function execute(Machine memory m, Word w, uint256 op) internal view {
        if (op == Isa.OP_LUT32) lut32(m, w);
        else if (Frame.isIn(op, Isa.WITH_FORM)) binary(m, w, op);
        else unary(m, w, op);
    }

    /// @dev An instruction with two operands: lanes j >= n of the result are 0, those of VSEL stay.
    function binary(Machine memory m, Word w, uint256 op) private view {
        (uint256 a,) = m.readRow32(m.near(w, Isa.A_LSB));
        uint256 form = w.bits(Isa.FORM_LSB, Isa.FORM_WIDTH);
        uint256 b = second(m, w, form);
        uint256 to = m.near(w, Isa.D_LSB);
        uint256 n = m.live();
        uint256[4] memory out;
        if (op == Isa.OP_VSEL) {
            (uint256 old, Place memory place) = m.readRow32(to);
            for (uint256 j = 0; j < 32; j++) {
                bool taken = j < n && Lanes.lane32(a, j) > 0;
                Lanes.put32(out, j, taken ? uint256(laneOf(form, b, j)) : Lanes.bits32(old, j));
            }
            m.update(place, MachineLib.nodeOf(out));
            return;
        }
        uint256 shift = Frame.isIn(op, Isa.WITH_SHIFT) ? w.bits(Isa.SHIFT_LSB, Isa.SHIFT_WIDTH) : 0;
        for (uint256 j = 0; j < n; j++) {
            Lanes.put32(out, j, uint256(combine(op, Lanes.lane32(a, j), laneOf(form, b, j), shift)));
        }
        m.writeRow32(to, out);
    }

    /// @dev Reads b by its form: the calldata offset of a row32, a row8, or the value of every lane.
    function second(Machine memory m, Word w, uint256 form) private view returns (uint256 b) {
        uint256 index = m.near(w, Isa.B_LSB);
        if (form == Isa.FORM_ROW32) {
            (b,) = m.readRow32(index);
        } else if (form == Isa.FORM_LANE0) {
            (b,) = m.readRow(m.accLeaf(index));
            b = b >> 224;
        } else if (form == Isa.FORM_ROW8) {
            (b,) = m.readRow(index);
        } else {
            b = index;
        }
    }

    /// @dev Lane j of b.
    function laneOf(uint256 form, uint256 b, uint256 j) private pure returns (int256) {
        if (form == Isa.FORM_ROW32) return Lanes.lane32(b, j);
        if (form == Isa.FORM_ROW8) return Lanes.lane8(b, j);
        return Lanes.signed32(b);
    }

    /// @dev One lane of the result; of it the low 32 bits count.
    function combine(uint256 op, int256 a, int256 b, uint256 shift) private pure returns (int256) {
        unchecked {
            if (op == Isa.OP_VADD) return a + b;
            if (op == Isa.OP_VSUB) return a - b;
            if (op == Isa.OP_VMUL) return a * b;
            if (op == Isa.OP_VMULR) return Lanes.clamp(Lanes.rne(a * b, shift), type(int32).min, type(int32).max);
            if (op == Isa.OP_VMIN) return a < b ? a : b;
            if (op == Isa.OP_VMAX) return a > b ? a : b;
            assert(op == Isa.OP_VSHR);
            int256 by = Lanes.signed32(uint256(b) + shift);
            if (by >= 0) return Lanes.rne(a, by > 63 ? 63 : uint256(by));
            return by < -32 ? int256(0) : a << uint256(-by);
        }
    }

    function unary(Machine memory m, Word w, uint256 op) private view {
        (uint256 a,) = m.readRow32(m.near(w, Isa.A_LSB));
        uint256 n = m.live();
        uint256[4] memory out;
        if (op == Isa.OP_VCLZ) {
            for (uint256 j = 0; j < n; j++) {
                Lanes.put32(out, j, leadingZeros(Lanes.bits32(a, j)));
            }
        } else {
            uint256 value = op == Isa.OP_VSUM ? sum(a, n) : max(a, n);
            value = uint256(uint32(value)) * Lanes.ONES;
            for (uint256 r = 0; r < 4; r++) {
                out[r] = value;
            }
        }
        m.writeRow32(m.near(w, Isa.D_LSB), out);
    }

    function sum(uint256 a, uint256 n) private pure returns (uint256 total) {
        unchecked {
            for (uint256 j = 0; j < n; j++) {
                total += Lanes.bits32(a, j);
            }
        }
    }

    function max(uint256 a, uint256 n) private pure returns (uint256) {
        int256 best = type(int32).min;
        for (uint256 j = 0; j < n; j++) {
            int256 x = Lanes.lane32(a, j);
            if (x > best) best = x;
        }
        return uint256(best);
    }

    /// @dev Of a 32-bit number.
    function leadingZeros(uint256 x) private pure returns (uint256 zeros) {
        zeros = 32;
        for (uint256 half = 16; half > 0; half /= 2) {
            if (x >> half != 0) {
                x >>= half;
                zeros -= half;
            }
        }
        zeros -= x;
    }

    /// @dev Looks lanes of a row8 up in a table of 256 words.
    function lut32(Machine memory m, Word w) private view {
        (uint256 a,) = m.readRow(m.near(w, Isa.A_LSB));
        (uint256 table,) = m.read(m.near(w, Isa.B_LSB), 5);
        uint256 n = m.live();
        uint256[4] memory out;
        for (uint256 j = 0; j < n; j++) {
            Lanes.put32(out, j, Lanes.entry32(table, uint256(Lanes.lane8(a, j) + 128)));
        }
        m.writeRow32(m.near(w, Isa.D_LSB), out);
    }
}
