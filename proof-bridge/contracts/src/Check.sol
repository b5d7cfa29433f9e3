// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Affine, Counts, Frame} from "./Frame.sol";
import {Isa} from "./Isa.sol";
import {Regs} from "./Regs.sol";
import {Profile, Word} from "./Word.sol";

/// @notice The smallest and largest address that an affine operand names.
struct Hull {
    int256 lo;
    int256 hi;
}

/// @title What is decided at issue, from instruction, registers and profile alone. The twin of isa/src/check.rs.
library Check {
    uint256 private constant LANES = 32;
    uint256 private constant TILE_ROWS = 32;
    uint256 private constant PARAM_ROWS = 8;
    uint256 private constant ROW32_LEAVES = 4;

    /// @notice Decides the traps in the order ILLEGAL, COUNT, LIMIT, ALIGN, BOUNDS, OVERLAP.
    /// @param w an instruction of an implemented opcode, without stray bits
    /// @return status STATUS_RUNNING where it may run
    function admit(Word w, Counts memory c, Regs memory regs, Profile profile) internal pure returns (uint256 status) {
        if (!legal(w)) return Isa.STATUS_ILLEGAL;
        if (!countsInRange(w, c)) return Isa.STATUS_COUNT;
        if (regs.steps + Frame.microSteps(c) > profile.limit()) return Isa.STATUS_LIMIT;
        if (!aligned(w, regs)) return Isa.STATUS_ALIGN;
        if (!Frame.loops(Frame.op(w))) return Isa.STATUS_RUNNING;
        return reach(w, c, regs, profile);
    }

    function legal(Word w) private pure returns (bool) {
        uint256 op = Frame.op(w);
        if (Frame.loops(op) && !selectsLegally(w, op)) return false;
        uint256 region = w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
        bool writable = region == Isa.TREE_WORK || region == Isa.TREE_OUTPUT;
        if (op == Isa.OP_LOAD) return writable || region == Isa.TREE_CONST || region == Isa.TREE_INPUT;
        if (op == Isa.OP_STORE) return writable;
        if (op == Isa.OP_FILL) return w.flag(Isa.SPACE_LSB) || w.bits(Isa.IMM_LSB, Isa.IMM_WIDTH) < 256;
        if (op == Isa.OP_MATMUL) return !w.flag(Isa.TR_LSB);
        if (op == Isa.OP_REQUANT) {
            return w.signedBits(Isa.LO_LSB, Isa.LO_WIDTH) <= w.signedBits(Isa.HI_LSB, Isa.HI_WIDTH);
        }
        return true;
    }

    /// @dev The count that comes from a register must exist, and its own field be 0.
    function selectsLegally(Word w, uint256 op) private pure returns (bool) {
        uint256 csel = w.bits(Isa.LP_LSB + Isa.LOOP_CSEL_LSB, Isa.LOOP_CSEL_WIDTH);
        if (csel == Isa.CSEL_NONE) return w.bits(Isa.LP_LSB + Isa.LOOP_CREG_LSB, Isa.LOOP_CREG_WIDTH) == 0;
        if (csel == Isa.CSEL_N0) return w.bits(Isa.LP_LSB + Isa.LOOP_N0_LSB, Isa.LOOP_N0_WIDTH) == 0;
        if (csel == Isa.CSEL_N1) return w.bits(Isa.LP_LSB + Isa.LOOP_N1_LSB, Isa.LOOP_N1_WIDTH) == 0;
        if (csel == Isa.CSEL_KT) return Frame.hasTaps(op) && w.bits(Isa.KT_LSB, Isa.KT_WIDTH) == 0;
        if (csel == Isa.CSEL_N) return Frame.hasN(op) && w.bits(Isa.N_LSB, Isa.N_WIDTH) == 0;
        return false;
    }

    function countsInRange(Word w, Counts memory c) private pure returns (bool) {
        if (Frame.op(w) == Isa.OP_MATMUL && !inRange(w.bits(Isa.K_LSB, Isa.K_WIDTH), LANES)) return false;
        uint256 most = type(uint16).max;
        return inRange(c.n0, most) && inRange(c.n1, most) && inRange(c.kt, most) && inRange(c.n, LANES);
    }

    function inRange(uint256 count, uint256 most) private pure returns (bool) {
        return count >= 1 && count <= most;
    }

    function aligned(Word w, Regs memory regs) private pure returns (bool) {
        uint256 op = Frame.op(w);
        if (op == Isa.OP_LOAD || op == Isa.OP_STORE) {
            return !w.flag(Isa.SPACE_LSB) || multiples(Frame.far(w, regs), ROW32_LEAVES);
        }
        if (op == Isa.OP_MATMUL) return multiples(Frame.tiles(w, regs), TILE_ROWS);
        if (op == Isa.OP_REQUANT) return multiples(Frame.near(w, Isa.B_LSB, regs), PARAM_ROWS);
        return true;
    }

    function multiples(Affine memory a, uint256 unit) private pure returns (bool) {
        return (a.start | a.s0 | a.s1 | a.sk) & int256(unit - 1) == 0;
    }

    /// @dev BOUNDS and OVERLAP of a row-moving instruction.
    function reach(Word w, Counts memory c, Regs memory regs, Profile profile) private pure returns (uint256) {
        uint256 op = Frame.op(w);
        uint256 spad = profile.size(Isa.PROFILE_SPAD_LSB);
        uint256 acc = profile.size(Isa.PROFILE_ACC_LSB);
        Affine memory d = Frame.near(w, Isa.D_LSB, regs);
        Hull memory to = hull(d, c, 1);
        bool bounds;
        bool overlap;
        if (op == Isa.OP_LOAD || op == Isa.OP_STORE) {
            bool space = w.flag(Isa.SPACE_LSB);
            Affine memory m = Frame.far(w, regs);
            Hull memory dram = hull(m, c, space ? ROW32_LEAVES : 1);
            bounds =
                within(to, space ? acc : spad) && within(dram, profile.depth(w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH)));
            overlap = op == Isa.OP_STORE && folds(m, c);
        } else if (op == Isa.OP_FILL) {
            bounds = within(to, w.flag(Isa.SPACE_LSB) ? acc : spad);
        } else if (op == Isa.OP_MOVE) {
            Hull memory from = hull(Frame.far(w, regs), c, c.n);
            from = Hull(from.lo >> 5, from.hi >> 5);
            bounds = within(to, spad) && within(from, spad) && w.bits(Isa.OFFSET_LSB, Isa.OFFSET_WIDTH) + c.n <= LANES;
            overlap = meet(to, from);
        } else if (op == Isa.OP_MATMUL) {
            bounds = within(to, acc) && within(hull(Frame.taps(w, regs), c, 1), spad)
                && within(hull(Frame.tiles(w, regs), c, TILE_ROWS), spad);
            overlap = folds(d, c);
        } else if (op == Isa.OP_REQUANT) {
            Hull memory params = hull(Frame.near(w, Isa.B_LSB, regs), c, PARAM_ROWS);
            bounds = within(to, spad) && within(params, spad) && within(hull(Frame.near(w, Isa.A_LSB, regs), c, 1), acc);
            overlap = meet(to, params) || folds(d, c);
        } else {
            Hull memory from = hull(Frame.taps(w, regs), c, 1);
            bounds = within(to, spad) && within(from, spad);
            overlap = meet(to, from) || folds(d, c);
        }
        if (!bounds) return Isa.STATUS_BOUNDS;
        return overlap ? Isa.STATUS_OVERLAP : Isa.STATUS_RUNNING;
    }

    function hull(Affine memory a, Counts memory c, uint256 width) private pure returns (Hull memory h) {
        h = Hull(a.start, a.start + int256(width) - 1);
        extend(h, c.n0, a.s0);
        extend(h, c.n1, a.s1);
        extend(h, c.kt, a.sk);
    }

    function extend(Hull memory h, uint256 count, int256 stride) private pure {
        int256 by = int256(count - 1) * stride;
        if (by < 0) h.lo += by;
        else h.hi += by;
    }

    function within(Hull memory h, uint256 log2) private pure returns (bool) {
        return h.lo >= 0 && h.hi < int256(1 << log2);
    }

    function meet(Hull memory a, Hull memory b) private pure returns (bool) {
        return a.lo <= b.hi && b.lo <= a.hi;
    }

    /// @dev Whether an affine destination may name one row twice (a sufficient test, part of the ISA).
    function folds(Affine memory a, Counts memory c) private pure returns (bool) {
        uint256 s0 = magnitude(a.s0);
        uint256 s1 = magnitude(a.s1);
        if ((c.n0 > 1 && s0 == 0) || (c.n1 > 1 && s1 == 0)) return true;
        return c.n0 > 1 && c.n1 > 1 && s1 < s0 * c.n0 && s0 < s1 * c.n1;
    }

    function magnitude(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x);
    }
}
