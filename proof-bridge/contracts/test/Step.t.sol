// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Asm} from "./utils/Asm.sol";
import {OneStep} from "./utils/OneStep.sol";

/// @notice What each instruction does.
contract StepTest is OneStep {
    // scalars

    function checkScalar(uint256 op, uint256 a, uint256 b, uint256 imm, uint256 want) internal {
        setX(3, a);
        setX(12, b);
        start(Asm.scalar(op, 9, 3, 12, imm));
        setX(9, want);
        expect(2, 0);
    }

    function test_li() public {
        start(Asm.scalar(3, 15, 0, 0, 0xfffffffe));
        setX(15, 0xfffffffe);
        expect(2, 0);
    }

    function test_x0_stays_zero() public {
        start(Asm.scalar(3, 0, 0, 0, 5));
        expect(2, 0);
    }

    function test_add() public {
        checkScalar(4, 5, 0xffffffff, 3, 7);
    }

    function test_sub() public {
        checkScalar(5, 5, 6, 1, 0xfffffffe);
    }

    function test_mul() public {
        checkScalar(6, 0x10001, 0x10000, 1, 0x20001);
    }

    function test_shl() public {
        checkScalar(7, 3, 31, 32, 0x80000000);
    }

    function test_shr() public {
        checkScalar(8, 0x80000000, 31, 0, 1);
    }

    function test_and() public {
        checkScalar(9, 0xff00ff00, 0x0ff00000, 0xff0, 0x0f000f00);
    }

    function test_mark() public {
        start(2 | uint256(77) << 104);
        expect(2, 0);
    }

    function checkBranch(uint256 op, uint256 a, uint256 b, bool taken) internal {
        setX(3, a);
        setX(12, b);
        start(Asm.scalar(op, 0, 3, 12, 0x12345678));
        expect(taken ? 0x12345678 : 2, 0);
    }

    function test_branches() public {
        checkBranch(0x0a, 1, 1, true);
        checkBranch(0x0a, 1, 2, false);
        checkBranch(0x0b, 1, 2, true);
        checkBranch(0x0b, 2, 2, false);
        checkBranch(0x0c, 1, 0x80000000, true);
        checkBranch(0x0c, 1, 1, false);
        checkBranch(0x0d, 0x80000000, 1, true);
        checkBranch(0x0d, 1, 2, false);
    }

    // rows

    function test_load() public {
        set(WORK, 5, 0x1234);
        start(Asm.load(9, 5, WORK, 0));
        proveRead(WORK, 5, 0);
        proveOverwrite(ONCHIP, 9, 0);
        set(ONCHIP, 9, 0x1234);
        expect(2, 0);
    }

    function test_load_acc() public {
        for (uint256 i = 0; i < 4; i++) {
            set(CONST, 4 + i, 100 + i);
        }
        start(Asm.load(3, 4, CONST, 1));
        proveRead(CONST, 4, 2);
        proveOverwrite(ONCHIP, accLeaf(3), 2);
        for (uint256 i = 0; i < 4; i++) {
            set(ONCHIP, accLeaf(3) + i, 100 + i);
        }
        expect(2, 0);
    }

    function test_load_strides_and_register_count() public {
        // Row 3 of 2 x 2: i1 = 1, i0 = 1. Only the counts and strides speak.
        set(INPUT, 3, 99);
        setX(4, 2);
        setX(5, 1);
        start(
            0x10 | Asm.loop(0, 2) | Asm.count(4, 1) | Asm.operand(48, 20, 5, -3, 10) | Asm.wide(0, 5, 1, 1)
                | Asm.region(INPUT)
        );
        setControl(1, 0, 3, 7);
        pre = stateRoot();
        beginRunning();
        proveRead(INPUT, 3, 0);
        proveOverwrite(ONCHIP, 28, 0);
        set(ONCHIP, 28, 99);
        expect(2, 0);
    }

    function test_row_advances_before_the_last() public {
        start(0x14 | Asm.loop(2, 1) | Asm.operand(48, 4, 0, 1, 0) | uint256(0x7f) << 104);
        proveOverwrite(ONCHIP, 4, 0);
        set(ONCHIP, 4, 0x7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f);
        expect(1, 1);
    }

    function test_store() public {
        set(ONCHIP, 9, 0x4321);
        start(Asm.store(9, 2, OUTPUT, 0));
        proveRead(ONCHIP, 9, 0);
        proveOverwrite(OUTPUT, 2, 0);
        set(OUTPUT, 2, 0x4321);
        expect(2, 0);
    }

    function test_store_acc() public {
        for (uint256 i = 0; i < 4; i++) {
            set(ONCHIP, accLeaf(1) + i, 100 + i);
        }
        start(Asm.store(1, 4, WORK, 1));
        proveRead(ONCHIP, accLeaf(1), 2);
        proveOverwrite(WORK, 4, 2);
        for (uint256 i = 0; i < 4; i++) {
            set(WORK, 4 + i, 100 + i);
        }
        expect(2, 0);
    }

    function test_move_inside_a_row() public {
        set(ONCHIP, 1, 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f);
        set(ONCHIP, 8, type(uint256).max);
        start(Asm.move_(8, 32 + 3, 4, 30 - 4));
        proveRead(ONCHIP, 1, 0);
        proveRead(ONCHIP, 8, 0);
        set(ONCHIP, 8, 0xffffffffffffffffffffffffffffffffffffffffffffffffffff03040506ffff);
        expect(2, 0);
    }

    function test_move_across_rows() public {
        set(ONCHIP, 1, 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f);
        set(ONCHIP, 2, 0x202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f);
        start(Asm.move_(8, 32 + 30, 5, 0));
        proveRead(ONCHIP, 1, 0);
        proveRead(ONCHIP, 2, 0);
        proveRead(ONCHIP, 8, 0);
        set(ONCHIP, 8, 0x1e1f202122000000000000000000000000000000000000000000000000000000);
        expect(2, 0);
    }

    function test_fill_acc() public {
        start(Asm.fill(2, 0x80000001, 1));
        proveOverwrite(ONCHIP, accLeaf(2), 2);
        for (uint256 i = 0; i < 4; i++) {
            set(ONCHIP, accLeaf(2) + i, 0x8000000180000001800000018000000180000001800000018000000180000001);
        }
        expect(2, 0);
    }

    // products and lanes

    function setTile(uint256 row, uint256 seed) internal returns (uint256 a) {
        a = uint256(keccak256(abi.encode(seed)));
        set(ONCHIP, 5, a);
        for (uint256 i = 0; i < 32; i++) {
            set(ONCHIP, row + i, uint256(keccak256(abi.encode(seed, i))));
        }
    }

    function product(uint256 a, uint256 tile, uint256 k, uint256 n, int32[32] memory sums) internal view {
        for (uint256 j = 0; j < n; j++) {
            int256 sum = sums[j];
            for (uint256 i = 0; i < k; i++) {
                sum += lane8(a, i) * lane8(get(ONCHIP, tile + i), j);
            }
            sums[j] = int32(sum);
        }
    }

    function checkMatmul(uint256 seed, uint256 k, uint256 n, bool accumulate) internal {
        uint256 a = setTile(32, seed);
        int32[32] memory sums;
        for (uint256 j = 0; j < 32; j++) {
            sums[j] = int32(uint32(uint256(keccak256(abi.encode(seed, "acc", j)))));
        }
        // The largest magnitudes wrap.
        sums[0] = type(int32).max;
        sums[1] = type(int32).min;
        setAcc(1, sums);
        start(Asm.matmul(1, 5, 32, k, n, accumulate));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 32, 5);
        if (accumulate) {
            proveRead(ONCHIP, accLeaf(1), 2);
        } else {
            proveOverwrite(ONCHIP, accLeaf(1), 2);
            delete sums;
        }
        product(a, 32, k, n, sums);
        setAcc(1, sums);
        expect(2, 0);
    }

    function testFuzz_matmul(uint256 seed, uint256 k, uint256 n, bool accumulate) public {
        checkMatmul(seed, bound(k, 1, 32), bound(n, 1, 32), accumulate);
    }

    function test_matmul_extremes() public {
        // -128 * -128 everywhere.
        set(ONCHIP, 5, 0x8080808080808080808080808080808080808080808080808080808080808080);
        for (uint256 i = 0; i < 32; i++) {
            set(ONCHIP, 32 + i, 0x8080808080808080808080808080808080808080808080808080808080808080);
        }
        start(Asm.matmul(1, 5, 32, 32, 32, false));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 32, 5);
        proveOverwrite(ONCHIP, accLeaf(1), 2);
        int32[32] memory sums;
        for (uint256 j = 0; j < 32; j++) {
            sums[j] = 32 * 128 * 128;
        }
        setAcc(1, sums);
        expect(2, 0);
    }

    function test_matmul_second_tap_accumulates() public {
        uint256 a = setTile(32, 4);
        set(ONCHIP, 6, a);
        int32[32] memory sums;
        sums[0] = 17;
        setAcc(0, sums);
        uint256 word = 0x20 | Asm.loop(1, 1) | Asm.d(0) | Asm.a(5) | uint256(0) << 160 | uint256(32) << 184 | uint256(1)
            << 200 | uint256(32) << 216 | uint256(32) << 222 | uint256(2) << 228;
        start(word);
        setControl(1, 0, 1, 7);
        pre = stateRoot();
        beginRunning();
        proveRead(ONCHIP, 6, 0);
        proveRead(ONCHIP, 32, 5);
        proveRead(ONCHIP, accLeaf(0), 2);
        product(a, 32, 32, 32, sums);
        setAcc(0, sums);
        expect(2, 0);
    }

    function test_requant() public {
        int32[32] memory sums;
        int32[32] memory bias;
        int32[32] memory scale;
        for (uint256 j = 0; j < 32; j++) {
            scale[j] = int32(uint32(1 << 24 | 1));
        }
        // ties to even, both signs; wrap of the biased sum; both clamps; a large multiplier
        (sums[0], sums[1], sums[2], sums[3]) = (5, 7, -5, -7);
        (sums[4], bias[4], scale[4]) = (type(int32).max, 1, int32(uint32(30 << 24 | 1)));
        (sums[5], sums[6]) = (100000, -100000);
        (sums[7], scale[7]) = (-1000, int32(uint32(0xc0000000 | 24 << 24 | 0xffffff)));
        (sums[8], scale[8]) = (11, 3);
        setAcc(2, sums);
        uint256[4] memory leaves = row32(bias);
        uint256[4] memory leaves2 = row32(scale);
        for (uint256 r = 0; r < 4; r++) {
            set(ONCHIP, 16 + r, leaves[r]);
            set(ONCHIP, 20 + r, leaves2[r]);
        }
        start(Asm.requant(7, 2, 16, 9, 1, -100, 120));
        proveRead(ONCHIP, accLeaf(2), 2);
        proveRead(ONCHIP, 16, 3);
        proveOverwrite(ONCHIP, 7, 0);
        int8[32] memory want;
        (want[0], want[1], want[2], want[3]) = (3, 5, -1, -3);
        (want[4], want[5], want[6]) = (-1, 120, -100);
        (want[7], want[8]) = (-100, 34);
        set(ONCHIP, 7, row8(want));
        expect(2, 0);
    }

    function test_maxq() public {
        int8[32] memory x;
        int8[32] memory y;
        (x[0], y[0], x[1], y[1], x[31], y[31]) = (-128, 127, 3, -3, -1, 0);
        set(ONCHIP, 3, row8(x));
        set(ONCHIP, 4, row8(y));
        start(Asm.maxq(4, 3, true));
        proveRead(ONCHIP, 3, 0);
        proveRead(ONCHIP, 4, 0);
        (x[0], x[1], x[31]) = (127, 3, 0);
        set(ONCHIP, 4, row8(x));
        expect(2, 0);
    }

    function test_maxq_first_tap_overwrites() public {
        set(ONCHIP, 3, 77);
        start(Asm.maxq(4, 3, false));
        proveRead(ONCHIP, 3, 0);
        proveOverwrite(ONCHIP, 4, 0);
        set(ONCHIP, 4, 77);
        expect(2, 0);
    }

    // the end of a run

    function test_halt() public {
        set(ONCHIP, 3, 77);
        set(WORK, 3, 77);
        set(OUTPUT, 3, 77);
        setX(7, 7);
        start(1);
        expectStop(1);
    }

    function test_halted_steps_to_itself() public {
        set(OUTPUT, 3, 77);
        setControl(0, 1, 0, 9);
        pre = stateRoot();
        begin();
        assertEq(step.step(pre, witness), pre);
    }

    function test_trap_fetch() public {
        setControl(4, 0, 0, 7);
        pre = stateRoot();
        begin();
        proveRead(HEAD, 1, 0);
        expectStop(8);
    }

    function test_trap_clears_output() public {
        set(OUTPUT, 1, 5);
        set(ONCHIP, 1, 5);
        expectTrap(0, 2);
    }
}
