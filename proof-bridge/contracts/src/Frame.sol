// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "./Isa.sol";
import {Regs, RegsLib} from "./Regs.sol";
import {Word} from "./Word.sol";

/// @notice Counts of an instruction after register substitution; 1 where it has none.
struct Counts {
    uint256 n0;
    uint256 n1;
    uint256 kt;
    uint256 n;
}

/// @notice Where a micro-step stands in the loops.
struct Position {
    uint256 t;
    uint256 i0;
    uint256 i1;
}

/// @notice An operand: addresses start + i0 * s0 + i1 * s1 (+ t * sk).
struct Affine {
    int256 start;
    int256 s0;
    int256 s1;
    int256 sk;
}

/// @title The frame that row-moving instructions share: loop counts, operands, the place of a micro-step.
library Frame {
    using RegsLib for Regs;

    function op(Word w) internal pure returns (uint256) {
        return w.bits(0, 8);
    }

    /// @notice Whether an opcode is in a set of opcodes.
    function isIn(uint256 code, uint256 set) internal pure returns (bool) {
        return (set >> code) & 1 != 0;
    }

    /// @notice Counts with the register's value in place, unchecked.
    function counts(Word w, Regs memory regs) internal pure returns (Counts memory c) {
        uint256 code = op(w);
        if (!isIn(code, Isa.WITH_LP)) return Counts(1, 1, 1, 1);
        c.n0 = w.bits(Isa.LP_LSB + Isa.LOOP_N0_LSB, Isa.LOOP_N0_WIDTH);
        c.n1 = w.bits(Isa.LP_LSB + Isa.LOOP_N1_LSB, Isa.LOOP_N1_WIDTH);
        c.kt = isIn(code, Isa.WITH_KT) ? w.bits(Isa.KT_LSB, Isa.KT_WIDTH) : 1;
        c.n = isIn(code, Isa.WITH_N) ? w.bits(Isa.N_LSB, Isa.N_WIDTH) : 1;
        uint256 csel = w.bits(Isa.LP_LSB + Isa.LOOP_CSEL_LSB, Isa.LOOP_CSEL_WIDTH);
        if (csel == Isa.CSEL_NONE) return c;
        uint256 value = regs.get(w.bits(Isa.LP_LSB + Isa.LOOP_CREG_LSB, Isa.LOOP_CREG_WIDTH));
        if (csel == Isa.CSEL_N0) c.n0 = value;
        else if (csel == Isa.CSEL_N1) c.n1 = value;
        else if (csel == Isa.CSEL_KT) c.kt = value;
        else if (csel == Isa.CSEL_N) c.n = value;
    }

    /// @notice T, the micro-steps of an instruction.
    function microSteps(Counts memory c) internal pure returns (uint256) {
        unchecked {
            return uint64(c.n0 * c.n1 * c.kt);
        }
    }

    /// @notice The place of micro-step `row`.
    function position(Counts memory c, uint256 row) internal pure returns (Position memory at) {
        unchecked {
            (uint256 kt, uint256 n0) = (atLeast1(c.kt), atLeast1(c.n0));
            at.t = row % kt;
            row = row / kt;
            at.i0 = row % n0;
            at.i1 = row / n0;
        }
    }

    function atLeast1(uint256 count) private pure returns (uint256) {
        return count == 0 ? 1 : count;
    }

    /// @notice An on-chip operand.
    function near(Word w, uint256 lsb, Regs memory regs) internal pure returns (Affine memory a) {
        uint256 base = w.bits(lsb + Isa.OPERAND_BASE_LSB, Isa.OPERAND_BASE_WIDTH);
        a.start = start(base, w.bits(lsb + Isa.OPERAND_REG_LSB, Isa.OPERAND_REG_WIDTH), regs);
        a.s0 = w.signedBits(lsb + Isa.OPERAND_S0_LSB, Isa.OPERAND_S0_WIDTH);
        a.s1 = w.signedBits(lsb + Isa.OPERAND_S1_LSB, Isa.OPERAND_S1_WIDTH);
    }

    /// @notice A DRAM operand (rows), or a byte operand of spad.
    function far(Word w, Regs memory regs) internal pure returns (Affine memory a) {
        uint256 lsb = Isa.M_LSB;
        uint256 base = w.bits(lsb + Isa.WIDE_BASE_LSB, Isa.WIDE_BASE_WIDTH);
        a.start = start(base, w.bits(lsb + Isa.WIDE_REG_LSB, Isa.WIDE_REG_WIDTH), regs);
        a.s0 = w.signedBits(lsb + Isa.WIDE_S0_LSB, Isa.WIDE_S0_WIDTH);
        a.s1 = w.signedBits(lsb + Isa.WIDE_S1_LSB, Isa.WIDE_S1_WIDTH);
    }

    /// @notice Operand a of an instruction with taps.
    function taps(Word w, Regs memory regs) internal pure returns (Affine memory a) {
        a = near(w, Isa.A_LSB, regs);
        a.sk = w.signedBits(Isa.A_SK_LSB, Isa.A_SK_WIDTH);
    }

    /// @notice The weights of the matrix group: one stride, over the taps.
    function weights(Word w, Regs memory regs) internal pure returns (Affine memory a) {
        a.start = start(w.bits(Isa.W_BASE_LSB, Isa.W_BASE_WIDTH), w.bits(Isa.W_REG_LSB, Isa.W_REG_WIDTH), regs);
        a.sk = w.signedBits(Isa.W_SK_LSB, Isa.W_SK_WIDTH);
    }

    /// @notice The parameter row of ADDQ.
    function parameters(Word w, Regs memory regs) internal pure returns (Affine memory a) {
        a.start = start(w.bits(Isa.P_BASE_LSB, Isa.P_BASE_WIDTH), w.bits(Isa.P_REG_LSB, Isa.P_REG_WIDTH), regs);
    }

    /// @notice The word of DRAM that LW and SW name.
    function dramWord(Word w, Regs memory regs) internal pure returns (uint256) {
        return w.bits(Isa.IMM_LSB, Isa.IMM_WIDTH) + regs.get(w.bits(Isa.RA_LSB, Isa.RA_WIDTH));
    }

    /// @notice Entries that a GATHER may choose from.
    function entries(Word w, Regs memory regs) internal pure returns (uint256) {
        return w.bits(Isa.LIMIT_LSB, Isa.LIMIT_WIDTH) + regs.get(w.bits(Isa.LIMIT_REG_LSB, Isa.LIMIT_REG_WIDTH));
    }

    function start(uint256 base, uint256 reg, Regs memory regs) private pure returns (int256) {
        return int256(base + regs.get(reg));
    }

    /// @notice The address at a place. Of admitted instructions it is in bounds; others are cut to 64 bits and refused by
    /// the trees.
    function index(Affine memory a, Position memory at) internal pure returns (uint256) {
        unchecked {
            return uint64(uint256(a.start + int256(at.i0) * a.s0 + int256(at.i1) * a.s1 + int256(at.t) * a.sk));
        }
    }
}
