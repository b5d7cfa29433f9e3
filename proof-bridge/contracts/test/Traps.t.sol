// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Asm} from "./utils/Asm.sol";
import {OneStep} from "./utils/OneStep.sol";

/// @notice Every trap, in its order.
contract TrapsTest is OneStep {
    uint256 private constant BIT = 1;

    function test_illegal() public {
        expectTrap(0xff, 2);
        expectTrap(0x0e, 2); // LW of head
        expectTrap(0x0f | Asm.region(INPUT), 2); // SW to input
        expectTrap(0x12 | Asm.loop(1, 1) | Asm.region(TEXT), 2); // GATHER of text
        expectTrap(1 | BIT << 8, 2); // a stray bit
        expectTrap(1 | BIT << 255, 2);
        expectTrap(Asm.load(0, 0, 0, 0), 2); // regions that may not be named
        expectTrap(Asm.load(0, 0, TEXT, 0), 2);
        expectTrap(Asm.load(0, 0, REGS, 0), 2);
        expectTrap(Asm.load(0, 0, ONCHIP, 0), 2);
        expectTrap(Asm.store(0, 0, CONST, 0), 2);
        expectTrap(Asm.store(0, 0, INPUT, 0), 2);
        expectTrap(Asm.fill(0, 256, 0), 2);
        expectTrap(Asm.requant(0, 0, 8, 32, 0, 1, 0), 2); // lo > hi
        expectTrap(Asm.matmul(0, 0, 32, 32, 32, false) | BIT << 246, 2);
        expectTrap(Asm.load(0, 0, WORK, 0) | Asm.count(3, 0), 2); // creg without csel
        expectTrap(Asm.load(0, 0, WORK, 0) | Asm.count(3, 1), 2); // own count not 0
        expectTrap(Asm.load(0, 0, WORK, 0) | Asm.count(3, 3), 2); // has no kt
        expectTrap(Asm.load(0, 0, WORK, 0) | Asm.count(3, 4), 2); // has no n
        expectTrap(Asm.maxq(0, 1, true) | Asm.count(3, 4), 2);
        expectTrap(Asm.load(0, 0, WORK, 0) | Asm.count(3, 5), 2);
        expectTrap(Asm.load(0, 0, WORK, 0) | Asm.count(3, 7), 2);
        expectTrap(Asm.argmax(0, 4, 1, 0, 32, false), 2); // ARGMAX: results in x0, in one register, in one that it reads
        expectTrap(Asm.argmax(4, 4, 1, 0, 32, false), 2);
        expectTrap(Asm.argmax(3, 4, 1, 0, 32, false) | uint256(3) << 124, 2);
        expectTrap(Asm.argmax(3, 4, 1, 0, 32, false) | uint256(4) << 180, 2);
        expectTrap(Asm.argmax(3, 4, 1, 0, 0, false) | Asm.count(3, 4), 2);
    }

    function test_count() public {
        expectTrap(0x14 | Asm.loop(0, 1), 3);
        expectTrap(0x14 | Asm.loop(1, 0), 3);
        setX(3, 65536);
        expectTrap(0x14 | Asm.loop(0, 1) | Asm.count(3, 1), 3);
        expectTrap(Asm.matmul(0, 0, 32, 0, 32, false), 3);
        expectTrap(Asm.matmul(0, 0, 32, 33, 32, false), 3);
        expectTrap(Asm.matmul(0, 0, 32, 32, 0, false), 3);
        expectTrap(Asm.matmul(0, 0, 32, 32, 33, false), 3);
        expectTrap(Asm.matmul(0, 0, 32, 32, 32, false) ^ BIT << 228, 3); // kt = 0
        expectTrap(Asm.move_(0, 64, 0, 0), 3);
        setX(3, 33);
        expectTrap(Asm.move_(0, 64, 0, 0) | Asm.count(3, 4), 3);
        expectTrap(Asm.gather(0, 0, 1, CONST, 1, 0), 3); // no entry
        setX(3, 1 << 24);
        expectTrap(Asm.gather(0, 0, 0, CONST, 1, 1) | uint256(3) << 228, 3); // more entries than 2^24
    }

    function test_limit() public {
        setX(3, 994); // 7 + 994 > 1000
        expectTrap(0x14 | Asm.loop(0, 1) | Asm.count(3, 1), 4);
    }

    function test_limit_reached_exactly() public {
        setX(3, 993);
        start(0x14 | Asm.loop(0, 1) | Asm.count(3, 1));
        proveOverwrite(ONCHIP, 0, 0);
        expect(1, 1);
    }

    function test_align() public {
        expectTrap(Asm.load(0, 2, WORK, 1), 5);
        expectTrap(0x10 | Asm.loop(1, 1) | Asm.wide(0, 0, 2, 0) | Asm.region(WORK) | BIT << 228, 5);
        expectTrap(Asm.store(0, 1, WORK, 1), 5);
        expectTrap(Asm.matmul(0, 0, 16, 32, 32, false), 5);
        expectTrap(Asm.matmul(0, 0, 32, 32, 32, false) | BIT << 184, 5);
        expectTrap(Asm.requant(0, 0, 12, 32, 0, 0, 1), 5);
        setX(3, 4);
        expectTrap(Asm.requant(0, 0, 8, 32, 0, 0, 1) | uint256(3) << 180, 5);
        expectTrap(Asm.lut(0x3b, 0, 0, 24, 32), 5);
        expectTrap(Asm.lut(0x43, 0, 0, 12, 32), 5);
        expectTrap(Asm.unary(0x44, 0, 16, 32), 5);
        expectTrap(Asm.unary(0x44, 0, 32, 32) | uint256(16) << 144, 5); // also a stride that a count of 1 never uses
    }

    function test_bounds() public {
        expectTrap(Asm.load(64, 0, WORK, 0), 6);
        expectTrap(Asm.load(0, 8, WORK, 0), 6);
        expectTrap(Asm.load(4, 0, WORK, 1), 6);
        expectTrap(0x14 | Asm.loop(3, 1) | Asm.operand(48, 1, 0, -1, 0), 6); // backwards below 0
        expectTrap(0x14 | Asm.loop(3, 1) | Asm.operand(48, 62, 0, 1, 0), 6);
        setX(3, 0xffffffff); // no wrap
        expectTrap(0x14 | Asm.loop(1, 1) | Asm.operand(48, 1, 3, 0, 0), 6);
        expectTrap(Asm.move_(0, 64, 20, 13), 6); // offset + n > 32
        expectTrap(Asm.move_(0, 64 * 32 - 1, 2, 0), 6);
        expectTrap(Asm.matmul(4, 0, 32, 32, 32, false), 6);
        expectTrap(Asm.matmul(0, 64, 32, 32, 32, false), 6);
        expectTrap(Asm.matmul(0, 0, 64, 32, 32, false), 6);
        expectTrap(Asm.requant(64, 0, 8, 32, 0, 0, 1), 6);
        expectTrap(Asm.requant(0, 4, 8, 32, 0, 0, 1), 6);
        expectTrap(Asm.requant(0, 0, 64, 32, 0, 0, 1), 6);
        expectTrap(Asm.maxq(64, 0, true), 6);
        expectTrap(Asm.maxq(0, 64, true), 6);
        expectTrap(Asm.vector(0x30, 0, 1, 4, 32, 0, 0), 6); // b of acc
        expectTrap(Asm.vector(0x30, 0, 1, 64, 32, 2, 0), 6); // b of spad
        expectTrap(Asm.addq(0, 1, 2, 64, 32), 6);
        expectTrap(Asm.lut(0x3b, 0, 0, 64, 32), 6);
        expectTrap(Asm.argmax(5, 6, 4, 0, 32, false), 6);
        expectTrap(Asm.gather(0, 0, 2, CONST, 1, 5), 6); // the entry below the limit, whatever the index
        expectTrap(Asm.gather(0, 0, 1, CONST, 64, 1), 6); // the row of the index
        expectTrap(Asm.scalar(0x0e, 5, 0, 0, 64) | Asm.region(WORK), 6);
        setX(3, 0xffffffff);
        expectTrap(Asm.scalar(0x0f, 0, 3, 5, 1) | Asm.region(WORK), 6); // no wrap
    }

    function test_overlap() public {
        expectTrap(Asm.move_(2, 64, 32, 0), 7);
        expectTrap(Asm.move_(3, 90, 10, 0), 7); // the run crosses into the destination
        expectTrap(Asm.requant(15, 0, 8, 32, 0, 0, 1), 7); // into its own parameters
        expectTrap(Asm.maxq(5, 5, true), 7);
        expectTrap(0x11 | Asm.loop(2, 1) | Asm.wide(0, 0, 0, 0) | Asm.region(WORK), 7); // stride 0
        expectTrap(0x11 | Asm.loop(2, 2) | Asm.wide(0, 0, 1, 1) | Asm.region(WORK), 7); // rows meet
        expectTrap(Asm.matmul(0, 0, 32, 32, 32, false) ^ (Asm.loop(1, 1) ^ Asm.loop(1, 2)), 7);
        expectTrap(Asm.lut(0x43, 9, 0, 8, 32), 7); // into its own table
        expectTrap(Asm.unary(0x44, 40, 32, 32), 7);
        expectTrap(Asm.addq(7, 1, 2, 7, 32), 7); // into its own parameters
        expectTrap(Asm.gather(1, 0, 1, CONST, 1, 1), 7); // into its own indices
        // the same hull as d, but backwards
        uint256 twice = Asm.loop(1, 1) ^ Asm.loop(2, 1);
        uint256 step0 = uint256(1) << 72;
        expectTrap((Asm.vector(0x30, 0, 1, 3, 32, 0, 0) ^ twice) | step0 | uint256(0xffff) << 128, 7);
    }
}
