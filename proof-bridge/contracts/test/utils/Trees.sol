// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Base} from "./Base.sol";

/// @notice A whole machine state for tests, and the witness of a list of accesses to it. Written from docs/machine.md alone:
/// nothing of `src` is used, so that a mistake there is not repeated here.
/// @dev Leaves that were not set hold `filler`.
abstract contract Trees is Base {
    uint256 internal constant HEAD = 0;
    uint256 internal constant TEXT = 1;
    uint256 internal constant CONST = 2;
    uint256 internal constant INPUT = 3;
    uint256 internal constant REGS = 4;
    uint256 internal constant ONCHIP = 5;
    uint256 internal constant WORK = 6;
    uint256 internal constant OUTPUT = 7;

    uint256[8] internal depths;
    bytes internal witness;
    bytes32[] private fillers;
    mapping(uint256 tree => mapping(uint256 height => mapping(uint256 index => bytes32))) private nodes;
    mapping(uint256 tree => mapping(uint256 height => mapping(uint256 index => bool))) private known;

    uint256 internal spadLog2;
    uint256 internal accLog2;
    uint64 internal limit;

    struct Sizes {
        uint8 text;
        uint8 constant_;
        uint8 input;
        uint8 work;
        uint8 output;
        uint8 spad;
        uint8 acc;
    }

    /// @dev A machine of these sizes with zero registers; every other leaf holds `filler`.
    function build(Sizes memory s, uint64 limit_, bytes32 filler) internal {
        (spadLog2, accLog2, limit) = (s.spad, s.acc, limit_);
        uint256 onchip = (s.spad > s.acc + 2 ? s.spad : s.acc + 2) + 1;
        depths = [2, s.text, s.constant_, s.input, 2, onchip, s.work, s.output];
        delete fillers;
        fillers.push(filler);
        for (uint256 h = 0; h < 34; h++) {
            fillers.push(sha(fillers[h], fillers[h]));
        }
        uint256 profile = limit_ | uint256(s.text) << 64 | uint256(s.constant_) << 72 | uint256(s.input) << 80
            | uint256(s.work) << 88 | uint256(s.output) << 96 | uint256(s.spad) << 104 | uint256(s.acc) << 112;
        set(HEAD, 0, 0);
        set(HEAD, 1, profile);
        set(HEAD, 2, uint256(keccak256("metadata")));
        set(HEAD, 3, 0);
        for (uint256 i = 0; i < 4; i++) {
            set(REGS, i, 0);
        }
    }

    function set(uint256 tree, uint256 index, uint256 leaf) internal {
        nodes[tree][0][index] = bytes32(leaf);
        known[tree][0][index] = true;
        for (uint256 h = 0; h < depths[tree]; h++) {
            index >>= 1;
            nodes[tree][h + 1][index] = sha(node(tree, h, 2 * index), node(tree, h, 2 * index + 1));
            known[tree][h + 1][index] = true;
        }
    }

    /// @dev Makes a tree all zeros: only its root is right afterwards.
    function clear(uint256 tree) internal {
        bytes32 z;
        for (uint256 h = 0; h < depths[tree]; h++) {
            z = sha(z, z);
        }
        nodes[tree][depths[tree]][0] = z;
        known[tree][depths[tree]][0] = true;
    }

    function setControl(uint256 pc, uint256 status, uint256 row, uint256 steps) internal {
        set(REGS, 0, pc | status << 32 | row << 64 | steps << 128);
    }

    function setX(uint256 i, uint256 value) internal {
        uint256 lsb = 32 * (i % 8);
        uint256 leaf = get(REGS, 1 + i / 8);
        set(REGS, 1 + i / 8, (leaf & ~(uint256(type(uint32).max) << lsb)) | value << lsb);
    }

    /// @dev A row32 at acc row `row`.
    function setAcc(uint256 row, int32[32] memory lanes) internal {
        uint256[4] memory leaves = row32(lanes);
        for (uint256 r = 0; r < 4; r++) {
            set(ONCHIP, accLeaf(row) + r, leaves[r]);
        }
    }

    function accLeaf(uint256 row) internal view returns (uint256) {
        return (1 << (depths[ONCHIP] - 1)) + 4 * row;
    }

    function get(uint256 tree, uint256 index) internal view returns (uint256) {
        return uint256(node(tree, 0, index));
    }

    function node(uint256 tree, uint256 height, uint256 index) internal view returns (bytes32) {
        return known[tree][height][index] ? nodes[tree][height][index] : fillers[height];
    }

    function rootOf(uint256 tree) internal view returns (bytes32) {
        return node(tree, depths[tree], 0);
    }

    function stateRoot() internal view returns (bytes32) {
        bytes32 left = sha(sha(rootOf(0), rootOf(1)), sha(rootOf(2), rootOf(3)));
        return sha(left, sha(sha(rootOf(4), rootOf(5)), sha(rootOf(6), rootOf(7))));
    }

    /// @dev Begins a witness: the eight roots, regs.
    function begin() internal {
        witness = "";
        for (uint256 tree = 0; tree < 8; tree++) {
            witness = bytes.concat(witness, rootOf(tree));
        }
        proveRead(REGS, 0, 2);
    }

    /// @dev What every running micro-step reads: regs, profile, instruction.
    function beginRunning() internal {
        begin();
        proveRead(HEAD, 1, 0);
        proveRead(TEXT, uint32(get(REGS, 0)), 0);
    }

    function proveRead(uint256 tree, uint256 index, uint256 height) internal {
        for (uint256 i = 0; i < 1 << height; i++) {
            witness = bytes.concat(witness, node(tree, 0, index + i));
        }
        proveSiblings(tree, index, height);
    }

    function proveOverwrite(uint256 tree, uint256 index, uint256 height) internal {
        witness = bytes.concat(witness, node(tree, height, index >> height));
        proveSiblings(tree, index, height);
    }

    function proveSiblings(uint256 tree, uint256 index, uint256 height) private {
        for (uint256 h = height; h < depths[tree]; h++) {
            witness = bytes.concat(witness, node(tree, h, (index >> h) ^ 1));
        }
    }

    function row32(int32[32] memory lanes) internal pure returns (uint256[4] memory leaves) {
        for (uint256 lane = 0; lane < 32; lane++) {
            leaves[lane % 4] |= uint256(uint32(lanes[lane])) << (224 - 32 * (lane / 4));
        }
    }

    function row8(int8[32] memory lanes) internal pure returns (uint256 leaf) {
        for (uint256 lane = 0; lane < 32; lane++) {
            leaf |= uint256(uint8(lanes[lane])) << (248 - 8 * lane);
        }
    }

    function lane8(uint256 leaf, uint256 lane) internal pure returns (int256) {
        return int8(uint8(leaf >> (248 - 8 * lane)));
    }

    function sha(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return sha256(abi.encode(a, b));
    }
}
