// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IClaims} from "../src/interfaces/IClaims.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {Arena} from "./utils/Arena.sol";

/// @notice The honest side wins, whichever it is and wherever the lie begins.
contract GameTest is Arena {
    function check(bytes memory output, uint64 steps, uint64 fault) private {
        IClaims.Claim memory made = makeClaim(output, steps);
        (uint256 rounds,) = court.arity(steps);
        uint256 lists = dispute(made, fault, challenger);
        assertTrue(lists <= rounds);
        bool honest = keccak256(output) == keccak256(goodOutput);
        assertPhase(made, honest ? IClaims.Phase.Open : IClaims.Phase.False);
        assertEq(uint256(court.stateOf(court.claimId(made)).open), 0);
    }

    function test_liar_claimant_at_every_position() public {
        for (uint64 fault = 1; fault <= 70; fault++) {
            uint256 before = vm.snapshotState();
            check(badOutput, 70, fault);
            vm.revertToState(before);
        }
    }

    function test_liar_challenger_at_every_position() public {
        for (uint64 fault = 1; fault <= 70; fault++) {
            uint256 before = vm.snapshotState();
            check(goodOutput, 70, fault);
            vm.revertToState(before);
        }
    }

    function testFuzz_liar_claimant(uint64 steps, uint64 fault) public {
        steps = uint64(bound(steps, 1, LIMIT));
        check(badOutput, steps, uint64(bound(fault, 1, steps)));
    }

    function testFuzz_liar_challenger(uint64 steps, uint64 fault) public {
        steps = uint64(bound(steps, 1, LIMIT));
        check(goodOutput, steps, uint64(bound(fault, 1, steps)));
    }

    function checkArity(uint64 steps, uint256 rounds, uint256 k) private view {
        (uint256 r, uint256 k_) = court.arity(steps);
        assertEq(r, rounds);
        assertEq(k_, k);
    }

    function test_arity() public view {
        checkArity(1, 2, 1);
        checkArity(2, 2, 2);
        checkArity(64, 2, 8);
        checkArity(65, 2, 9);
        checkArity(4096, 2, 64);
        checkArity(4097, 4, 9);
        checkArity(10 ** 7, 4, 57);
        checkArity(1 << 31, 6, 36);
        checkArity(type(uint64).max, 12, 41);
    }

    function testFuzz_arity_is_least(uint64 steps) public view {
        steps = uint64(bound(steps, 1, type(uint64).max));
        (uint256 r, uint256 k) = court.arity(steps);
        assertTrue(k <= 64 && k ** r >= steps && (k - 1) ** r < steps);
        assertTrue(r % 2 == 0 && (r == 2 || 64 ** (r - 2) < steps));
    }
}

/// @notice Moves that are not in the rules.
contract RulesTest is Arena {
    IClaims.Claim private made;
    Belief private truth;
    Belief private other;

    function setUp() public override {
        super.setUp();
        IClaims.Claim memory claim_ = makeClaim(badOutput, 100);
        (Belief memory t, Belief memory o) = beliefs(claim_, 42);
        (made, truth, other) = (claim_, t, o);
        openWith(claim_, t, challenger);
    }

    /// @dev A reply of the claimant that the court must refuse.
    function refused(bytes memory reason, IDisputes.Pick memory pick, bytes32[] memory roots) private {
        vm.prank(mover());
        vm.expectRevert(reason);
        court.move(game, pick, roots);
    }

    function good() private view returns (IDisputes.Pick memory pick, bytes32[] memory roots) {
        pick = choose(other);
        (uint64 lo, uint64 hi) = bounds(pick.segment);
        roots = points(other, lo, hi, segments(game.k, lo, hi));
    }

    function test_only_the_side_to_move_and_its_delegate() public {
        (IDisputes.Pick memory pick, bytes32[] memory roots) = good();
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotYourTurn.selector, challenger));
        court.move(game, pick, roots);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotYourTurn.selector, address(this)));
        court.move(game, pick, roots);
    }

    function test_delegates_move() public {
        address delegate = address(0xde1e);
        vm.startPrank(claimant);
        court.claim{value: BOND}(asked, badOutput, 100, 1, delegate);
        vm.stopPrank();
        IClaims.Claim memory delegated = content(badOutput, 100);
        delegated.delegate = delegate;
        openWith(delegated, truth, challenger);
        (IDisputes.Pick memory pick, bytes32[] memory roots) = good();
        vm.prank(delegate);
        court.move(game, pick, roots);
    }

    function test_wrong_parent() public {
        (IDisputes.Pick memory pick, bytes32[] memory roots) = good();
        bytes memory reason =
            abi.encodeWithSelector(IDisputes.WrongParent.selector, court.disputeId(game.claim, game.challenger));
        game.movedAt--;
        refused(reason, pick, roots);
        game.movedAt++;
        IDisputes.Game memory parent = game;
        reply(other, pick);
        // The same move again names a parent that is gone.
        vm.prank(claimant);
        vm.expectRevert(reason);
        court.move(parent, pick, roots);
    }

    function test_pick_must_be_in_the_list() public {
        (IDisputes.Pick memory pick, bytes32[] memory roots) = good();
        bytes memory reason = abi.encodeWithSelector(IDisputes.BadPick.selector);
        pick.start = bytes32(uint256(pick.start) ^ 1);
        refused(reason, pick, roots);
        (pick,) = good();
        pick.end = bytes32(uint256(pick.end) ^ 1);
        refused(reason, pick, roots);
        (pick,) = good();
        pick.segment ^= 1;
        refused(reason, pick, roots);
        (pick,) = good();
        pick.segment += 16; // the same path in a tree of 16
        refused(reason, pick, roots);
    }

    function test_node_of_the_list_does_not_pass_for_a_segment() public {
        (IDisputes.Pick memory pick, bytes32[] memory roots) = good();
        bytes32[] memory proof = new bytes32[](pick.proof.length - 1);
        for (uint256 i = 0; i < proof.length; i++) {
            proof[i] = pick.proof[i + 1];
        }
        bytes32 leaf = keccak256(bytes.concat(pick.start, pick.end));
        (bytes32 left, bytes32 right) = pick.segment % 2 == 0 ? (leaf, pick.proof[0]) : (pick.proof[0], leaf);
        refused(
            abi.encodeWithSelector(IDisputes.BadPick.selector),
            IDisputes.Pick(pick.segment / 2, left, right, proof),
            roots
        );
        refused(
            abi.encodeWithSelector(IDisputes.BadPick.selector),
            IDisputes.Pick(pick.segment, pick.start, pick.end, new bytes32[](5)),
            roots
        );
    }

    function test_list_length_is_exact() public {
        (IDisputes.Pick memory pick, bytes32[] memory roots) = good();
        bytes32[] memory longer = new bytes32[](roots.length + 1);
        bytes memory reason = abi.encodeWithSelector(IDisputes.WrongRootCount.selector, longer.length, roots.length);
        refused(reason, pick, longer);
        reason = abi.encodeWithSelector(IDisputes.WrongRootCount.selector, 0, roots.length);
        refused(reason, pick, new bytes32[](0));
    }

    function test_end_must_differ() public {
        (IDisputes.Pick memory pick, bytes32[] memory roots) = good();
        roots[roots.length - 1] = pick.end;
        refused(abi.encodeWithSelector(IDisputes.SameEnd.selector), pick, roots);
    }

    function test_challenge_must_contradict_the_claim() public {
        vm.deal(address(9), BOND);
        vm.prank(address(9));
        bytes32[] memory roots = points(other, 0, 100, 10);
        vm.expectRevert(IDisputes.SameEnd.selector);
        court.open{value: BOND}(made, address(0), roots);
    }

    function test_one_step_is_proved_many_are_dissected() public {
        (IDisputes.Pick memory pick,) = good();
        vm.expectRevert(IDisputes.ManySteps.selector);
        court.prove(game, pick, "");
        reply(other, pick);
        pick = choose(truth);
        vm.prank(challenger);
        vm.expectRevert(IDisputes.OneStep.selector);
        court.move(game, pick, new bytes32[](1));
        // Anyone may bring the witness.
        vm.prank(address(0xbeef));
        court.prove(game, pick, "");
        assertPhase(made, IClaims.Phase.False);
    }

    function test_nothing_moves_after_the_end() public {
        (IDisputes.Pick memory pick,) = good();
        reply(other, pick);
        pick = choose(truth);
        court.prove(game, pick, "");
        bytes memory reason =
            abi.encodeWithSelector(IDisputes.WrongParent.selector, court.disputeId(game.claim, game.challenger));
        vm.expectRevert(reason);
        court.prove(game, pick, "");
        vm.warp(block.timestamp + 30 days);
        vm.expectRevert(reason);
        court.timeout(game);
        vm.prank(challenger);
        vm.expectRevert(reason);
        court.abandon(game.claim);
    }

    function test_no_step_after_the_clock() public {
        (IDisputes.Pick memory pick,) = good();
        reply(other, pick);
        pick = choose(truth);
        vm.warp(block.timestamp + CLOCK + 1);
        vm.expectRevert(IDisputes.ClockRunOut.selector);
        court.prove(game, pick, "");
        court.timeout(game);
        bytes memory reason =
            abi.encodeWithSelector(IDisputes.WrongParent.selector, court.disputeId(game.claim, game.challenger));
        vm.expectRevert(reason);
        court.prove(game, pick, "");
    }

    function test_one_dispute_a_challenger() public {
        bytes32[] memory roots = points(truth, 0, 100, 10);
        bytes memory reason =
            abi.encodeWithSelector(IDisputes.DisputeExists.selector, court.disputeId(game.claim, game.challenger));
        vm.prank(challenger);
        vm.expectRevert(reason);
        court.open{value: BOND}(made, address(0), roots);
    }

    function test_window() public {
        address late = address(9);
        vm.deal(late, 2 * BOND);
        bytes32[] memory roots = points(truth, 0, 100, 10);
        uint256 deadline = court.stateOf(game.claim).deadline;
        vm.warp(deadline + 1);
        vm.prank(late);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowClosed.selector, game.claim));
        court.open{value: BOND}(made, address(0), roots);
        vm.warp(deadline);
        vm.prank(late);
        court.open{value: BOND}(made, address(0), roots);
    }

    function test_challenge_bond_is_exact() public {
        vm.deal(address(9), 3 * BOND);
        bytes32[] memory roots = points(truth, 0, 100, 10);
        vm.prank(address(9));
        vm.expectRevert(abi.encodeWithSelector(IClaims.WrongBond.selector, BOND + 1, BOND));
        court.open{value: BOND + 1}(made, address(0), roots);
    }
}
