// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Encodings for tests, from docs/machine.md alone.
library Asm {
    function loop(uint256 n0, uint256 n1) internal pure returns (uint256) {
        return n0 << 8 | n1 << 24;
    }

    function count(uint256 creg, uint256 csel) internal pure returns (uint256) {
        return creg << 40 | csel << 44;
    }

    function operand(uint256 lsb, uint256 base, uint256 reg, int256 s0, int256 s1) internal pure returns (uint256) {
        return (base | reg << 20 | uint256(uint16(int16(s0))) << 24 | uint256(uint16(int16(s1))) << 40) << lsb;
    }

    function d(uint256 base) internal pure returns (uint256) {
        return operand(48, base, 0, 0, 0);
    }

    function a(uint256 base) internal pure returns (uint256) {
        return operand(104, base, 0, 0, 0);
    }

    function b(uint256 base) internal pure returns (uint256) {
        return operand(160, base, 0, 0, 0);
    }

    function wide(uint256 base, uint256 reg, int256 s0, int256 s1) internal pure returns (uint256) {
        return (base | reg << 32 | uint256(uint32(int32(s0))) << 36 | uint256(uint32(int32(s1))) << 68) << 104;
    }

    function m(uint256 base) internal pure returns (uint256) {
        return wide(base, 0, 0, 0);
    }

    function region(uint256 code) internal pure returns (uint256) {
        return code << 204;
    }

    function scalar(uint256 op, uint256 rd, uint256 ra, uint256 rb, uint256 imm) internal pure returns (uint256) {
        return op | rd << 48 | ra << 52 | rb << 56 | imm << 104;
    }

    /// 1 x 1 rows, one tap, k x n live.
    function matmul(uint256 d_, uint256 a_, uint256 w_, uint256 k, uint256 n, bool acc)
        internal
        pure
        returns (uint256)
    {
        return 0x20 | loop(1, 1) | d(d_) | a(a_) | w_ << 160 | n << 216 | k << 222 | 1 << 228 | (acc ? 1 << 244 : 0);
    }

    function requant(uint256 d_, uint256 a_, uint256 b_, uint256 n, int8 zp, int8 lo, int8 hi)
        internal
        pure
        returns (uint256)
    {
        return 0x40 | loop(1, 1) | d(d_) | a(a_) | b(b_) | n << 216 | uint256(uint8(zp)) << 228 | uint256(uint8(lo))
            << 236 | uint256(uint8(hi)) << 244;
    }

    function maxq(uint256 d_, uint256 a_, bool acc) internal pure returns (uint256) {
        return 0x42 | loop(1, 1) | d(d_) | a(a_) | 1 << 228 | (acc ? 1 << 244 : 0);
    }

    function load(uint256 d_, uint256 m_, uint256 region_, uint256 space) internal pure returns (uint256) {
        return 0x10 | loop(1, 1) | d(d_) | m(m_) | region(region_) | space << 228;
    }

    function store(uint256 d_, uint256 m_, uint256 region_, uint256 space) internal pure returns (uint256) {
        return 0x11 | loop(1, 1) | d(d_) | m(m_) | region(region_) | space << 228;
    }

    function move_(uint256 d_, uint256 byte_, uint256 n, uint256 offset) internal pure returns (uint256) {
        return 0x13 | loop(1, 1) | d(d_) | m(byte_) | n << 216 | offset << 228;
    }

    function fill(uint256 d_, uint256 imm, uint256 space) internal pure returns (uint256) {
        return 0x14 | loop(1, 1) | d(d_) | imm << 104 | space << 228;
    }

    /// An instruction of 1 x 1 rows with operands d, a and n.
    function unary(uint256 op, uint256 d_, uint256 a_, uint256 n) internal pure returns (uint256) {
        return op | loop(1, 1) | d(d_) | a(a_) | n << 216;
    }

    function vector(uint256 op, uint256 d_, uint256 a_, uint256 b_, uint256 n, uint256 form, uint256 shift)
        internal
        pure
        returns (uint256)
    {
        return unary(op, d_, a_, n) | b(b_) | form << 228 | shift << 230;
    }

    function lut(uint256 op, uint256 d_, uint256 a_, uint256 table, uint256 n) internal pure returns (uint256) {
        return unary(op, d_, a_, n) | b(table);
    }

    function addq(uint256 d_, uint256 a_, uint256 b_, uint256 p, uint256 n) internal pure returns (uint256) {
        return unary(0x41, d_, a_, n) | b(b_) | p << 228;
    }

    function dwmac(uint256 d_, uint256 a_, uint256 w_, uint256 n, bool acc) internal pure returns (uint256) {
        return unary(0x21, d_, a_, n) | w_ << 160 | 1 << 228 | (acc ? 1 << 244 : 0);
    }

    function argmax(uint256 rd, uint256 rv, uint256 a_, uint256 first, uint256 n, bool acc)
        internal
        pure
        returns (uint256)
    {
        return 0x50 | loop(1, 1) | rd << 48 | rv << 52 | a(a_) | first << 160 | n << 216 | (acc ? 1 << 244 : 0);
    }

    function gather(uint256 d_, uint256 m_, int256 s0, uint256 region_, uint256 index, uint256 limit)
        internal
        pure
        returns (uint256)
    {
        return 0x12 | loop(1, 1) | d(d_) | wide(m_, 0, s0, 0) | region(region_) | index << 208 | limit << 232;
    }
}
