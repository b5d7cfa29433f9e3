// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Tree} from "../src/Tree.sol";
import {IClaims, ICallback} from "../src/interfaces/IClaims.sol";
import {IRegistry} from "../src/interfaces/IRegistry.sol";
import {Arena, ICourt} from "./utils/Arena.sol";

/// @notice A consumer in several moods.
contract Consumer is ICallback {
    ICourt private court;
    bool private bomb;
    bool private spin;
    uint256 public calls;
    uint256 public answer;
    bool public wasFinal;

    constructor(ICourt court_) {
        court = court_;
    }

    function set(bool bomb_, bool spin_) external {
        (bomb, spin) = (bomb_, spin_);
    }

    function onResult(bytes32, bytes32 claim, uint8 status, bytes calldata output) external {
        while (spin) {}
        if (bomb) {
            assembly {
                revert(0, 100000)
            }
        }
        require(msg.sender == address(court) && status == 1);
        calls++;
        answer = abi.decode(output, (uint256));
        wasFinal = court.isFinal(claim);
    }
}

/// @notice What may be registered, asked, claimed, delivered.
contract ClaimsTest is Arena {
    function test_register_checks_the_head() public {
        bytes32[4] memory h = head(LIMIT);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ModelExists.selector, model));
        court.register(h, keccak256("text"), keccak256("const"));
        h[0] = bytes32(uint256(h[0]) ^ 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.IsaMismatch.selector, h[0]));
        court.register(h, keccak256("text"), keccak256("const"));
        refuses(head(0));
        h = head(LIMIT);
        h[3] = bytes32(uint256(1));
        refuses(h);
        refuses(withProfile(uint256(33) << 64 | 1));
        refuses(withProfile(uint256(33) << 96 | 1));
        refuses(withProfile(uint256(21) << 104 | 1));
        refuses(withProfile(uint256(21) << 112 | 1));
        refuses(withProfile(uint256(1) << 120 | 1));
    }

    function withProfile(uint256 profile) private pure returns (bytes32[4] memory h) {
        h = head(1);
        h[1] = bytes32(profile);
    }

    function refuses(bytes32[4] memory h) private {
        vm.expectRevert(IRegistry.BadHead.selector);
        court.register(h, keccak256("text"), keccak256("const"));
    }

    function test_model_is_its_root() public view {
        bytes32[4] memory h = head(LIMIT);
        bytes32 headRoot = sha(sha(h[0], h[1]), sha(h[2], h[3]));
        assertEq(model, sha(sha(headRoot, keccak256("text")), keccak256("const")));
        assertEq(court.profileOf(model), h[1]);
    }

    function sha(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return sha256(abi.encode(a, b));
    }

    function zero(uint256 depth) private pure returns (bytes32 z) {
        for (uint256 d = 0; d < depth; d++) {
            z = sha(z, z);
        }
    }

    /// @dev docs/machine.md: the initial state has regs, onchip, work, output zero; the final one status, steps and output.
    function test_ends_of_a_run() public view {
        bytes32[4] memory h = head(LIMIT);
        bytes32 fixed_ = sha(sha(h[0], h[1]), sha(h[2], h[3]));
        fixed_ = sha(sha(fixed_, keccak256("text")), sha(keccak256("const"), asked.inputRoot));
        (bytes32 start, bytes32 end) = court.ends(content(goodOutput, 100));
        assertEq(start, sha(fixed_, sha(sha(zero(2), zero(7)), sha(zero(3), zero(2)))));
        bytes32 regs = sha(sha(bytes32(uint256(1) << 32 | uint256(100) << 128), 0), zero(1));
        assertEq(end, sha(fixed_, sha(sha(regs, zero(7)), sha(zero(3), rowsRoot(goodOutput, 2)))));
    }

    function test_requests() public {
        vm.expectRevert(abi.encodeWithSelector(IClaims.RequestExists.selector, court.requestId(asked)));
        court.request(model, input, address(0), 0, 0);
        court.request(model, input, address(0), 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ModelUnknown.selector, bytes32(uint256(5))));
        court.request(bytes32(uint256(5)), input, address(0), 0, 0);
        court.request(model, new bytes(128), address(0), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Tree.BadLength.selector, 160));
        court.request(model, new bytes(160), address(0), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Tree.BadLength.selector, 33));
        court.request(model, new bytes(33), address(0), 0, 0);
    }

    /// @dev Every number of rows, the empty input included.
    function testFuzz_input_root(uint256 rows, uint256 seed) public {
        bytes memory some = new bytes(32 * bound(rows, 0, 4));
        for (uint256 i = 0; i < some.length; i++) {
            some[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, i)))));
        }
        bytes32 id = court.request(model, some, address(0), 0, 77);
        IClaims.Request memory r = IClaims.Request(address(this), model, rowsRoot(some, 2), address(0), 0, 77);
        assertEq(id, court.requestId(r));
    }

    function test_claims_are_bound_to_published_requests() public {
        IClaims.Request memory swapped = asked;
        swapped.inputRoot = keccak256("never shown");
        refusesClaim(abi.encodeWithSelector(IClaims.RequestUnknown.selector, court.requestId(swapped)), swapped, 100, 1);
        swapped = asked;
        swapped.model = keccak256("another model");
        refusesClaim(abi.encodeWithSelector(IClaims.RequestUnknown.selector, court.requestId(swapped)), swapped, 100, 1);
    }

    function test_claims_are_checked() public {
        refusesClaim(abi.encodeWithSelector(IClaims.BadStatus.selector, 0), asked, 100, 0);
        refusesClaim(abi.encodeWithSelector(IClaims.BadStatus.selector, 9), asked, 100, 9);
        refusesClaim(abi.encodeWithSelector(IClaims.BadSteps.selector, 0), asked, 0, 1);
        refusesClaim(abi.encodeWithSelector(IClaims.BadSteps.selector, LIMIT + 2), asked, LIMIT + 2, 1);
        vm.prank(claimant);
        vm.expectRevert(abi.encodeWithSelector(IClaims.WrongBond.selector, BOND - 1, BOND));
        court.claim{value: BOND - 1}(asked, goodOutput, 100, 1, address(0));
        makeClaim(goodOutput, LIMIT + 1);
    }

    function refusesClaim(bytes memory reason, IClaims.Request memory request, uint64 steps, uint8 status) private {
        vm.prank(claimant);
        vm.expectRevert(reason);
        court.claim{value: BOND}(request, goodOutput, steps, status, address(0));
    }

    function test_duplicate_claims() public {
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        refusesClaim(abi.encodeWithSelector(IClaims.ClaimExists.selector, court.claimId(made)), asked, 100, 1);
        // Also after it has become final.
        vm.warp(block.timestamp + WINDOW + 1);
        court.finalize(made);
        refusesClaim(abi.encodeWithSelector(IClaims.ClaimExists.selector, court.claimId(made)), asked, 100, 1);
        // Another claimant's is another claim.
        vm.deal(address(5), BOND);
        vm.prank(address(5));
        court.claim{value: BOND}(asked, goodOutput, 100, 1, address(0));
    }

    function test_ids_name_chain_and_contract() public {
        IClaims.Claim memory made = content(goodOutput, 100);
        (bytes32 here, bytes32 request) = (court.claimId(made), court.requestId(asked));
        ICourt elsewhere = deploy(toy);
        assertTrue(elsewhere.claimId(made) != here && elsewhere.requestId(asked) != request);
        vm.chainId(block.chainid + 1);
        assertTrue(court.claimId(made) != here && court.requestId(asked) != request);
    }

    // delivery

    function consumer(uint32 callbackGas) private returns (Consumer c) {
        c = new Consumer(court);
        court.request(model, input, address(c), callbackGas, 3);
        (asked.callback, asked.callbackGas, asked.salt) = (address(c), callbackGas, 3);
    }

    function test_delivers_once_and_only_when_final() public {
        Consumer c = consumer(200_000);
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NotFinal.selector, court.claimId(made)));
        court.deliver(made, asked, goodOutput);
        vm.warp(block.timestamp + WINDOW + 1);
        court.finalize(made);
        vm.expectRevert(IClaims.WrongOutput.selector);
        court.deliver(made, asked, badOutput);
        court.deliver(made, asked, goodOutput);
        assertTrue(c.calls() == 1 && c.answer() == 7 && c.wasFinal());
        vm.expectRevert(abi.encodeWithSelector(IClaims.AlreadyDelivered.selector, court.requestId(asked)));
        court.deliver(made, asked, goodOutput);
    }

    function test_delivery_cannot_be_starved() public {
        Consumer c = consumer(200_000);
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        vm.warp(block.timestamp + WINDOW + 1);
        court.finalize(made);
        bytes memory call = abi.encodeCall(court.deliver, (made, asked, goodOutput));
        for (uint256 gas_ = 50_000; c.calls() == 0; gas_ += 5_000) {
            (bool ok,) = address(court).call{gas: gas_}(call);
            assertTrue(ok == (c.calls() == 1));
        }
    }

    function test_misbehaving_consumer_hurts_only_itself() public {
        Consumer c = consumer(100_000);
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        vm.warp(block.timestamp + WINDOW + 1);
        court.finalize(made);
        c.set(false, true);
        uint256 before = gasleft();
        court.deliver(made, asked, goodOutput);
        assertTrue(before - gasleft() < 250_000);
        assertEq(c.calls(), 0);
        court.collectClaim(made);
    }

    function test_returndata_bomb_is_not_copied() public {
        Consumer c = consumer(100_000);
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        vm.warp(block.timestamp + WINDOW + 1);
        court.finalize(made);
        c.set(true, false);
        uint256 before = gasleft();
        court.deliver(made, asked, goodOutput);
        assertTrue(before - gasleft() < 250_000);
    }

    function test_no_callback_no_delivery() public {
        IClaims.Claim memory made = makeClaim(goodOutput, 100);
        vm.warp(block.timestamp + WINDOW + 1);
        court.finalize(made);
        vm.expectRevert(abi.encodeWithSelector(IClaims.NoCallback.selector, court.requestId(asked)));
        court.deliver(made, asked, goodOutput);
    }
}
