// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Asm} from "./utils/Asm.sol";
import {OneStep} from "./utils/OneStep.sol";

/// @notice What each instruction on lanes does, and those that look up. The campaign in Rust plays many more.
/// forge-config: default.fuzz.runs = 16
contract VectorsTest is OneStep {
    uint256 private constant TILE = 32;

    // numbers

    function rne(int256 x, uint256 shift) internal pure returns (int256 y) {
        int256 unit = int256(1 << shift);
        int256 rest = x % unit;
        if (rest < 0) rest += unit;
        y = (x - rest) / unit;
        if (2 * rest > unit || (2 * rest == unit && y % 2 != 0)) y++;
    }

    function wrap(int256 x) internal pure returns (int32) {
        return int32(uint32(uint256(x)));
    }

    function min(int256 x, int256 y) internal pure returns (int256) {
        return x < y ? x : y;
    }

    function clamp(int256 x, int256 lo, int256 hi) internal pure returns (int256) {
        return min(x < lo ? lo : x, hi);
    }

    /// @dev Half of them edges.
    function lane(uint256 seed, uint256 j) internal pure returns (int32) {
        uint256 bits = uint256(keccak256(abi.encode(seed, j)));
        if (bits % 4 == 0) return wrap(int256(bits >> 8));
        if (bits % 4 == 1) return int32(int256(bits >> 8) % 70);
        int32[4] memory edges = [type(int32).min, type(int32).max, -1, int32(1 << 30)];
        return edges[(bits >> 8) % 4];
    }

    function lanes(uint256 seed) internal pure returns (int32[32] memory row) {
        for (uint256 j = 0; j < 32; j++) {
            row[j] = lane(seed, j);
        }
    }

    // the int32 group

    /// @dev One lane by docs/isa.md, without VSEL.
    function want(uint256 op, int256 a, int256 b, uint256 shift) internal pure returns (int256) {
        if (op == 0x30) return a + b;
        if (op == 0x31) return a - b;
        if (op == 0x32) return a * b;
        if (op == 0x33) return clamp(rne(a * b, shift), type(int32).min, type(int32).max);
        if (op == 0x34) return min(a, b);
        if (op == 0x35) return -min(-a, -b);
        int256 by = wrap(b + int256(shift));
        return by < 0 ? a * int256(1 << uint256(min(-by, 32))) : rne(a, uint256(min(by, 63)));
    }

    /// @dev b in its form, at acc 2, spad 9, or as the address.
    function putB(uint256 form, uint256 seed) internal returns (int32[32] memory b, uint256 base) {
        b = lanes(seed);
        if (form == 2) {
            int8[32] memory narrow;
            for (uint256 j = 0; j < 32; j++) {
                (narrow[j], b[j]) = (int8(b[j]), int8(b[j]));
            }
            set(ONCHIP, 9, row8(narrow));
            return (b, 9);
        }
        if (form == 3) b[0] = int32(uint32(seed % (1 << 20)));
        if (form == 0 || form == 1) setAcc(2, b);
        if (form == 1 || form == 3) {
            for (uint256 j = 1; j < 32; j++) {
                b[j] = b[0];
            }
        }
        return (b, form == 3 ? uint256(uint32(b[0])) : 2);
    }

    function proveB(uint256 form) internal {
        if (form == 0) proveRead(ONCHIP, accLeaf(2), 2);
        if (form == 1) proveRead(ONCHIP, accLeaf(2), 0);
        if (form == 2) proveRead(ONCHIP, 9, 0);
    }

    function testFuzz_vector(uint256 seed, uint256 op, uint256 form, uint256 shift, uint256 n) public {
        (op, form, n) = (bound(op, 0x30, 0x36), bound(form, 0, 3), bound(n, 1, 32));
        shift = op == 0x33 || op == 0x36 ? bound(shift, 0, 63) : 0;
        int32[32] memory a = lanes(seed);
        setAcc(1, a);
        (int32[32] memory b, uint256 base) = putB(form, uint256(keccak256(abi.encode(seed))));
        start(Asm.vector(op, 3, 1, base, n, form, shift));
        proveRead(ONCHIP, accLeaf(1), 2);
        proveB(form);
        proveOverwrite(ONCHIP, accLeaf(3), 2);
        int32[32] memory d;
        for (uint256 j = 0; j < n; j++) {
            d[j] = wrap(want(op, a[j], b[j], shift));
        }
        setAcc(3, d);
        expect(2, 0);
    }

    function testFuzz_vsel(uint256 seed, uint256 form, uint256 n) public {
        (form, n) = (bound(form, 0, 3), bound(n, 1, 32));
        int32[32] memory a = lanes(seed);
        int32[32] memory d = lanes(seed ^ 1);
        setAcc(1, a);
        setAcc(3, d);
        (int32[32] memory b, uint256 base) = putB(form, uint256(keccak256(abi.encode(seed))));
        start(Asm.vector(0x38, 3, 1, base, n, form, 0));
        proveRead(ONCHIP, accLeaf(1), 2);
        proveB(form);
        proveRead(ONCHIP, accLeaf(3), 2);
        for (uint256 j = 0; j < n; j++) {
            if (a[j] > 0) d[j] = b[j];
        }
        setAcc(3, d);
        expect(2, 0);
    }

    function checkUnary(uint256 op, uint256 n, int32[32] memory a, int32[32] memory d) internal {
        setAcc(1, a);
        start(Asm.unary(op, 0, 1, n));
        proveRead(ONCHIP, accLeaf(1), 2);
        proveOverwrite(ONCHIP, accLeaf(0), 2);
        setAcc(0, d);
        expect(2, 0);
    }

    function testFuzz_vclz(uint256 seed, uint256 n) public {
        n = bound(n, 1, 32);
        int32[32] memory a = lanes(seed);
        int32[32] memory d;
        (a[0], a[1], a[2]) = (0, 1, -1);
        for (uint256 j = 0; j < n; j++) {
            for (uint32 x = uint32(a[j]); d[j] < 32 && x >> 31 == 0; x <<= 1) {
                d[j]++;
            }
        }
        checkUnary(0x37, n, a, d);
    }

    function testFuzz_vsum_and_vrmax(uint256 seed, uint256 n) public {
        n = bound(n, 1, 32);
        int32[32] memory a = lanes(seed);
        int32[32] memory sums;
        int32[32] memory most;
        int256 sum;
        int256 top = type(int32).min;
        for (uint256 j = 0; j < n; j++) {
            sum += a[j];
            if (a[j] > top) top = a[j];
        }
        for (uint256 j = 0; j < 32; j++) {
            (sums[j], most[j]) = (wrap(sum), wrap(top));
        }
        checkUnary(0x39, n, a, sums);
        checkUnary(0x3a, n, a, most);
    }

    function testFuzz_argmax(uint256 seed, uint256 n, uint256 held, bool acc) public {
        n = bound(n, 1, 32);
        int32[32] memory a = lanes(seed);
        int32 best = lane(held, 77);
        setAcc(1, a);
        setX(3, 1234);
        setX(4, uint32(best));
        start(Asm.argmax(3, 4, 1, 1000, n, acc));
        proveRead(ONCHIP, accLeaf(1), 2);
        uint256 found = 32;
        for (uint256 j = 0; j < n; j++) {
            if ((j == 0 && !acc) || a[j] > best) (found, best) = (j, a[j]);
        }
        if (found < 32) setX(3, 1000 + found);
        setX(4, uint32(best));
        expect(2, 0);
    }

    // products

    function testFuzz_matmul_transposed(uint256 seed, uint256 k, uint256 n, bool extreme) public {
        (k, n) = (bound(k, 1, 32), bound(n, 1, 32));
        uint256 least = 0x8080808080808080808080808080808080808080808080808080808080808080;
        uint256 a = extreme ? least : uint256(keccak256(abi.encode(seed)));
        set(ONCHIP, 5, a);
        int32[32] memory d = lanes(seed);
        setAcc(1, d);
        for (uint256 j = 0; j < 32; j++) {
            uint256 row = extreme ? (j % 2 == 0 ? least : ~least) : uint256(keccak256(abi.encode(seed, j)));
            set(ONCHIP, TILE + j, row);
            if (j >= n) continue;
            int256 sum = d[j];
            for (uint256 i = 0; i < k; i++) {
                sum += lane8(a, i) * lane8(row, i);
            }
            d[j] = wrap(sum);
        }
        start(Asm.matmul(1, 5, TILE, k, n, true) | 1 << 245);
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, TILE, 5);
        proveRead(ONCHIP, accLeaf(1), 2);
        setAcc(1, d);
        expect(2, 0);
    }

    function testFuzz_dwmac(uint256 a, uint256 w, uint256 n, bool acc) public {
        n = bound(n, 1, 32);
        set(ONCHIP, 5, a);
        set(ONCHIP, 6, w);
        int32[32] memory d = lanes(a);
        setAcc(1, d);
        start(Asm.dwmac(1, 5, 6, n, acc));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 6, 0);
        if (acc) {
            proveRead(ONCHIP, accLeaf(1), 2);
        } else {
            proveOverwrite(ONCHIP, accLeaf(1), 2);
            delete d;
        }
        for (uint256 j = 0; j < n; j++) {
            d[j] = wrap(d[j] + lane8(a, j) * lane8(w, j));
        }
        setAcc(1, d);
        expect(2, 0);
    }

    // the int8 group, and tables

    function setTable(uint256 seed) internal {
        for (uint256 i = 0; i < 32; i++) {
            set(ONCHIP, TILE + i, uint256(keccak256(abi.encode("table", seed, i))));
        }
    }

    function testFuzz_lut32(uint256 a, uint256 n) public {
        n = bound(n, 1, 32);
        setTable(a);
        set(ONCHIP, 5, a);
        start(Asm.lut(0x3b, 1, 5, TILE, n));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, TILE, 5);
        proveOverwrite(ONCHIP, accLeaf(1), 2);
        int32[32] memory d;
        for (uint256 j = 0; j < n; j++) {
            uint256 e = uint256(lane8(a, j) + 128);
            d[j] = wrap(int256(get(ONCHIP, TILE + e / 8) >> (32 * (7 - e % 8))));
        }
        setAcc(1, d);
        expect(2, 0);
    }

    function testFuzz_lut(uint256 a, uint256 n) public {
        n = bound(n, 1, 32);
        setTable(a);
        set(ONCHIP, 5, a);
        start(Asm.lut(0x43, 5, 5, TILE + 8, n)); // in place
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, TILE + 8, 3);
        proveOverwrite(ONCHIP, 5, 0);
        int8[32] memory d;
        for (uint256 j = 0; j < n; j++) {
            uint256 e = uint256(lane8(a, j) + 128);
            d[j] = int8(lane8(get(ONCHIP, TILE + 8 + e / 32), e % 32));
        }
        set(ONCHIP, 5, row8(d));
        expect(2, 0);
    }

    function testFuzz_addq(uint256 a, uint256 b, uint256 p, uint256 n) public {
        n = bound(n, 1, 32);
        set(ONCHIP, 5, a);
        set(ONCHIP, 6, b);
        set(ONCHIP, 7, p);
        start(Asm.addq(8, 5, 6, 7, n));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 6, 0);
        proveRead(ONCHIP, 7, 0);
        proveOverwrite(ONCHIP, 8, 0);
        int8[32] memory d;
        for (uint256 j = 0; j < n; j++) {
            int256 sum = (lane8(a, j) - lane8(p, 8)) * wrap(int256(p >> 224)) + (lane8(b, j) - lane8(p, 9))
                * wrap(int256(p >> 192));
            sum = rne(sum, uint256(lane8(p, 10)) % 64) + lane8(p, 11);
            d[j] = int8(clamp(sum, lane8(p, 12), lane8(p, 13)));
        }
        set(ONCHIP, 8, row8(d));
        expect(2, 0);
    }

    /// @dev Rows after the first, which are not checked again: d with stride 0 would not be admitted.
    function testFuzz_trans(uint256 seed, uint256 n, uint256 i0) public {
        (n, i0) = (bound(n, 1, 32), bound(i0, 1, 40));
        setTable(seed);
        start((Asm.unary(0x44, 3, TILE, n) ^ Asm.loop(1, 1)) | Asm.loop(41, 1));
        setControl(1, 0, i0, 7);
        pre = stateRoot();
        beginRunning();
        proveRead(ONCHIP, TILE, 5);
        proveOverwrite(ONCHIP, 3, 0);
        int8[32] memory d;
        for (uint256 j = 0; j < n; j++) {
            d[j] = int8(lane8(get(ONCHIP, TILE + j), i0 % 32));
        }
        set(ONCHIP, 3, row8(d));
        expect(i0 == 40 ? 2 : 1, i0 == 40 ? 0 : i0 + 1);
    }

    // words and entries

    function test_lw_and_sw() public {
        set(WORK, 5, 0x0000000011111111222222223333333344444444555555556666666677777777);
        setX(3, 41);
        start(Asm.scalar(0x0e, 9, 3, 0, 2) | Asm.region(WORK));
        proveRead(WORK, 5, 0);
        setX(9, 0x33333333);
        expect(2, 0);
        setX(12, 0xaaaabbbb);
        start(Asm.scalar(0x0f, 0, 3, 12, 6) | Asm.region(WORK));
        proveRead(WORK, 5, 0);
        set(WORK, 5, 0x0000000011111111222222223333333344444444555555556666666677777777 ^ 0xddddcccc);
        expect(2, 0);
    }

    function checkGather(uint256 index, uint256 limit, uint256 entry) internal {
        set(ONCHIP, 9, index << 224);
        for (uint256 i = 0; i < 8; i++) {
            set(CONST, i, 100 + i);
        }
        start(Asm.gather(3, 1, 2, CONST, 9, limit));
        proveRead(ONCHIP, 9, 0);
        proveRead(CONST, 1 + 2 * entry, 0);
        proveOverwrite(ONCHIP, 3, 0);
        set(ONCHIP, 3, 101 + 2 * entry);
        expect(2, 0);
    }

    function test_gather() public {
        checkGather(0, 4, 0);
        checkGather(2, 4, 2);
        checkGather(4, 4, 3); // indices beyond the last take the last
        checkGather(0xffffffff, 3, 2);
    }
}
