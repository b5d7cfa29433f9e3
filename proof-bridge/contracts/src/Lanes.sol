// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Arithmetic on the 32 lanes of row8 and row32 words.
/// @notice Leaf r of a row32 holds lanes r, r + 4, .., r + 28 as eight big-endian 32-bit fields, so
/// (w >> (24 - 8r)) & BYTES spreads eight weights of a row8 word `w` into the fields of leaf r.
library Lanes {
    /// The low byte of each field.
    uint256 private constant BYTES = 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff;
    /// 1 in each field: times a 32-bit value, that value in each.
    uint256 private constant ONES = 0x0000000100000001000000010000000100000001000000010000000100000001;
    /// 128 in each byte: xor turns an int8 w into the unsigned w + 128.
    uint256 private constant BIAS = 0x8080808080808080808080808080808080808080808080808080808080808080;
    /// Every other field, with room for a carry beside it.
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    /// Above the magnitude of any sum of 32 products: keeps the fields of a running sum from borrowing.
    uint256 private constant OFFSET = 1 << 24;

    /// @notice x + y + z in each 32-bit field, with wrap.
    function add3(uint256 x, uint256 y, uint256 z) internal pure returns (uint256) {
        unchecked {
            uint256 even = (x & EVEN) + (y & EVEN) + (z & EVEN);
            uint256 odd = (x >> 32 & EVEN) + (y >> 32 & EVEN) + (z >> 32 & EVEN);
            return (even & EVEN) | (odd & EVEN) << 32;
        }
    }

    /// @notice The fields of leaf r that are lanes below n, all ones.
    function live(uint256 n, uint256 r) internal pure returns (uint256) {
        if (n <= r) return 0;
        uint256 fields = (n - r + 3) / 4;
        return fields >= 8 ? type(uint256).max : ~(type(uint256).max >> (32 * fields));
    }

    /// @notice p[j] = sum over i < k of a[i] * w[i][j] for j < n, else 0, as the four leaves of a row32.
    /// @param a a row8 of activations
    /// @param tile calldata offset of 32 row8 of weights
    /// @param k at most 32
    /// @param n at most 32
    /// @dev With u = w + 128 the 256-bit sum of a * u over fields is exact as one integer, though its fields borrow; adding
    /// OFFSET to each makes all fields positive, so that they stand apart: a field is sum(a * w) + 128 * sum(a) + OFFSET,
    /// whose magnitude is below 32 * 128 * 255 + OFFSET < 2^25.
    function matmul(uint256 a, uint256 tile, uint256 k, uint256 n) internal pure returns (uint256[4] memory p) {
        (uint256 p0, uint256 p1, uint256 p2, uint256 p3) = (OFFSET * ONES, OFFSET * ONES, OFFSET * ONES, OFFSET * ONES);
        uint256 sum;
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, k) { i := add(i, 1) } {
                let x := signextend(0, byte(i, a))
                let u := xor(calldataload(add(tile, shl(5, i))), BIAS)
                sum := add(sum, x)
                p0 := add(p0, mul(x, and(shr(24, u), BYTES)))
                p1 := add(p1, mul(x, and(shr(16, u), BYTES)))
                p2 := add(p2, mul(x, and(shr(8, u), BYTES)))
                p3 := add(p3, mul(x, and(u, BYTES)))
            }
        }
        unchecked {
            uint256 less = uint256(uint32(0 - (sum * 128 + OFFSET))) * ONES;
            p[0] = add3(p0, less, 0) & live(n, 0);
            p[1] = add3(p1, less, 0) & live(n, 1);
            p[2] = add3(p2, less, 0) & live(n, 2);
            p[3] = add3(p3, less, 0) & live(n, 3);
        }
    }

    /// @notice Lane `lane` of a row32 at a calldata offset, as 32 bits.
    function lane32(uint256 row32, uint256 lane) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            let leaf := calldataload(add(row32, shl(5, and(lane, 3))))
            value := and(shr(sub(224, shl(5, shr(2, lane))), leaf), 0xffffffff)
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

    /// @notice clamp(rne(((sum + bias) mod 2^32) * m, s) + zp, lo, hi) in each lane below n, else 0.
    /// @param sums calldata offset of a row32
    /// @param block_ calldata offset of a parameter block: bias row32, then a row32 of s << 24 | m
    function requant(uint256 sums, uint256 block_, uint256 n, int256 zp, int256 lo, int256 hi)
        internal
        pure
        returns (uint256 row8)
    {
        unchecked {
            for (uint256 lane = 0; lane < n; lane++) {
                int256 biased = int32(uint32(lane32(sums, lane) + lane32(block_, lane)));
                uint256 scale = lane32(block_ + 128, lane);
                int256 y = rne(biased * int256(scale & 0xffffff), (scale >> 24) & 63) + zp;
                y = y < lo ? lo : y;
                y = y > hi ? hi : y;
                row8 |= uint256(uint8(int8(y))) << (248 - 8 * lane);
            }
        }
    }

    /// @notice The larger of x and y in each int8 lane.
    function max8(uint256 x, uint256 y) internal pure returns (uint256 row8) {
        unchecked {
            for (uint256 lsb = 0; lsb < 256; lsb += 8) {
                (int8 a, int8 b) = (int8(uint8(x >> lsb)), int8(uint8(y >> lsb)));
                row8 |= uint256(uint8(a > b ? a : b)) << lsb;
            }
        }
    }

    /// @notice `row` with bytes to .. to + n replaced by bytes from .. from + n of the 64 bytes first ‖ second.
    /// @dev n is cut to what fits the row.
    function splice(uint256 row, uint256 to, uint256 first, uint256 second, uint256 from, uint256 n)
        internal
        pure
        returns (uint256)
    {
        uint256 run = first << (8 * from) | second >> (256 - 8 * from);
        uint256 mask = (n >= 32 ? type(uint256).max : ~(type(uint256).max >> (8 * n))) >> (8 * to);
        return (row & ~mask) | ((run >> (8 * to)) & mask);
    }
}
