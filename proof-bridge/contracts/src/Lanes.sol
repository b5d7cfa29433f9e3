// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Lanes of row8 and row32 words.
/// @notice Leaf r of a row32 holds lanes r, r + 4, .., r + 28 as eight big-endian 32-bit fields.
library Lanes {
    /// 1 in each field: times a 32-bit value, that value in each.
    uint256 internal constant ONES = 0x0000000100000001000000010000000100000001000000010000000100000001;
    /// Words in a row.
    uint256 internal constant WORDS = 8;
    /// Every other field, with room for a carry beside it.
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

    /// @notice x + y in each 32-bit field, with wrap.
    function add(uint256 x, uint256 y) internal pure returns (uint256) {
        unchecked {
            uint256 even = (x & EVEN) + (y & EVEN);
            uint256 odd = (x >> 32 & EVEN) + (y >> 32 & EVEN);
            return (even & EVEN) | (odd & EVEN) << 32;
        }
    }

    /// @notice The fields of leaf r that are lanes below n, all ones.
    function live(uint256 n, uint256 r) internal pure returns (uint256) {
        unchecked {
            if (n <= r) return 0;
            uint256 fields = (n - r + 3) / 4;
            return fields >= 8 ? type(uint256).max : ~(type(uint256).max >> (32 * fields));
        }
    }

    /// @notice Leaf r of a row32 at a calldata offset.
    function leafAt(uint256 row32, uint256 r) internal pure returns (uint256 leaf) {
        assembly ("memory-safe") {
            leaf := calldataload(add(row32, shl(5, r)))
        }
    }

    /// @notice Lane `lane` of a row32 at a calldata offset, as 32 bits.
    function bits32(uint256 row32, uint256 lane) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            let leaf := calldataload(add(row32, shl(5, and(lane, 3))))
            value := and(shr(sub(224, shl(5, shr(2, lane))), leaf), 0xffffffff)
        }
    }

    /// @notice The same as a number.
    function lane32(uint256 row32, uint256 lane) internal pure returns (int256) {
        return signed32(bits32(row32, lane));
    }

    /// @notice Lane `lane` of a row8.
    function lane8(uint256 row8, uint256 lane) internal pure returns (int256 value) {
        assembly ("memory-safe") {
            value := signextend(0, byte(lane, row8))
        }
    }

    /// @notice Sets a lane of a row32 that is still 0 to the low 32 bits of `value`.
    function put32(uint256[4] memory row32, uint256 lane, uint256 value) internal pure {
        assembly ("memory-safe") {
            let at := add(row32, shl(5, and(lane, 3)))
            mstore(at, or(mload(at), shl(sub(224, shl(5, shr(2, lane))), and(value, 0xffffffff))))
        }
    }

    /// @notice A row8 of zeros but for the low byte of `value` in lane `lane`.
    function at8(uint256 lane, uint256 value) internal pure returns (uint256) {
        unchecked {
            return uint256(uint8(value)) << (248 - 8 * lane);
        }
    }

    /// @notice Byte e of a table at a calldata offset.
    function entry8(uint256 table, uint256 e) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(248, calldataload(add(table, e)))
        }
    }

    /// @notice Word e of a table at a calldata offset.
    function entry32(uint256 table, uint256 e) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(224, calldataload(add(table, shl(2, e))))
        }
    }

    /// @notice The lowest bit of word `index` of a row, which counts from the highest word.
    function wordLsb(uint256 index) internal pure returns (uint256) {
        unchecked {
            return 224 - 32 * (index % WORDS);
        }
    }

    /// @notice The low 32 bits as a two's complement number.
    function signed32(uint256 bits) internal pure returns (int256 value) {
        assembly ("memory-safe") {
            value := signextend(3, bits)
        }
    }

    /// @notice x / 2^shift to nearest, ties to even. |x| < 2^254, shift <= 63.
    function rne(int256 x, uint256 shift) internal pure returns (int256) {
        if (shift == 0) return x;
        unchecked {
            int256 odd = (x >> shift) & 1;
            return (x + int256(1 << (shift - 1)) - 1 + odd) >> shift;
        }
    }

    /// @notice min(max(x, lo), hi)
    function clamp(int256 x, int256 lo, int256 hi) internal pure returns (int256) {
        x = x < lo ? lo : x;
        return x > hi ? hi : x;
    }
}
