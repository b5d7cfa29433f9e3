// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Claims} from "./Claims.sol";
import {Dissection} from "./Dissection.sol";
import {IClaims} from "./interfaces/IClaims.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IStep} from "./interfaces/IStep.sol";

/// @title Disputes: games between a claimant and its challengers, each apart from all others.
/// @notice Clocks: each side begins with `clock` seconds; its thinking time is taken off at its move, and what is left is
/// raised to `extension` at least. So a game of R lists lasts at most 2 * clock + (R + 1) * extension seconds.
abstract contract Disputes is IDisputes, Claims {
    /// What a slot of `games` holds when no game is on, see `gameOf`.
    uint256 private constant LOST = 1;
    uint256 private constant OVER = 2;
    uint256 private constant OVER_PAID = 3;
    uint256 private constant WON = 4;
    uint256 private constant WON_PAID = 5;
    uint256 private constant ORDER_LSB = 8;
    uint256 private constant LEAST_HASH = 1 << 40;

    /// @inheritdoc IDisputes
    uint32 public immutable clock;
    /// @inheritdoc IDisputes
    uint32 public immutable extension;
    /// @notice Checks the one micro-step.
    IStep public immutable stepper;

    mapping(bytes32 => bytes32) private games;

    constructor(IStep stepper_, uint32 clock_, uint32 extension_) {
        stepper = stepper_;
        clock = clock_;
        extension = extension_;
    }

    /// @inheritdoc IDisputes
    function open(Claim calldata content, address delegate, bytes32[] calldata roots)
        external
        payable
        returns (bytes32 dispute)
    {
        takeBond();
        bytes32 id = hashOf(content);
        ClaimState memory state = states[id];
        if (state.phase != Phase.Open || block.timestamp > state.deadline) revert WindowClosed(id);
        dispute = idOf(id, msg.sender);
        if (games[dispute] != 0) revert DisputeExists(dispute);
        state.open++;
        state.opened++;
        states[id] = state;
        (bytes32 start, bytes32 end) = endsOf(content);
        Game memory game;
        (game.claim, game.order) = (id, state.opened);
        (game.claimant, game.claimantDelegate) = (content.claimant, content.delegate);
        (game.challenger, game.challengerDelegate) = (msg.sender, delegate);
        (, uint256 k) = Dissection.arity(content.steps);
        (game.k, game.hi) = (uint32(k), content.steps);
        (game.claimantClock, game.challengerClock) = (clock, clock);
        post(dispute, game, start, end, roots);
    }

    /// @inheritdoc IDisputes
    function move(Game calldata game, Pick calldata pick, bytes32[] calldata roots) external {
        bytes32 dispute = playing(game);
        (address side, address delegate) =
            game.claimantTurn ? (game.claimant, game.claimantDelegate) : (game.challenger, game.challengerDelegate);
        // A delegate of zero is nobody: no transaction comes from there.
        if (msg.sender != side && msg.sender != delegate) revert NotYourTurn(msg.sender);
        uint32 left = timeLeft(game);
        (uint64 lo, uint64 hi) = picked(game, pick);
        if (hi - lo == 1) revert OneStep();
        Game memory next = game;
        if (game.claimantTurn) next.claimantClock = left;
        else next.challengerClock = left;
        (next.lo, next.hi) = (lo, hi);
        post(dispute, next, pick.start, pick.end, roots);
    }

    /// @inheritdoc IDisputes
    function prove(Game calldata game, Pick calldata pick, bytes calldata witness) external {
        bytes32 dispute = playing(game);
        timeLeft(game);
        (uint64 lo, uint64 hi) = picked(game, pick);
        if (hi - lo != 1) revert ManySteps();
        if (stepper.step(pick.start, witness) == pick.end) revert StepAgrees();
        resolve(dispute, game, !game.claimantTurn, true);
    }

    /// @inheritdoc IDisputes
    function timeout(Game calldata game) external {
        bytes32 dispute = playing(game);
        if (elapsed(game) <= clockOf(game)) revert ClockRunning();
        resolve(dispute, game, game.claimantTurn, false);
    }

    /// @inheritdoc IDisputes
    function abandon(bytes32 id) external {
        bytes32 dispute = idOf(id, msg.sender);
        if (uint256(games[dispute]) < LEAST_HASH) revert WrongParent(dispute);
        if (states[id].phase != Phase.False) revert NotFalse(id);
        states[id].open--;
        games[dispute] = bytes32(OVER);
        emit Resolved(dispute, id, false, false);
    }

    /// @inheritdoc IDisputes
    function collectDispute(bytes32 id, address challenger) external {
        bytes32 dispute = idOf(id, challenger);
        uint256 outcome = uint256(games[dispute]);
        if (outcome >= LEAST_HASH) revert NothingToCollect();
        uint256 kind = uint8(outcome);
        uint256 amount;
        if (kind == OVER || kind == WON) {
            // OVER_PAID and WON_PAID follow them.
            games[dispute] = bytes32(outcome + 1);
            amount = bond;
        }
        ClaimState memory state = states[id];
        bool first = (kind == WON || kind == WON_PAID) && outcome >> ORDER_LSB == state.winner;
        if (first && state.open == 0 && !state.rewardPaid) {
            states[id].rewardPaid = true;
            amount += half();
        }
        pay(id, challenger, amount);
    }

    /// @inheritdoc IDisputes
    function disputeId(bytes32 id, address challenger) external pure returns (bytes32) {
        return idOf(id, challenger);
    }

    /// @inheritdoc IDisputes
    function gameOf(bytes32 dispute) external view returns (bytes32) {
        return games[dispute];
    }

    /// @inheritdoc IDisputes
    function arity(uint64 steps) external pure returns (uint256 rounds, uint256 k) {
        return Dissection.arity(steps);
    }

    /// @inheritdoc IDisputes
    function ends(Claim calldata content) external view returns (bytes32 start, bytes32 end) {
        return endsOf(content);
    }

    function idOf(bytes32 id, address challenger) private pure returns (bytes32) {
        return keccak256(abi.encode(id, challenger));
    }

    function endsOf(Claim calldata content) private view returns (bytes32 start, bytes32 end) {
        return runEnds(content.model, content.inputRoot, content.outputRoot, content.status, content.steps);
    }

    /// @dev The dispute of a game that must be the present one.
    function playing(Game calldata game) private view returns (bytes32 dispute) {
        dispute = idOf(game.claim, game.challenger);
        if (games[dispute] != keccak256(abi.encode(game))) revert WrongParent(dispute);
    }

    /// @dev Posts a list over [game.lo, game.hi) and passes the turn.
    function post(bytes32 dispute, Game memory game, bytes32 start, bytes32 rejected, bytes32[] calldata roots)
        private
    {
        uint256 count = Dissection.segmentCount(game.k, game.lo, game.hi);
        if (roots.length != count) revert WrongRootCount(roots.length, count);
        if (roots[count - 1] == rejected) revert SameEnd();
        game.segments = Dissection.treeOf(start, roots);
        game.claimantTurn = !game.claimantTurn;
        game.movedAt = uint64(block.timestamp);
        games[dispute] = keccak256(abi.encode(game));
        emit Moved(dispute, game.claim, game, start, roots);
    }

    /// @dev The picked segment [lo, hi) of the last list, which must hold the pick's start and end.
    function picked(Game calldata game, Pick calldata pick) private pure returns (uint64 lo, uint64 hi) {
        uint256 count = Dissection.segmentCount(game.k, game.lo, game.hi);
        bool shaped = pick.segment < count && pick.proof.length == Dissection.levels(count);
        if (!shaped || Dissection.rootOf(pick.start, pick.end, pick.segment, pick.proof) != game.segments) {
            revert BadPick();
        }
        lo = Dissection.point(game.lo, game.hi, count, pick.segment);
        hi = Dissection.point(game.lo, game.hi, count, uint256(pick.segment) + 1);
    }

    /// @dev What the side to move has left after a move now; `extension` at least.
    function timeLeft(Game calldata game) private view returns (uint32) {
        uint256 before = clockOf(game);
        uint256 spent = elapsed(game);
        if (spent > before) revert ClockRunOut();
        uint256 left = before - spent;
        return left < extension ? extension : uint32(left);
    }

    function clockOf(Game calldata game) private pure returns (uint256) {
        return game.claimantTurn ? game.claimantClock : game.challengerClock;
    }

    function elapsed(Game calldata game) private view returns (uint256) {
        return block.timestamp - game.movedAt;
    }

    /// @dev Ends a game. The claim falls with the first that it loses; of those it loses, before or after, the earliest opened is
    /// the winner. A challenger that loses against a claim that stands loses its bond; once the claim has fallen, none does.
    function resolve(bytes32 dispute, Game calldata game, bool challengerWon, bool byStep) private {
        ClaimState memory state = states[game.claim];
        state.open--;
        uint256 outcome = OVER;
        if (challengerWon) {
            outcome = WON | uint256(game.order) << ORDER_LSB;
            state.phase = Phase.False;
            if (state.winner == 0 || game.order < state.winner) state.winner = game.order;
        } else if (state.phase == Phase.Open) {
            outcome = LOST;
            state.repelled++;
        }
        states[game.claim] = state;
        games[dispute] = bytes32(outcome);
        emit Resolved(dispute, game.claim, challengerWon, byStep);
    }
}
