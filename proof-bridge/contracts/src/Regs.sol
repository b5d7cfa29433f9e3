// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "./Isa.sol";
import {Tree} from "./Tree.sol";
import {Word} from "./Word.sol";

/// @notice Control and scalar registers. Registers x0..x7 and x8..x15 stay packed as in their leaves.
struct Regs {
    uint256 pc;
    uint256 status;
    uint256 row;
    uint256 steps;
    uint256[2] x;
}

/// @title The `regs` sub-tree.
library RegsLib {
    /// @notice From the four leaves at a calldata offset; bits without meaning are dropped.
    function load(uint256 leaves) internal pure returns (Regs memory regs) {
        Word control;
        uint256 low;
        uint256 high;
        assembly ("memory-safe") {
            control := calldataload(leaves)
            low := calldataload(add(leaves, 0x20))
            high := calldataload(add(leaves, 0x40))
        }
        regs.pc = control.bits(Isa.CONTROL_PC_LSB, Isa.CONTROL_PC_WIDTH);
        regs.status = control.bits(Isa.CONTROL_STATUS_LSB, Isa.CONTROL_STATUS_WIDTH);
        regs.row = control.bits(Isa.CONTROL_ROW_LSB, Isa.CONTROL_ROW_WIDTH);
        regs.steps = control.bits(Isa.CONTROL_STEPS_LSB, Isa.CONTROL_STEPS_WIDTH);
        regs.x[0] = low;
        regs.x[1] = high;
    }

    /// @notice The root of the sub-tree.
    function root(Regs memory regs) internal view returns (bytes32) {
        uint256 control = regs.pc << Isa.CONTROL_PC_LSB | regs.status << Isa.CONTROL_STATUS_LSB | regs.row
            << Isa.CONTROL_ROW_LSB | regs.steps << Isa.CONTROL_STEPS_LSB;
        bytes32 left = Tree.pair(bytes32(control), bytes32(regs.x[0]));
        return Tree.pair(left, Tree.pair(bytes32(regs.x[1]), 0));
    }

    /// @notice The root for a machine that has halted.
    function halted(uint256 status, uint256 steps) internal view returns (bytes32) {
        Regs memory regs;
        regs.status = status;
        regs.steps = steps;
        return root(regs);
    }

    /// @notice x[index].
    function get(Regs memory regs, uint256 index) internal pure returns (uint256) {
        return uint32(regs.x[index >> 3] >> (32 * (index & 7)));
    }

    /// @notice x[index] = value; x0 stays 0.
    function set(Regs memory regs, uint256 index, uint256 value) internal pure {
        if (index == 0) return;
        uint256 lsb = 32 * (index & 7);
        uint256 rest = regs.x[index >> 3] & ~(uint256(type(uint32).max) << lsb);
        regs.x[index >> 3] = rest | uint256(uint32(value)) << lsb;
    }
}
