// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Affine, Counts, Frame, Position} from "./Frame.sol";
import {Isa} from "./Isa.sol";
import {Regs} from "./Regs.sol";
import {Place, Tree, Witness} from "./Tree.sol";
import {Profile, Word} from "./Word.sol";

/// @notice What the micro-step of one instruction works on.
struct Machine {
    Witness state;
    Regs regs;
    Counts counts;
    Position at;
    Profile profile;
}

/// @title Operands and on-chip rows of a micro-step. The twin of `Place` in isa/src/ops/mod.rs.
library MachineLib {
    using Tree for Witness;

    /// @notice The address of the on-chip operand at bit `lsb`.
    function near(Machine memory m, Word w, uint256 lsb) internal pure returns (uint256) {
        return Frame.index(Frame.near(w, lsb, m.regs), m.at);
    }

    /// @notice The address of operand m.
    function far(Machine memory m, Word w) internal pure returns (uint256) {
        return Frame.index(Frame.far(w, m.regs), m.at);
    }

    /// @notice The address of operand a of an instruction with taps.
    function taps(Machine memory m, Word w) internal pure returns (uint256) {
        return Frame.index(Frame.taps(w, m.regs), m.at);
    }

    /// @notice The address of the weights of the matrix group.
    function weights(Machine memory m, Word w) internal pure returns (uint256) {
        return Frame.index(Frame.weights(w, m.regs), m.at);
    }

    /// @notice Whether this tap begins a sum or maximum.
    function firstTap(Machine memory m, Word w) internal pure returns (bool) {
        return !w.flag(Isa.ACC_LSB) && m.at.t == 0;
    }

    /// @notice Lanes that count.
    function live(Machine memory m) internal pure returns (uint256) {
        return atMost32(m.counts.n);
    }

    /// @dev Admitted counts are; of others the arithmetic takes no more.
    function atMost32(uint256 count) internal pure returns (uint256) {
        return count > Isa.LANES ? Isa.LANES : count;
    }

    /// @notice The leaf of `onchip` where row32 `row` of acc begins.
    function accLeaf(Machine memory m, uint256 row) internal pure returns (uint256) {
        unchecked {
            return uint64((1 << (m.profile.onchip() - 1)) + Isa.ROW32_LEAVES * row);
        }
    }

    /// @notice Reads 2^height aligned rows of spad, or leaves of acc.
    function read(Machine memory m, uint256 index, uint256 height)
        internal
        view
        returns (uint256 leaves, Place memory place)
    {
        return m.state.read(Isa.TREE_ONCHIP, m.profile.onchip(), index, height);
    }

    /// @notice Reads one row of spad.
    function readRow(Machine memory m, uint256 row) internal view returns (uint256 leaf, Place memory place) {
        return m.state.readLeaf(Isa.TREE_ONCHIP, m.profile.onchip(), row);
    }

    /// @notice Reads one row32 of acc.
    function readRow32(Machine memory m, uint256 row) internal view returns (uint256 leaves, Place memory place) {
        return read(m, accLeaf(m, row), 2);
    }

    /// @notice Overwrites what is under one node of `onchip`.
    function overwrite(Machine memory m, uint256 index, uint256 height, bytes32 node) internal view {
        m.state.overwrite(Isa.TREE_ONCHIP, m.profile.onchip(), index, height, node);
    }

    /// @notice Overwrites one row32 of acc.
    function writeRow32(Machine memory m, uint256 row, uint256[4] memory lanes) internal view {
        overwrite(m, accLeaf(m, row), 2, nodeOf(lanes));
    }

    /// @notice Writes a place that was read.
    function update(Machine memory m, Place memory place, bytes32 node) internal view {
        m.state.update(place, node);
    }

    /// @notice The node over the four leaves of a row32.
    function nodeOf(uint256[4] memory leaves) internal view returns (bytes32) {
        uint256 from;
        assembly ("memory-safe") {
            from := leaves
        }
        return Tree.nodeOfMemory(from, 2);
    }
}
