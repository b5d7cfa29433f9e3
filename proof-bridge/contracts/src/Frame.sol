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

    /// @notice Whether the instruction has a loop header.
    function loops(uint256 code) internal pure returns (bool) {
        return code == Isa.OP_LOAD || code == Isa.OP_STORE || code == Isa.OP_MOVE || code == Isa.OP_FILL
            || hasLanes(code) || code == Isa.OP_MAXQ;
    }

    /// @notice Whether its `kt` field exists.
    function hasTaps(uint256 code) internal pure returns (bool) {
        return code == Isa.OP_MATMUL || code == Isa.OP_MAXQ;
    }

    /// @notice Whether its `n` field exists.
    function hasN(uint256 code) internal pure returns (bool) {
        return code == Isa.OP_MOVE || hasLanes(code);
    }

    function hasLanes(uint256 code) private pure returns (bool) {
        return code == Isa.OP_MATMUL || code == Isa.OP_REQUANT;
    }

    /// @notice Counts with the register's value in place, unchecked.
    function counts(Word w, Regs memory regs) internal pure returns (Counts memory c) {
        uint256 code = op(w);
        if (!loops(code)) return Counts(1, 1, 1, 1);
        c.n0 = w.bits(Isa.LP_LSB + Isa.LOOP_N0_LSB, Isa.LOOP_N0_WIDTH);
        c.n1 = w.bits(Isa.LP_LSB + Isa.LOOP_N1_LSB, Isa.LOOP_N1_WIDTH);
        c.kt = hasTaps(code) ? w.bits(Isa.KT_LSB, Isa.KT_WIDTH) : 1;
        c.n = hasN(code) ? w.bits(Isa.N_LSB, Isa.N_WIDTH) : 1;
        uint256 value = regs.get(w.bits(Isa.LP_LSB + Isa.LOOP_CREG_LSB, Isa.LOOP_CREG_WIDTH));
        uint256 csel = w.bits(Isa.LP_LSB + Isa.LOOP_CSEL_LSB, Isa.LOOP_CSEL_WIDTH);
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

    /// @notice An on-chip operand.
    function near(Word w, uint256 lsb, Regs memory regs) internal pure returns (Affine memory a) {
        a.start = start(
            w.bits(lsb + Isa.OPERAND_BASE_LSB, Isa.OPERAND_BASE_WIDTH),
            w.bits(lsb + Isa.OPERAND_REG_LSB, Isa.OPERAND_REG_WIDTH),
            regs
        );
        a.s0 = w.signedBits(lsb + Isa.OPERAND_S0_LSB, Isa.OPERAND_S0_WIDTH);
        a.s1 = w.signedBits(lsb + Isa.OPERAND_S1_LSB, Isa.OPERAND_S1_WIDTH);
    }

    /// @notice A DRAM operand (rows), or a byte operand of spad.
    function far(Word w, Regs memory regs) internal pure returns (Affine memory a) {
        uint256 lsb = Isa.M_LSB;
        a.start = start(
            w.bits(lsb + Isa.WIDE_BASE_LSB, Isa.WIDE_BASE_WIDTH),
            w.bits(lsb + Isa.WIDE_REG_LSB, Isa.WIDE_REG_WIDTH),
            regs
        );
        a.s0 = w.signedBits(lsb + Isa.WIDE_S0_LSB, Isa.WIDE_S0_WIDTH);
        a.s1 = w.signedBits(lsb + Isa.WIDE_S1_LSB, Isa.WIDE_S1_WIDTH);
    }

    /// @notice Operand a of an instruction with taps.
    function taps(Word w, Regs memory regs) internal pure returns (Affine memory a) {
        a = near(w, Isa.A_LSB, regs);
        a.sk = w.signedBits(Isa.A_SK_LSB, Isa.A_SK_WIDTH);
    }

    /// @notice The weight tiles of MATMUL: one stride, over the k-tiles.
    function tiles(Word w, Regs memory regs) internal pure returns (Affine memory a) {
        a.start = start(w.bits(Isa.W_BASE_LSB, Isa.W_BASE_WIDTH), w.bits(Isa.W_REG_LSB, Isa.W_REG_WIDTH), regs);
        a.sk = w.signedBits(Isa.W_SK_LSB, Isa.W_SK_WIDTH);
    }

    function start(uint256 base, uint256 reg, Regs memory regs) private pure returns (int256) {
        return int256(base + regs.get(reg));
    }

    /// @notice The tap t of micro-step `row`.
    function tap(Counts memory c, uint256 row) internal pure returns (uint256) {
        return row % atLeast1(c.kt);
    }

    /// @notice The address at micro-step `row`. Of admitted instructions it is in bounds; others are cut to 64 bits
    /// and refused by the trees.
    function index(Affine memory a, Counts memory c, uint256 row) internal pure returns (uint256) {
        unchecked {
            uint256 t = tap(c, row);
            uint256 rest = row / atLeast1(c.kt);
            uint256 i0 = rest % atLeast1(c.n0);
            uint256 i1 = rest / atLeast1(c.n0);
            return uint64(uint256(a.start + int256(i0) * a.s0 + int256(i1) * a.s1 + int256(t) * a.sk));
        }
    }

    function atLeast1(uint256 count) private pure returns (uint256) {
        return count == 0 ? 1 : count;
    }
}
