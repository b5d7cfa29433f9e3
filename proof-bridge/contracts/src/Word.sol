// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "./Isa.sol";

/// @notice A 32-byte word whose fields are bits counted from its lowest.
type Word is uint256;

using WordLib for Word global;

/// @title Fields of words.
library WordLib {
    /// @notice Bits lsb .. lsb + width.
    function bits(Word w, uint256 lsb, uint256 width) internal pure returns (uint256) {
        return (Word.unwrap(w) >> lsb) & ((1 << width) - 1);
    }

    /// @notice The same as a two's complement number.
    function signedBits(Word w, uint256 lsb, uint256 width) internal pure returns (int256) {
        return int256(Word.unwrap(w) << (256 - lsb - width)) >> (256 - width);
    }

    /// @notice Whether a one-bit field is set.
    function flag(Word w, uint256 lsb) internal pure returns (bool) {
        return bits(w, lsb, 1) != 0;
    }
}

/// @notice The profile leaf: step limit and log2 sizes.
type Profile is uint256;

using ProfileLib for Profile global;

/// @title The profile leaf of `head`.
library ProfileLib {
    function limit(Profile p) internal pure returns (uint256) {
        return uint64(Profile.unwrap(p) >> Isa.PROFILE_LIMIT_LSB);
    }

    function size(Profile p, uint256 lsb) internal pure returns (uint256) {
        return uint8(Profile.unwrap(p) >> lsb);
    }

    /// @notice Depth of `onchip`: spad in its lower half, acc in its upper.
    function onchip(Profile p) internal pure returns (uint256) {
        uint256 spad = size(p, Isa.PROFILE_SPAD_LSB);
        uint256 acc = size(p, Isa.PROFILE_ACC_LSB) + 2;
        return (spad > acc ? spad : acc) + 1;
    }

    /// @notice Depth of a sub-tree.
    function depth(Profile p, uint256 tree) internal pure returns (uint256) {
        if (tree == Isa.TREE_TEXT) return size(p, Isa.PROFILE_TEXT_LSB);
        if (tree == Isa.TREE_CONST) return size(p, Isa.PROFILE_CONST_LSB);
        if (tree == Isa.TREE_INPUT) return size(p, Isa.PROFILE_INPUT_LSB);
        if (tree == Isa.TREE_ONCHIP) return onchip(p);
        if (tree == Isa.TREE_WORK) return size(p, Isa.PROFILE_WORK_LSB);
        if (tree == Isa.TREE_OUTPUT) return size(p, Isa.PROFILE_OUTPUT_LSB);
        return 2;
    }

    /// @notice Whether every size is within what addresses can name, and no other bit is set.
    function isValid(Profile p) internal pure returns (bool) {
        return size(p, Isa.PROFILE_TEXT_LSB) <= Isa.MAX_DRAM_LOG2 && size(p, Isa.PROFILE_CONST_LSB) <= Isa.MAX_DRAM_LOG2
            && size(p, Isa.PROFILE_INPUT_LSB) <= Isa.MAX_DRAM_LOG2 && size(p, Isa.PROFILE_WORK_LSB) <= Isa.MAX_DRAM_LOG2
            && size(p, Isa.PROFILE_OUTPUT_LSB) <= Isa.MAX_DRAM_LOG2
            && size(p, Isa.PROFILE_SPAD_LSB) <= Isa.MAX_ONCHIP_LOG2
            && size(p, Isa.PROFILE_ACC_LSB) <= Isa.MAX_ONCHIP_LOG2
            && Profile.unwrap(p) >> (Isa.PROFILE_ACC_LSB + 8) == 0;
    }
}
