// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IClaims} from "../src/interfaces/IClaims.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {Arena, ICourt} from "./utils/Arena.sol";

/// @notice A challenger that is a contract and misbehaves when it is paid.
contract Payee {
    enum Mood {
        Accept,
        Refuse,
        Bomb,
        Enter
    }

    ICourt private court;
    Mood private mood;
    bytes32 private claim;
    bool public entered;

    constructor(ICourt court_) {
        court = court_;
    }

    function set(Mood mood_, bytes32 claim_) external {
        (mood, claim) = (mood_, claim_);
    }

    function open(IClaims.Claim calldata content, bytes32[] calldata roots) external payable {
        court.open{value: msg.value}(content, address(0), roots);
    }

    receive() external payable {
        if (mood == Mood.Refuse) revert("no");
        if (mood == Mood.Bomb) {
            assembly {
                return(0, 1000000)
            }
        }
        if (mood == Mood.Enter) {
            (entered,) = address(court).call(abi.encodeCall(court.collectDispute, (claim, address(this))));
        }
    }
}

/// @notice Bonds move once, to whom they belong, and nobody can stand in another's way.
contract MoneyTest is Arena {
    uint256 private constant HALF = BOND / 2;
    address private first = address(0xf1);
    address private second = address(0xf2);

    function setUp() public override {
        super.setUp();
        vm.deal(first, 10 ether);
        vm.deal(second, 10 ether);
    }

    function finish(IClaims.Claim memory made) private {
        vm.warp(uint256(court.stateOf(court.claimId(made)).deadline) + 1);
    }

    function collects(IClaims.Claim memory made, address who, uint256 amount) private {
        uint256 before = who.balance;
        court.collectDispute(court.claimId(made), who);
        assertEq(who.balance - before, amount);
        nothingFor(made, who);
    }

    function nothingFor(IClaims.Claim memory made, address who) private {
        bytes32 id = court.claimId(made);
        vm.expectRevert(IClaims.NothingToCollect.selector);
        court.collectDispute(id, who);
    }

    function claimantCollects(IClaims.Claim memory made, uint256 amount) private {
        uint256 before = claimant.balance;
        court.collectClaim(made);
        assertEq(claimant.balance - before, amount);
        vm.expectRevert(IClaims.NothingToCollect.selector);
        court.collectClaim(made);
    }

    function test_undisputed_claim_becomes_final_after_its_window() public {
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        bytes32 id = court.claimId(made);
        vm.warp(court.stateOf(id).deadline);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NotFinal.selector, id));
        court.finalize(made);
        vm.expectRevert(IClaims.NothingToCollect.selector);
        court.collectClaim(made);
        finish(made);
        court.finalize(made);
        assertTrue(court.isFinal(id));
        claimantCollects(made, BOND);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NotFinal.selector, id));
        court.finalize(made);
    }

    function test_collecting_finalizes() public {
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        finish(made);
        claimantCollects(made, BOND);
        assertTrue(court.isFinal(court.claimId(made)));
        assertEq(address(court).balance, 0);
    }

    function test_not_final_while_a_dispute_is_open() public {
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        (, Belief memory other) = beliefs(made, 50);
        openWith(made, other, challenger);
        finish(made);
        bytes32 id = court.claimId(made);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NotFinal.selector, id));
        court.finalize(made);
    }

    function test_false_claim_pays_half_to_the_winner_and_burns_half() public {
        IClaims.Claim memory made = makeClaim(badOutput, 100);
        dispute(made, 50, challenger);
        collects(made, challenger, BOND + HALF);
        vm.expectRevert(IClaims.NothingToCollect.selector);
        court.collectClaim(made);
        finish(made);
        bytes32 id = court.claimId(made);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NotFinal.selector, id));
        court.finalize(made);
        // What is left is burnt.
        assertEq(address(court).balance, HALF);
    }

    function test_lost_challenge_pays_half_to_the_claimant() public {
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        dispute(made, 50, challenger);
        nothingFor(made, challenger);
        // At once, before the claim is final.
        claimantCollects(made, HALF);
        finish(made);
        claimantCollects(made, BOND);
        assertEq(address(court).balance, HALF);
    }

    function test_losing_on_purpose_shields_nothing() public {
        IClaims.Claim memory made = makeClaim(badOutput, 100);
        // A friend opens first, and loses by its clock.
        (, Belief memory other) = beliefs(made, 50);
        other.end = keccak256("friend");
        openWith(made, other, first);
        other.fault = 1;
        reply(other, pickOf(0));
        vm.warp(block.timestamp + CLOCK + 1);
        court.timeout(game);
        assertPhase(made, IClaims.Phase.Open);
        dispute(made, 50, challenger);
        assertPhase(made, IClaims.Phase.False);
        nothingFor(made, first);
        collects(made, challenger, BOND + HALF);
        // Of their two bonds the claimant and its friend keep half of one.
        claimantCollects(made, HALF);
        assertEq(address(court).balance, 2 * HALF);
    }

    function test_earliest_opened_winner_takes_the_share() public {
        IClaims.Claim memory made = makeClaim(badOutput, 100);
        (Belief memory truth, Belief memory other) = beliefs(made, 50);
        openWith(made, truth, first);
        IDisputes.Game memory waiting = game;
        (bytes32 start, bytes32[] memory roots) = (listStart, list);
        dispute(made, 50, second);
        // The later one has won, the earlier is still open: only the bond for now.
        collects(made, second, BOND);
        // No new ones.
        bytes32 id = court.claimId(made);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowClosed.selector, id));
        court.open{value: BOND}(made, address(0), roots);
        (game, listStart, list) = (waiting, start, roots);
        play(truth, other, false);
        collects(made, first, BOND + HALF);
        nothingFor(made, second);
        assertEq(address(court).balance, HALF);
    }

    function test_later_winner_takes_the_share_when_the_earlier_gives_up() public {
        IClaims.Claim memory made = makeClaim(badOutput, 100);
        (Belief memory truth,) = beliefs(made, 50);
        openWith(made, truth, first);
        bytes32 id = court.claimId(made);
        vm.prank(first);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotFalse.selector, id));
        court.abandon(id);
        dispute(made, 50, second);
        vm.prank(first);
        court.abandon(id);
        collects(made, first, BOND);
        collects(made, second, BOND + HALF);
        assertEq(address(court).balance, HALF);
    }

    function test_challenger_that_loses_after_the_fall_gets_its_bond_back() public {
        IClaims.Claim memory made = makeClaim(badOutput, 100);
        (Belief memory truth, Belief memory other) = beliefs(made, 50);
        openWith(made, truth, first);
        reply(other, choose(other));
        IDisputes.Game memory waiting = game;
        dispute(made, 50, second);
        vm.warp(block.timestamp + CLOCK + 1);
        court.timeout(waiting);
        collects(made, first, BOND);
        collects(made, second, BOND + HALF);
        vm.expectRevert(IClaims.NothingToCollect.selector);
        court.collectClaim(made);
    }

    function test_recipient_that_refuses_hurts_only_itself() public {
        IClaims.Claim memory made = makeClaim(badOutput, 100);
        Payee payee = new Payee(court);
        (Belief memory truth, Belief memory other) = beliefs(made, 50);
        bytes32[] memory roots = points(truth, 0, 100, 10);
        vm.recordLogs();
        payee.open{value: BOND}(made, roots);
        readList();
        payee.set(Payee.Mood.Refuse, court.claimId(made));
        play(truth, other, false);
        assertPhase(made, IClaims.Phase.False);
        bytes32 id = court.claimId(made);
        vm.expectRevert(IClaims.PaymentFailed.selector);
        court.collectDispute(id, address(payee));
        payee.set(Payee.Mood.Bomb, id);
        uint256 gas_ = gasleft();
        collects(made, address(payee), BOND + HALF);
        // Its megabyte was not copied here (copying it would cost about as much as making it again).
        assertTrue(gas_ - gasleft() < 6_000_000);
    }

    function test_recipient_that_enters_again_gets_nothing_more() public {
        IClaims.Claim memory made = makeClaim(badOutput, 100);
        Payee payee = new Payee(court);
        (Belief memory truth, Belief memory other) = beliefs(made, 50);
        bytes32[] memory roots = points(truth, 0, 100, 10);
        vm.recordLogs();
        payee.open{value: BOND}(made, roots);
        readList();
        play(truth, other, false);
        payee.set(Payee.Mood.Enter, court.claimId(made));
        collects(made, address(payee), BOND + HALF);
        assertTrue(!payee.entered());
    }
}
