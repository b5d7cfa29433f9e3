// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Frame} from "../Frame.sol";
import {Isa} from "../Isa.sol";
import {Lanes} from "../Lanes.sol";
import {Machine, MachineLib} from "../Machine.sol";
import {Place, Tree, Witness} from "../Tree.sol";
import {Word} from "../Word.sol";

/// @title Rows between DRAM and the chip, and inside spad. The twin of isa/src/ops/rows.rs.
library Rows {
    using MachineLib for Machine;
    using Tree for Witness;

    function execute(Machine memory m, Word w, uint256 op) internal view {
        if (op == Isa.OP_LOAD) load(m, w);
        else if (op == Isa.OP_STORE) store(m, w);
        else if (op == Isa.OP_GATHER) gather(m, w);
        else if (op == Isa.OP_MOVE) shift(m, w);
        else fill(m, w);
    }

    function load(Machine memory m, Word w) private view {
        uint256 region = w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
        uint256 height = w.flag(Isa.SPACE_LSB) ? 2 : 0;
        (uint256 leaves,) = m.state.read(region, m.profile.depth(region), m.far(w), height);
        m.overwrite(onchipLeaf(m, w, height), height, Tree.nodeOfCalldata(leaves, height));
    }

    function store(Machine memory m, Word w) private view {
        uint256 region = w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
        uint256 height = w.flag(Isa.SPACE_LSB) ? 2 : 0;
        (uint256 leaves,) = m.read(onchipLeaf(m, w, height), height);
        m.state.overwrite(region, m.profile.depth(region), m.far(w), height, Tree.nodeOfCalldata(leaves, height));
    }

    /// @dev The leaf of `onchip` that d names: height 0 a row of spad, 2 a row32 of acc.
    function onchipLeaf(Machine memory m, Word w, uint256 height) private pure returns (uint256) {
        uint256 row = m.near(w, Isa.D_LSB);
        return height == 0 ? row : m.accLeaf(row);
    }

    function gather(Machine memory m, Word w) private view {
        uint256 i0 = m.at.i0;
        (uint256 indices,) = m.readRow(w.bits(Isa.INDEX_LSB, Isa.INDEX_WIDTH) + i0 / Lanes.WORDS);
        uint256 entry = uint32(indices >> Lanes.wordLsb(i0));
        uint256 entries = Frame.entries(w, m.regs);
        // An admitted limit is at least 1.
        if (entry >= entries) entry = entries == 0 ? 0 : entries - 1;
        uint256 region = w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
        // The entry takes the place of i0 for m, not for d.
        m.at.i0 = entry;
        uint256 row = m.far(w);
        m.at.i0 = i0;
        (uint256 leaf,) = m.state.readLeaf(region, m.profile.depth(region), row);
        m.overwrite(m.near(w, Isa.D_LSB), 0, bytes32(leaf));
    }

    function shift(Machine memory m, Word w) private view {
        uint256 byte_ = m.far(w);
        uint256 row = byte_ >> 5;
        uint256 from = byte_ & 31;
        uint256 second;
        (uint256 first,) = m.readRow(row);
        if (from + m.counts.n > 32) (second,) = m.readRow(row + 1);
        (uint256 old, Place memory to) = m.readRow(m.near(w, Isa.D_LSB));
        uint256 offset = w.bits(Isa.OFFSET_LSB, Isa.OFFSET_WIDTH);
        m.update(to, bytes32(splice(old, offset, first, second, from, m.counts.n)));
    }

    /// @dev `row` with bytes to .. to + n replaced by bytes from .. from + n of the 64 bytes first ‖ second. n is cut to what
    /// fits the row.
    function splice(uint256 row, uint256 to, uint256 first, uint256 second, uint256 from, uint256 n)
        private
        pure
        returns (uint256)
    {
        uint256 run = first << (8 * from) | second >> (256 - 8 * from);
        uint256 mask = (n >= 32 ? type(uint256).max : ~(type(uint256).max >> (8 * n))) >> (8 * to);
        return (row & ~mask) | ((run >> (8 * to)) & mask);
    }

    function fill(Machine memory m, Word w) private view {
        uint256 imm = w.bits(Isa.IMM_LSB, Isa.IMM_WIDTH);
        if (w.flag(Isa.SPACE_LSB)) {
            bytes32 node = bytes32(imm * Lanes.ONES);
            node = Tree.pair(node, node);
            m.overwrite(onchipLeaf(m, w, 2), 2, Tree.pair(node, node));
        } else {
            m.overwrite(onchipLeaf(m, w, 0), 0, bytes32(uint256(uint8(imm)) * (type(uint256).max / type(uint8).max)));
        }
    }
}
