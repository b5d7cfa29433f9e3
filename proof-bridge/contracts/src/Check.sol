// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Affine, Counts, Frame} from "./Frame.sol";
import {Isa} from "./Isa.sol";
import {Lanes} from "./Lanes.sol";
import {Regs} from "./Regs.sol";
import {Profile, Word} from "./Word.sol";

/// @notice What the operands of an instruction have shown so far. A destination is judged before the sources.
struct Verdict {
    bool misaligned;
    bool outside;
    bool overlap;
    /// the destination: its space, what it names, its hull
    uint256 space;
    Affine to;
    int256 lo;
    int256 hi;
}

/// @title What is decided at issue, from instruction, registers and profile alone. The twin of isa/src/check.rs and
/// isa/src/operands.rs.
library Check {
    /// Spaces beside the DRAM regions, which go by the codes of their trees. NOWHERE meets no other.
    uint256 private constant SPAD = 8;
    uint256 private constant ACC = 9;
    uint256 private constant NOWHERE = 10;

    /// @notice Decides the traps in the order COUNT, LIMIT, ALIGN, BOUNDS, OVERLAP.
    /// @param w a legal instruction
    /// @return status STATUS_RUNNING where it may run
    function admit(Word w, Counts memory c, Regs memory regs, Profile profile) internal pure returns (uint256 status) {
        uint256 op = Frame.op(w);
        if (!countsInRange(w, op, c, regs)) return Isa.STATUS_COUNT;
        if (regs.steps + Frame.microSteps(c) > profile.limit()) return Isa.STATUS_LIMIT;
        Verdict memory v;
        v.space = NOWHERE;
        operands(v, w, op, c, regs, profile);
        if (v.misaligned) return Isa.STATUS_ALIGN;
        if (v.outside) return Isa.STATUS_BOUNDS;
        return v.overlap ? Isa.STATUS_OVERLAP : Isa.STATUS_RUNNING;
    }

    /// @notice Whether a word is an instruction: by itself, so that it may be asked in every row.
    function legal(Word w) internal pure returns (bool) {
        uint256 op = Frame.op(w);
        // An opcode that nobody has has no mask.
        uint256 mask = Isa.maskOf(op);
        if (mask == 0 || Word.unwrap(w) & ~mask != 0) return false;
        if (Frame.isIn(op, Isa.WITH_LP) && !selectsLegally(w, op)) return false;
        if (op == Isa.OP_MATMUL) return true;
        if (op == Isa.OP_LOAD || op == Isa.OP_GATHER || op == Isa.OP_LW) return readable(region(w));
        if (op == Isa.OP_STORE || op == Isa.OP_SW) return writable(region(w));
        if (op == Isa.OP_FILL) return w.flag(Isa.SPACE_LSB) || w.bits(Isa.IMM_LSB, Isa.IMM_WIDTH) < 256;
        if (op == Isa.OP_REQUANT) {
            return w.signedBits(Isa.LO_LSB, Isa.LO_WIDTH) <= w.signedBits(Isa.HI_LSB, Isa.HI_WIDTH);
        }
        return op != Isa.OP_ARGMAX || resultsAreApart(w);
    }

    /// @dev The count that comes from a register must exist, and its own field be 0.
    function selectsLegally(Word w, uint256 op) private pure returns (bool) {
        uint256 csel = w.bits(Isa.LP_LSB + Isa.LOOP_CSEL_LSB, Isa.LOOP_CSEL_WIDTH);
        if (csel == Isa.CSEL_NONE) return w.bits(Isa.LP_LSB + Isa.LOOP_CREG_LSB, Isa.LOOP_CREG_WIDTH) == 0;
        if (csel == Isa.CSEL_N0) return w.bits(Isa.LP_LSB + Isa.LOOP_N0_LSB, Isa.LOOP_N0_WIDTH) == 0;
        if (csel == Isa.CSEL_N1) return w.bits(Isa.LP_LSB + Isa.LOOP_N1_LSB, Isa.LOOP_N1_WIDTH) == 0;
        if (csel == Isa.CSEL_KT) return Frame.isIn(op, Isa.WITH_KT) && w.bits(Isa.KT_LSB, Isa.KT_WIDTH) == 0;
        if (csel == Isa.CSEL_N) return Frame.isIn(op, Isa.WITH_N) && w.bits(Isa.N_LSB, Isa.N_WIDTH) == 0;
        return false;
    }

    function region(Word w) private pure returns (uint256) {
        return w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
    }

    function readable(uint256 code) private pure returns (bool) {
        return code == Isa.TREE_CONST || code == Isa.TREE_INPUT || writable(code);
    }

    function writable(uint256 code) private pure returns (bool) {
        return code == Isa.TREE_WORK || code == Isa.TREE_OUTPUT;
    }

    /// @dev ARGMAX carries its results from row to row in registers, so nothing else may come from them.
    function resultsAreApart(Word w) private pure returns (bool) {
        uint256 rd = w.bits(Isa.RD_LSB, Isa.RD_WIDTH);
        uint256 rv = w.bits(Isa.RV_LSB, Isa.RV_WIDTH);
        // A set of registers: bit x is register x. With csel 0, creg is x0, which no result may be anyway.
        uint256 read = 1 << w.bits(Isa.A_LSB + Isa.OPERAND_REG_LSB, Isa.OPERAND_REG_WIDTH);
        read |= 1 << w.bits(Isa.I_REG_LSB, Isa.I_REG_WIDTH);
        read |= 1 << w.bits(Isa.LP_LSB + Isa.LOOP_CREG_LSB, Isa.LOOP_CREG_WIDTH);
        return rd != rv && (read | 1) & (1 << rd | 1 << rv) == 0;
    }

    function countsInRange(Word w, uint256 op, Counts memory c, Regs memory regs) private pure returns (bool) {
        uint256 most = type(uint16).max;
        if (!(inRange(c.n0, most) && inRange(c.n1, most) && inRange(c.kt, most) && inRange(c.n, Isa.LANES))) {
            return false;
        }
        if (op == Isa.OP_MATMUL) return inRange(w.bits(Isa.K_LSB, Isa.K_WIDTH), Isa.LANES);
        return op != Isa.OP_GATHER || inRange(Frame.entries(w, regs), Isa.MAX_ENTRIES);
    }

    function inRange(uint256 count, uint256 most) private pure returns (bool) {
        return count >= 1 && count <= most;
    }

    /// @dev Judges every operand.
    function operands(Verdict memory v, Word w, uint256 op, Counts memory c, Regs memory regs, Profile p) private pure {
        if (Frame.isIn(op, Isa.GROUP_MATRIX)) {
            destination(v, ACC, Frame.near(w, Isa.D_LSB, regs), c, p);
            source(v, SPAD, Frame.taps(w, regs), c, p, 1);
            source(v, SPAD, Frame.weights(w, regs), c, p, op == Isa.OP_MATMUL ? Isa.TILE_ROWS : 1);
        } else if (Frame.isIn(op, Isa.GROUP_MOVE)) {
            moves(v, w, op, c, regs, p);
        } else if (Frame.isIn(op, Isa.GROUP_VECTOR32)) {
            vector32(v, w, op, c, regs, p);
        } else if (Frame.isIn(op, Isa.GROUP_VECTOR8)) {
            vector8(v, w, op, c, regs, p);
        } else if (op == Isa.OP_ARGMAX) {
            source(v, ACC, Frame.near(w, Isa.A_LSB, regs), c, p, 1);
        } else if (op == Isa.OP_LW || op == Isa.OP_SW) {
            int256 row = int256(Frame.dramWord(w, regs) / Lanes.WORDS);
            bound(v, region(w), row, row, p);
        }
    }

    function moves(Verdict memory v, Word w, uint256 op, Counts memory c, Regs memory regs, Profile p) private pure {
        Affine memory d = Frame.near(w, Isa.D_LSB, regs);
        if (op == Isa.OP_GATHER) {
            ordered(v, SPAD, d, c, p);
            gather(v, w, c, regs, p);
            return;
        }
        if (op == Isa.OP_MOVE) {
            ordered(v, SPAD, d, c, p);
            (int256 lo, int256 hi) = hull(Frame.far(w, regs), c, c.n);
            (lo, hi) = (lo >> 5, hi >> 5);
            bound(v, SPAD, lo, hi, p);
            if (meets(v, SPAD, lo, hi)) v.overlap = true;
            // A run past the end of the row that it writes is out of bounds.
            if (w.bits(Isa.OFFSET_LSB, Isa.OFFSET_WIDTH) + c.n > Isa.LANES) v.outside = true;
            return;
        }
        bool row32 = w.flag(Isa.SPACE_LSB);
        uint256 chip = row32 ? ACC : SPAD;
        uint256 align = row32 ? Isa.ROW32_LEAVES : 1;
        if (op == Isa.OP_STORE) {
            Affine memory m = Frame.far(w, regs);
            source(v, region(w), m, c, p, align);
            if (folds(m, c)) v.overlap = true;
            source(v, chip, d, c, p, 1);
        } else {
            ordered(v, chip, d, c, p);
            if (op == Isa.OP_LOAD) source(v, region(w), Frame.far(w, regs), c, p, align);
        }
    }

    /// @dev The entries that the limit allows, whatever the indices are; and the rows of indices.
    function gather(Verdict memory v, Word w, Counts memory c, Regs memory regs, Profile p) private pure {
        source(v, region(w), Frame.far(w, regs), Counts(Frame.entries(w, regs), c.n1, 1, 1), p, 1);
        int256 first = int256(w.bits(Isa.INDEX_LSB, Isa.INDEX_WIDTH));
        int256 last = first + int256((c.n0 - 1) / Lanes.WORDS);
        bound(v, SPAD, first, last, p);
        if (meets(v, SPAD, first, last)) v.overlap = true;
    }

    function vector32(Verdict memory v, Word w, uint256 op, Counts memory c, Regs memory regs, Profile p) private pure {
        destination(v, ACC, Frame.near(w, Isa.D_LSB, regs), c, p);
        Affine memory a = Frame.near(w, Isa.A_LSB, regs);
        if (op == Isa.OP_LUT32) {
            source(v, SPAD, a, c, p, 1);
            source(v, SPAD, Frame.near(w, Isa.B_LSB, regs), c, p, Isa.TILE_ROWS);
            return;
        }
        inPlace(v, ACC, a, c, p);
        if (!Frame.isIn(op, Isa.WITH_FORM)) return;
        uint256 form = w.bits(Isa.FORM_LSB, Isa.FORM_WIDTH);
        if (form == Isa.FORM_ADDRESS) return;
        Affine memory b = Frame.near(w, Isa.B_LSB, regs);
        if (form == Isa.FORM_ROW8) source(v, SPAD, b, c, p, 1);
        else inPlace(v, ACC, b, c, p);
    }

    function vector8(Verdict memory v, Word w, uint256 op, Counts memory c, Regs memory regs, Profile p) private pure {
        destination(v, SPAD, Frame.near(w, Isa.D_LSB, regs), c, p);
        if (op == Isa.OP_MAXQ) {
            source(v, SPAD, Frame.taps(w, regs), c, p, 1);
            return;
        }
        Affine memory a = Frame.near(w, Isa.A_LSB, regs);
        if (op == Isa.OP_TRANS) {
            source(v, SPAD, a, c, p, Isa.TILE_ROWS);
            return;
        }
        Affine memory b = Frame.near(w, Isa.B_LSB, regs);
        if (op == Isa.OP_REQUANT) source(v, ACC, a, c, p, 1);
        else inPlace(v, SPAD, a, c, p);
        if (op == Isa.OP_ADDQ) {
            inPlace(v, SPAD, b, c, p);
            source(v, SPAD, Frame.parameters(w, regs), c, p, 1);
        } else {
            source(v, SPAD, b, c, p, Isa.PARAM_ROWS);
        }
    }

    /// @dev Written in any order of rows: must not meet itself.
    function destination(Verdict memory v, uint256 space, Affine memory a, Counts memory c, Profile p) private pure {
        ordered(v, space, a, c, p);
        if (folds(a, c)) v.overlap = true;
    }

    /// @dev Written as if in order: may meet itself.
    function ordered(Verdict memory v, uint256 space, Affine memory a, Counts memory c, Profile p) private pure {
        (v.lo, v.hi) = hull(a, c, 1);
        (v.space, v.to) = (space, a);
        bound(v, space, v.lo, v.hi, p);
    }

    /// @dev Read: must not meet the destination.
    function source(Verdict memory v, uint256 space, Affine memory a, Counts memory c, Profile p, uint256 align)
        private
        pure
    {
        if ((a.start | a.s0 | a.s1 | a.sk) & int256(align - 1) != 0) v.misaligned = true;
        (int256 lo, int256 hi) = hull(a, c, align);
        bound(v, space, lo, hi, p);
        if (meets(v, space, lo, hi)) v.overlap = true;
    }

    /// @dev Read row by row before the same row is written: may also be identical to the destination.
    function inPlace(Verdict memory v, uint256 space, Affine memory a, Counts memory c, Profile p) private pure {
        (int256 lo, int256 hi) = hull(a, c, 1);
        bound(v, space, lo, hi, p);
        bool identical = a.start == v.to.start && a.s0 == v.to.s0 && a.s1 == v.to.s1;
        if (!identical && meets(v, space, lo, hi)) v.overlap = true;
    }

    /// @dev BOUNDS: whether a hull leaves its space.
    function bound(Verdict memory v, uint256 space, int256 lo, int256 hi, Profile p) private pure {
        uint256 log2 =
            space == SPAD ? p.size(Isa.PROFILE_SPAD_LSB) : space == ACC ? p.size(Isa.PROFILE_ACC_LSB) : p.depth(space);
        if (lo < 0 || hi >> log2 != 0) v.outside = true;
    }

    function meets(Verdict memory v, uint256 space, int256 lo, int256 hi) private pure returns (bool) {
        return space == v.space && v.lo <= hi && lo <= v.hi;
    }

    /// @dev The smallest and largest of the rows, `width` from each address on.
    function hull(Affine memory a, Counts memory c, uint256 width) private pure returns (int256 lo, int256 hi) {
        unchecked {
            (lo, hi) = (a.start, a.start + int256(width) - 1);
            (lo, hi) = extend(lo, hi, c.n0, a.s0);
            (lo, hi) = extend(lo, hi, c.n1, a.s1);
            (lo, hi) = extend(lo, hi, c.kt, a.sk);
        }
    }

    function extend(int256 lo, int256 hi, uint256 count, int256 stride) private pure returns (int256, int256) {
        unchecked {
            int256 by = int256(count - 1) * stride;
            return by < 0 ? (lo + by, hi) : (lo, hi + by);
        }
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
