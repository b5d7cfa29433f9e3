// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IClaims} from "../src/interfaces/IClaims.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {Arena} from "./utils/Arena.sol";

/// @notice Thinking time is taken off at each move, to the second, and never comes back beyond the extension.
contract ClocksTest is Arena {
    IClaims.Claim private made;
    Belief private truth;
    Belief private other;

    function setUp() public override {
        super.setUp();
        IClaims.Claim memory claim_ = makeClaim(badOutput, 10 ** 9);
        (Belief memory t, Belief memory o) = beliefs(claim_, 123456789);
        (made, truth, other) = (claim_, t, o);
        openWith(claim_, t, challenger);
    }

    function moveAfter(uint256 seconds_) private {
        vm.warp(block.timestamp + seconds_);
        Belief memory b = game.claimantTurn ? other : truth;
        reply(b, choose(b));
    }

    function test_deducts_what_was_spent_from_the_mover_only() public {
        moveAfter(1000);
        assertEq(game.claimantClock, CLOCK - 1000);
        assertEq(game.challengerClock, CLOCK);
        moveAfter(7);
        assertEq(game.claimantClock, CLOCK - 1000);
        assertEq(game.challengerClock, CLOCK - 7);
    }

    function test_extension_raises_what_is_left_and_no_more() public {
        moveAfter(CLOCK);
        assertEq(game.claimantClock, EXTENSION);
        moveAfter(CLOCK - EXTENSION);
        assertEq(game.challengerClock, EXTENSION);
        moveAfter(EXTENSION);
        assertEq(game.claimantClock, EXTENSION);
    }

    function test_too_late_by_a_second() public {
        IDisputes.Pick memory pick = choose(other);
        vm.warp(block.timestamp + CLOCK + 1);
        vm.prank(claimant);
        vm.expectRevert(IDisputes.ClockRunOut.selector);
        court.move(game, pick, new bytes32[](0));
        court.timeout(game);
        assertPhase(made, IClaims.Phase.False);
    }

    function test_timeout_not_before_the_clock_has_run_out() public {
        vm.warp(block.timestamp + CLOCK);
        vm.expectRevert(IDisputes.ClockRunning.selector);
        court.timeout(game);
    }

    function test_absent_challenger_loses() public {
        moveAfter(1);
        vm.warp(block.timestamp + CLOCK + 1);
        court.timeout(game);
        assertPhase(made, IClaims.Phase.Open);
        assertEq(uint256(court.stateOf(court.claimId(made)).repelled), 1);
    }

    /// @dev However the sides think, no clock exceeds its beginning, none falls below the extension, and all ends in time.
    function testFuzz_bounded(uint256 seed) public {
        uint256 opened = block.timestamp;
        (uint256 rounds,) = court.arity(made.steps);
        while (true) {
            uint256 left = game.claimantTurn ? game.claimantClock : game.challengerClock;
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 spend = seed % (left + 1);
            Belief memory b = game.claimantTurn ? other : truth;
            IDisputes.Pick memory pick = choose(b);
            (uint64 lo, uint64 hi) = bounds(pick.segment);
            if (hi - lo == 1) break;
            moveAfter(spend);
            assertTrue(game.claimantClock <= CLOCK && game.claimantClock >= EXTENSION);
            assertTrue(game.challengerClock <= CLOCK && game.challengerClock >= EXTENSION);
        }
        assertTrue(block.timestamp - opened <= 2 * CLOCK + (rounds + 1) * EXTENSION);
    }
}
