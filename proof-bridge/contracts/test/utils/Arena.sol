// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "../../src/Isa.sol";
import {IClaims} from "../../src/interfaces/IClaims.sol";
import {IDisputes} from "../../src/interfaces/IDisputes.sol";
import {IRegistry} from "../../src/interfaces/IRegistry.sol";
import {IStep} from "../../src/interfaces/IStep.sol";
import {Vm} from "forge-std/Vm.sol";
import {Base} from "./Base.sol";

/// @notice All that the deployed contract offers.
interface ICourt is IRegistry, IClaims, IDisputes {}

/// @notice A machine of named transitions: what was not named goes to its hash.
contract ToyStep is IStep {
    mapping(bytes32 => bytes32) private next;

    function name(bytes32 from, bytes32 to) external {
        next[from] = to;
    }

    function step(bytes32 preRoot, bytes calldata) external view returns (bytes32) {
        return next[preRoot] == 0 ? keccak256(abi.encode(preRoot)) : next[preRoot];
    }

    function isaHash() external pure returns (bytes32) {
        return Isa.ISA_HASH;
    }
}

/// @notice A court, a model, a request, and the moves of players.
abstract contract Arena is Base {
    uint256 internal constant BOND = 1 ether;
    uint40 internal constant WINDOW = 1 days;
    uint32 internal constant CLOCK = 6 hours;
    uint32 internal constant EXTENSION = 30 minutes;
    uint64 internal constant LIMIT = 1 << 40;

    address internal claimant = address(0xc1a1);
    address internal challenger = address(0xc4a1);

    ToyStep internal toy;
    ICourt internal court;
    bytes32 internal model;
    IClaims.Request internal asked;
    bytes internal input = abi.encode(1, 2, 3);
    bytes internal goodOutput = abi.encode(7);
    bytes internal badOutput = abi.encode(8);

    /// The last list of the dispute that is being played.
    IDisputes.Game internal game;
    bytes32 internal listStart;
    bytes32[] internal list;

    function setUp() public virtual {
        toy = new ToyStep();
        court = deploy(toy);
        model = court.register(head(LIMIT), keccak256("text"), keccak256("const"));
        asked = IClaims.Request(address(this), model, 0, address(0), 0, 0);
        court.request(model, input, address(0), 0, 0);
        asked.inputRoot = rowsRoot(input, 2);
        vm.deal(claimant, 100 ether);
        vm.deal(challenger, 100 ether);
    }

    function deploy(IStep stepper) internal returns (ICourt) {
        return ICourt(vm.deployCode("artifacts/Court.json", abi.encode(stepper, BOND, WINDOW, CLOCK, EXTENSION)));
    }

    /// text 2, const 3, input 2, work 3, output 2, spad 6, acc 2
    function head(uint64 limit) internal pure returns (bytes32[4] memory leaves) {
        uint256 profile = limit | uint256(0x02060203020302) << 64;
        return [Isa.ISA_HASH, bytes32(profile), keccak256("metadata"), bytes32(0)];
    }

    function rowsRoot(bytes memory rows, uint256 depth) internal pure returns (bytes32) {
        bytes32[] memory level = new bytes32[](1 << depth);
        for (uint256 i = 0; i < rows.length / 32; i++) {
            bytes32 row;
            assembly {
                row := mload(add(rows, add(32, mul(32, i))))
            }
            level[i] = row;
        }
        for (uint256 width = level.length; width > 1; width /= 2) {
            for (uint256 i = 0; i < width / 2; i++) {
                level[i] = sha256(abi.encode(level[2 * i], level[2 * i + 1]));
            }
        }
        return level[0];
    }

    // claims

    function content(bytes memory output, uint64 steps) internal view returns (IClaims.Claim memory) {
        return IClaims.Claim(
            court.requestId(asked), asked.model, asked.inputRoot, rowsRoot(output, 2), steps, 1, claimant, address(0)
        );
    }

    function makeClaim(bytes memory output, uint64 steps) internal returns (IClaims.Claim memory made) {
        made = content(output, steps);
        vm.prank(claimant);
        bytes32 id = court.claim{value: BOND}(asked, output, steps, 1, address(0));
        assertEq(id, court.claimId(made));
    }

    function phaseOf(IClaims.Claim memory made) internal view returns (IClaims.Phase) {
        return court.stateOf(court.claimId(made)).phase;
    }

    function assertPhase(IClaims.Claim memory made, IClaims.Phase want) internal view {
        assertEq(uint256(phaseOf(made)), uint256(want));
    }

    // what players believe: the truth before `fault`, another run from it on

    struct Belief {
        bytes32 start;
        bytes32 end;
        uint64 steps;
        uint64 fault;
        bytes32 seed;
    }

    /// Roots of the true run that are not made up.
    mapping(uint64 step => bytes32) internal pinned;

    function at(Belief memory b, uint64 i) internal view returns (bytes32) {
        if (i < b.fault && pinned[i] != 0) return pinned[i];
        if (i == 0) return b.start;
        if (i == b.steps) return b.end;
        return keccak256(abi.encode(i < b.fault ? bytes32(0) : b.seed, i));
    }

    /// @dev The truth of a claim's run, whose true output is `goodOutput`, and of a run that leaves it at step `fault`.
    function beliefs(IClaims.Claim memory made, uint64 fault)
        internal
        returns (Belief memory truth, Belief memory other)
    {
        uint64 n = made.steps;
        (bytes32 start, bytes32 end) = court.ends(content(goodOutput, n));
        truth = Belief(start, end, n, n, 0);
        (, bytes32 claimed) = court.ends(made);
        bytes32 otherEnd = claimed == end ? keccak256("false end") : claimed;
        other = Belief(start, otherEnd, n, fault, keccak256("another run"));
        toy.name(at(truth, fault - 1), at(truth, fault));
    }

    function points(Belief memory b, uint64 lo, uint64 hi, uint256 count)
        internal
        view
        returns (bytes32[] memory roots)
    {
        roots = new bytes32[](count);
        for (uint256 j = 1; j <= count; j++) {
            roots[j - 1] = at(b, uint64(lo + uint256(hi - lo) * j / count));
        }
    }

    function segments(uint64 k, uint64 lo, uint64 hi) internal pure returns (uint256) {
        return k < hi - lo ? k : hi - lo;
    }

    // moves

    function openWith(IClaims.Claim memory made, Belief memory b, address who) internal {
        (, uint256 k) = court.arity(made.steps);
        bytes32[] memory roots = points(b, 0, made.steps, k);
        vm.recordLogs();
        vm.prank(who);
        court.open{value: BOND}(made, address(0), roots);
        readList();
    }

    /// @dev Takes the list from the event, as a player does.
    function readList() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (game, listStart, list) = abi.decode(logs[logs.length - 1].data, (IDisputes.Game, bytes32, bytes32[]));
        bytes32 id = court.disputeId(game.claim, game.challenger);
        assertEq(court.gameOf(id), keccak256(abi.encode(game)));
    }

    function bounds(uint256 segment) internal view returns (uint64 lo, uint64 hi) {
        uint256 span = game.hi - game.lo;
        lo = uint64(game.lo + span * segment / list.length);
        hi = uint64(game.lo + span * (segment + 1) / list.length);
    }

    function point(uint256 j) internal view returns (bytes32) {
        return j == 0 ? listStart : list[j - 1];
    }

    /// @dev The first segment whose start `b` accepts and whose end it rejects.
    function choose(Belief memory b) internal view returns (IDisputes.Pick memory pick) {
        for (uint256 j = 0; j < list.length; j++) {
            (uint64 lo, uint64 hi) = bounds(j);
            if (point(j) == at(b, lo) && point(j + 1) != at(b, hi)) return pickOf(j);
        }
        revert("nothing to reject");
    }

    function pickOf(uint256 segment) internal view returns (IDisputes.Pick memory) {
        return IDisputes.Pick(uint32(segment), point(segment), point(segment + 1), proofOf(segment));
    }

    function proofOf(uint256 segment) internal view returns (bytes32[] memory proof) {
        uint256 levels;
        while (1 << levels < list.length) levels++;
        bytes32[] memory row = new bytes32[](1 << levels);
        for (uint256 j = 0; j < list.length; j++) {
            row[j] = keccak256(bytes.concat(point(j), point(j + 1)));
        }
        proof = new bytes32[](levels);
        for (uint256 h = 0; h < levels; h++) {
            proof[h] = row[(segment >> h) ^ 1];
            for (uint256 i = 0; i < 1 << (levels - h - 1); i++) {
                row[i] = keccak256(bytes.concat(row[2 * i], row[2 * i + 1]));
            }
        }
        assertEq(row[0], game.segments);
    }

    function mover() internal view returns (address) {
        return game.claimantTurn ? game.claimant : game.challenger;
    }

    /// @dev Replies with `b`'s picture of a segment.
    function reply(Belief memory b, IDisputes.Pick memory pick) internal {
        (uint64 lo, uint64 hi) = bounds(pick.segment);
        bytes32[] memory roots = points(b, lo, hi, segments(game.k, lo, hi));
        vm.recordLogs();
        vm.prank(mover());
        court.move(game, pick, roots);
        readList();
    }

    /// @dev Plays until somebody proves, or the side with `other` cannot. Answers how many lists were posted.
    function play(Belief memory truth, Belief memory other, bool truthTurn) internal returns (uint256 lists) {
        for (lists = 1;; lists++) {
            IDisputes.Pick memory pick = choose(truthTurn ? truth : other);
            (uint64 lo, uint64 hi) = bounds(pick.segment);
            if (hi - lo == 1) {
                if (truthTurn) {
                    court.prove(game, pick, "");
                } else {
                    vm.expectRevert(IDisputes.StepAgrees.selector);
                    court.prove(game, pick, "");
                    vm.warp(block.timestamp + CLOCK + 1);
                    court.timeout(game);
                }
                return lists;
            }
            reply(truthTurn ? truth : other, pick);
            truthTurn = !truthTurn;
        }
    }

    /// @dev A whole dispute about `made`; the challenger is right or wrong by what was claimed.
    function dispute(IClaims.Claim memory made, uint64 fault, address who) internal returns (uint256 lists) {
        (Belief memory truth, Belief memory other) = beliefs(made, fault);
        (, bytes32 claimed) = court.ends(made);
        bool honestClaim = claimed == truth.end;
        openWith(made, honestClaim ? other : truth, who);
        return play(truth, other, honestClaim);
    }
}
