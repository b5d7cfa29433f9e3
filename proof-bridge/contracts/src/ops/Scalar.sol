// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Frame} from "../Frame.sol";
import {Isa} from "../Isa.sol";
import {Lanes} from "../Lanes.sol";
import {Machine} from "../Machine.sol";
import {Regs, RegsLib} from "../Regs.sol";
import {Place, Tree, Witness} from "../Tree.sol";
import {Word} from "../Word.sol";

/// @title Registers, branches, words of DRAM. The twin of isa/src/ops/scalar.rs and words.rs.
library Scalar {
    using RegsLib for Regs;
    using Tree for Witness;

    /// @notice Does an instruction of the control group; answers the pc that follows it. MARK does nothing.
    function execute(Machine memory m, Word w, uint256 op, uint256 next) internal view returns (uint256) {
        if (op == Isa.OP_MARK) return next;
        if (op == Isa.OP_SW) {
            store(m, w);
            return next;
        }
        Regs memory regs = m.regs;
        uint256 imm = w.bits(Isa.IMM_LSB, Isa.IMM_WIDTH);
        uint256 a = regs.get(w.bits(Isa.RA_LSB, Isa.RA_WIDTH));
        uint256 b = regs.get(w.bits(Isa.RB_LSB, Isa.RB_WIDTH));
        if (op == Isa.OP_BEQ) return a == b ? imm : next;
        if (op == Isa.OP_BNE) return a != b ? imm : next;
        if (op == Isa.OP_BLTU) return a < b ? imm : next;
        if (op == Isa.OP_BGEU) return a >= b ? imm : next;
        uint256 value = op == Isa.OP_LI ? imm : op == Isa.OP_LW ? load(m, w) : arithmetic(op, a, b, imm);
        regs.set(w.bits(Isa.RD_LSB, Isa.RD_WIDTH), value);
        return next;
    }

    /// @dev `a op (b + imm)` modulo 2^32.
    function arithmetic(uint256 op, uint256 a, uint256 b, uint256 imm) private pure returns (uint256) {
        unchecked {
            b = uint32(b + imm);
            if (op == Isa.OP_ADD) return uint32(a + b);
            if (op == Isa.OP_SUB) return uint32(a - b);
            if (op == Isa.OP_MUL) return uint32(a * b);
            if (op == Isa.OP_SHL) return uint32(a << (b & 31));
            if (op == Isa.OP_SHR) return a >> (b & 31);
        }
        assert(op == Isa.OP_AND);
        return a & b;
    }

    function load(Machine memory m, Word w) private view returns (uint256) {
        (uint256 leaf,, uint256 lsb) = word(m, w);
        return uint32(leaf >> lsb);
    }

    function store(Machine memory m, Word w) private view {
        (uint256 leaf, Place memory place, uint256 lsb) = word(m, w);
        uint256 value = m.regs.get(w.bits(Isa.RB_LSB, Isa.RB_WIDTH));
        m.state.update(place, bytes32((leaf & ~(uint256(type(uint32).max) << lsb)) | value << lsb));
    }

    /// @dev The row of the word at register + immediate, and the word's lowest bit in it.
    function word(Machine memory m, Word w) private view returns (uint256 leaf, Place memory place, uint256 lsb) {
        uint256 index = Frame.dramWord(w, m.regs);
        uint256 region = w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
        (leaf, place) = m.state.readLeaf(region, m.profile.depth(region), index / Lanes.WORDS);
        lsb = Lanes.wordLsb(index);
    }
}
