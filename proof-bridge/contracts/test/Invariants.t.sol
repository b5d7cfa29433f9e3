// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IClaims} from "../src/interfaces/IClaims.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {Arena, ICourt} from "./utils/Arena.sol";
import {Base} from "./utils/Base.sol";

/// @notice Honest players who answer at once, among liars who do anything at any time.
contract Crowd is Arena {
    struct Play {
        uint256 claim;
        bool honestChallenger;
        IDisputes.Game game;
        bytes32 start;
        bytes32[] list;
    }

    IClaims.Claim[] private claims;
    bool[] private isTrue;
    Play[] private plays;

    constructor() {
        setUp();
        vm.deal(claimant, 1e6 ether);
        vm.deal(challenger, 1e6 ether);
    }

    function theCourt() external view returns (ICourt) {
        return court;
    }

    /// @notice A claim, true or false; the honest challenger opens against a false one at once.
    function claimSomething(bool honest, uint64 steps) external {
        if (claims.length >= 5) return;
        steps = uint64(bound(steps, 1, 100));
        // Each on its own input: runs of one beginning would be one run.
        bytes memory rows = abi.encode(claims.length);
        (asked.inputRoot, asked.salt) = (rowsRoot(rows, 2), uint64(claims.length + 1));
        court.request(model, rows, address(0), 0, asked.salt);
        bytes memory output = honest ? goodOutput : badOutput;
        claims.push(makeClaim(output, steps));
        isTrue.push(honest);
        nameRun(truthOf(claims.length - 1));
        if (!honest) {
            openWith(claims[claims.length - 1], truthOf(claims.length - 1), challenger);
            plays.push(Play(claims.length - 1, true, game, listStart, list));
        }
        respond();
    }

    /// @notice A liar challenges any claim.
    function challengeSomething(uint256 which, uint256 seed) external {
        if (claims.length == 0 || plays.length >= 12) return;
        which %= claims.length;
        IClaims.Claim memory made = claims[which];
        IClaims.ClaimState memory state = court.stateOf(court.claimId(made));
        if (state.phase != IClaims.Phase.Open || block.timestamp > state.deadline) return;
        address liar = address(uint160(0x11a0000 + plays.length));
        vm.deal(liar, BOND);
        (, uint256 k) = court.arity(made.steps);
        bytes32[] memory roots = noise(which, 0, made.steps, k, seed);
        vm.recordLogs();
        vm.prank(liar);
        court.open{value: BOND}(made, address(0), roots);
        readList();
        plays.push(Play(which, false, game, listStart, list));
        respond();
    }

    /// @notice A liar whose turn it is picks any segment and posts anything, or tries to prove.
    function lie(uint256 which, uint256 segment, uint256 seed) external {
        if (plays.length == 0) return;
        which %= plays.length;
        if (!take(which) || honestTurn(which)) return;
        IDisputes.Pick memory pick = pickOf(segment % list.length);
        (uint64 lo, uint64 hi) = bounds(pick.segment);
        if (hi - lo == 1) {
            try court.prove(game, pick, "") {} catch {}
            return;
        }
        bytes32[] memory roots = noise(plays[which].claim, lo, hi, segments(game.k, lo, hi), seed);
        if (roots[roots.length - 1] == pick.end) return;
        vm.recordLogs();
        vm.prank(mover());
        try court.move(game, pick, roots) {
            put(which);
        } catch {}
        respond();
    }

    /// @notice Time passes; whoever has run out is called.
    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + bound(seconds_, 1, 8 hours));
        for (uint256 i = 0; i < plays.length; i++) {
            if (!take(i)) continue;
            try court.timeout(game) {} catch {}
        }
        for (uint256 i = 0; i < claims.length; i++) {
            try court.finalize(claims[i]) {} catch {}
        }
    }

    /// @notice Anyone collects for anyone.
    function collect(uint256 which) external {
        if (claims.length > 0) {
            try court.collectClaim(claims[which % claims.length]) {} catch {}
        }
        if (plays.length > 0) {
            IDisputes.Game memory g = plays[which % plays.length].game;
            try court.collectDispute(g.claim, g.challenger) {} catch {}
        }
    }

    /// @notice A challenger leaves.
    function abandon(uint256 which) external {
        if (plays.length == 0) return;
        IDisputes.Game memory g = plays[which % plays.length].game;
        vm.prank(g.challenger);
        try court.abandon(g.claim) {} catch {}
    }

    // what must hold

    function checkTruth() external view {
        for (uint256 i = 0; i < claims.length; i++) {
            IClaims.Phase phase = court.stateOf(court.claimId(claims[i])).phase;
            assertTrue(phase != (isTrue[i] ? IClaims.Phase.False : IClaims.Phase.Final));
        }
    }

    /// @dev The court holds to the wei what it owes and what is burnt.
    function checkBalance() external view {
        uint256 sum;
        for (uint256 i = 0; i < claims.length; i++) {
            IClaims.ClaimState memory s = court.stateOf(court.claimId(claims[i]));
            sum += s.repelled * (BOND / 2);
            if (s.phase == IClaims.Phase.False) sum += s.rewardPaid ? BOND / 2 : BOND;
            else if (!s.claimantPaid) sum += BOND;
        }
        for (uint256 i = 0; i < plays.length; i++) {
            IDisputes.Game memory g = plays[i].game;
            uint256 state = uint256(court.gameOf(court.disputeId(g.claim, g.challenger)));
            uint256 kind = state & 0xff;
            if (state >= 1 << 40 || kind == 2 || kind == 4) sum += BOND;
            else if (kind == 1) sum += BOND / 2;
        }
        assertEq(address(court).balance, sum);
    }

    function checkOpenCount() external view {
        for (uint256 i = 0; i < claims.length; i++) {
            uint256 live;
            for (uint256 j = 0; j < plays.length; j++) {
                IDisputes.Game memory g = plays[j].game;
                if (plays[j].claim == i && uint256(court.gameOf(court.disputeId(g.claim, g.challenger))) >= 1 << 40) {
                    live++;
                }
            }
            assertEq(uint256(court.stateOf(court.claimId(claims[i])).open), live);
        }
    }

    // the honest

    function truthOf(uint256 claim) private view returns (Belief memory) {
        IClaims.Claim memory right = claims[claim];
        right.outputRoot = rowsRoot(goodOutput, 2);
        (bytes32 start, bytes32 end) = court.ends(right);
        uint64 n = right.steps;
        return Belief(start, end, n, 0, keccak256(abi.encode("run", claim)));
    }

    /// @dev Lets the toy know a run: a liar must not be able to disprove its steps.
    function nameRun(Belief memory run) private {
        for (uint64 i = 0; i < run.steps; i++) {
            toy.name(at(run, i), at(run, i + 1));
        }
    }

    function honestTurn(uint256 which) private view returns (bool) {
        return game.claimantTurn ? isTrue[plays[which].claim] : plays[which].honestChallenger;
    }

    function respond() private {
        for (uint256 i = 0; i < plays.length; i++) {
            if (!take(i) || !honestTurn(i)) continue;
            Belief memory truth = truthOf(plays[i].claim);
            IDisputes.Pick memory pick = choose(truth);
            (uint64 lo, uint64 hi) = bounds(pick.segment);
            if (hi - lo == 1) {
                court.prove(game, pick, "");
            } else {
                reply(truth, pick);
                put(i);
            }
        }
    }

    /// @dev Makes play `which` the present one; false where it is over.
    function take(uint256 which) private returns (bool) {
        Play storage p = plays[which];
        game = p.game;
        listStart = p.start;
        list = p.list;
        return uint256(court.gameOf(court.disputeId(game.claim, game.challenger))) >= 1 << 40;
    }

    function put(uint256 which) private {
        if (!isRead()) readList();
        Play storage p = plays[which];
        p.game = game;
        p.start = listStart;
        p.list = list;
    }

    /// @dev Whether the present list has been read from its event: `reply` does so itself.
    function isRead() private view returns (bool) {
        return court.gameOf(court.disputeId(game.claim, game.challenger)) == keccak256(abi.encode(game));
    }

    /// @dev Roots of which some are true, with a false end.
    function noise(uint256 claim, uint64 lo, uint64 hi, uint256 count, uint256 seed)
        private
        view
        returns (bytes32[] memory roots)
    {
        roots = points(truthOf(claim), lo, hi, count);
        for (uint256 j = 0; j < count; j++) {
            bytes32 random = keccak256(abi.encode(seed, j));
            if (j == count - 1 || uint256(random) % 3 == 0) roots[j] = random;
        }
    }
}

/// @notice No sequence of moves by liars defeats an answering honest player, or the ledger.
contract CourtInvariants is Base {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Crowd private crowd;

    function setUp() public {
        crowd = new Crowd();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(crowd);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = Crowd.claimSomething.selector;
        selectors[1] = Crowd.challengeSomething.selector;
        selectors[2] = Crowd.lie.selector;
        selectors[3] = Crowd.wait.selector;
        selectors[4] = Crowd.collect.selector;
        selectors[5] = Crowd.abandon.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(crowd), selectors);
    }

    function invariant_truth_prevails_and_money_adds_up() public view {
        crowd.checkTruth();
        crowd.checkBalance();
        crowd.checkOpenCount();
    }
}
