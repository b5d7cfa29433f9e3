// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IClaims} from "./IClaims.sol";

/// @title Disputes: an alternating k-ary dissection down to one micro-step.
/// @notice A list of roots over [lo, hi) has s = min(k, hi - lo) segments. Point j is lo + floor((hi - lo) * j / s);
/// p_0 is agreed, p_1 .. p_s are `roots`. Segment j is [point j, point j + 1), its leaf keccak256(p_j, p_{j+1}); `segments` is the
/// keccak256 binary tree over the leaves, padded with zero words to the next power of two.
/// k = ceil(N^(1/R)), R = the least even number with 64^R >= N, so k <= 64.
interface IDisputes {
    /// @notice The whole state of a dispute. Storage holds keccak256(abi.encode(Game)) only, overwritten by each move.
    struct Game {
        bytes32 claim;
        address claimant;
        address claimantDelegate;
        address challenger;
        address challengerDelegate;
        /// place among the claim's disputes in order of opening, from 1
        uint32 order;
        /// segments a list, see above
        uint32 k;
        /// first and last point of the last list, in micro-steps since reset
        uint64 lo;
        uint64 hi;
        /// root of the tree over the last list's segments
        bytes32 segments;
        /// whose turn it is; the other side posted the last list
        bool claimantTurn;
        /// unix time of the last move, seconds
        uint64 movedAt;
        /// seconds that each side has left
        uint32 claimantClock;
        uint32 challengerClock;
    }

    /// @notice The first segment of the last list whose start the mover accepts and whose end it rejects.
    struct Pick {
        uint32 segment;
        bytes32 start;
        bytes32 end;
        /// siblings up to `segments`, bottom first: exactly ceil(log2 s) of them
        bytes32[] proof;
    }

    /// @notice The claim is no longer open, or its window has passed.
    error WindowClosed(bytes32 claim);
    /// @notice The claim has not been proved false.
    error NotFalse(bytes32 claim);
    error DisputeExists(bytes32 dispute);
    /// @notice The game named is not the present one: it moved on, ended, or never was.
    error WrongParent(bytes32 dispute);
    error NotYourTurn(address sender);
    error ClockRunOut();
    error ClockRunning();
    error BadPick();
    error WrongRootCount(uint256 given, uint256 required);
    /// @notice The posted end equals the rejected one.
    error SameEnd();
    /// @notice The segment is one micro-step: prove it.
    error OneStep();
    /// @notice The segment is more than one micro-step: move.
    error ManySteps();
    /// @notice The witness confirms the posted end.
    error StepAgrees();

    /// @notice A list was posted: by `open` (then `start` is the initial root), or by `move`.
    event Moved(bytes32 indexed dispute, bytes32 indexed claim, Game game, bytes32 start, bytes32[] roots);
    /// @param challengerWon who won
    /// @param byStep by a witness; otherwise by the clock or by abandoning
    event Resolved(bytes32 indexed dispute, bytes32 indexed claim, bool challengerWon, bool byStep);

    /// @notice Opens the sender's one dispute of a claim with `bond()` wei: its first list over [0, N).
    /// @param delegate may move for the challenger; zero for none
    /// @param roots k - 1 midpoints and an end other than the claim's final root
    function open(IClaims.Claim calldata content, address delegate, bytes32[] calldata roots)
        external
        payable
        returns (bytes32 dispute);

    /// @notice Replies, for either side: own midpoints of the picked segment and an end other than the picked one.
    /// @param game the parent state; a move on any other is rejected
    function move(Game calldata game, Pick calldata pick, bytes32[] calldata roots) external;

    /// @notice Disproves the end of a picked segment of one micro-step; the side to move wins. Anyone may call.
    function prove(Game calldata game, Pick calldata pick, bytes calldata witness) external;

    /// @notice Ends a dispute whose side to move has let its clock run out. Anyone may call.
    function timeout(Game calldata game) external;

    /// @notice Lets the sender abandon its open dispute of a claim that has been proved false in another.
    function abandon(bytes32 claim) external;

    /// @notice Pays a challenger its bond back once the claim is false and its dispute is over, and the share of the claimant's
    /// bond if it is the earliest-opened winner and no dispute is open any more. Anyone may call.
    function collectDispute(bytes32 claim, address challenger) external;

    /// @notice keccak256(abi.encode(claim, challenger)).
    function disputeId(bytes32 claim, address challenger) external pure returns (bytes32);
    /// @notice Hash of the present game; or, below 2^40, that there is none: 0 never opened, 1 lost by the challenger, 2 over
    /// without loss and its bond not yet collected, 3 the same and collected, order * 256 + 4 won and its bond not yet collected,
    /// order * 256 + 5 the same and collected.
    function gameOf(bytes32 dispute) external view returns (bytes32);
    /// @notice R and k for a claim of `steps` micro-steps.
    function arity(uint64 steps) external pure returns (uint256 rounds, uint256 k);
    /// @notice Root before the first micro-step and after the last.
    function ends(IClaims.Claim calldata content) external view returns (bytes32 start, bytes32 end);
    /// @notice Seconds a side has at the start, and at least for every move.
    function clock() external view returns (uint32);
    function extension() external view returns (uint32);
}
