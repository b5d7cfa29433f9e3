// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Tree} from "../src/Tree.sol";
import {IStep} from "../src/interfaces/IStep.sol";
import {Asm} from "./utils/Asm.sol";
import {OneStep} from "./utils/OneStep.sol";

/// @notice Witnesses that prove nothing.
contract WitnessTest is OneStep {
    function good() private {
        set(WORK, 5, 0x1234);
        start(Asm.load(9, 5, WORK, 0));
        proveRead(WORK, 5, 0);
        proveOverwrite(ONCHIP, 9, 0);
    }

    function test_exact_length() public {
        good();
        step.step(pre, witness);
        bytes memory whole = witness;
        vm.expectRevert(Tree.WitnessTooLong.selector);
        step.step(pre, bytes.concat(whole, bytes32(0)));
        vm.expectRevert(Tree.WitnessTooLong.selector);
        step.step(pre, bytes.concat(whole, bytes1(0)));
        for (uint256 length = 0; length < whole.length; length += 31) {
            bytes memory part = whole;
            assembly {
                mstore(part, length)
            }
            vm.expectRevert(Tree.WitnessTooShort.selector);
            step.step(pre, part);
            whole = witness;
        }
    }

    /// @dev Whatever bit is turned, some proof fails.
    function testFuzz_any_change_reverts(uint256 bit) public {
        good();
        bytes memory changed = witness;
        bit = bound(bit, 0, 8 * changed.length - 1);
        changed[bit / 8] = changed[bit / 8] ^ bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert();
        step.step(pre, changed);
    }

    function test_wrong_root() public {
        good();
        vm.expectRevert(abi.encodeWithSelector(Tree.BadProof.selector, 8));
        step.step(bytes32(uint256(pre) ^ 1), witness);
    }

    function test_node_does_not_pass_for_leaf() public {
        // Row 5's parent as if it were row 2 of a tree one level lower.
        set(WORK, 5, 0x1234);
        start(Asm.load(9, 2, WORK, 0));
        witness = bytes.concat(witness, node(WORK, 1, 2), node(WORK, 1, 3), node(WORK, 2, 0));
        proveOverwrite(ONCHIP, 9, 0);
        vm.expectRevert();
        step.step(pre, witness);
    }

    function test_bad_profile() public {
        set(HEAD, 1, get(HEAD, 1) | uint256(1) << 120);
        start(1);
        vm.expectRevert(IStep.BadProfile.selector);
        step.step(pre, witness);
        set(HEAD, 1, uint256(33) << 64);
        start(1);
        vm.expectRevert(IStep.BadProfile.selector);
        step.step(pre, witness);
    }

    /// @dev Rows past 0 are not checked again; an address outside must still not be found.
    function test_index_outside_a_tree() public {
        start(Asm.load(9, 8, WORK, 0));
        setControl(1, 0, 1, 7);
        pre = stateRoot();
        beginRunning();
        proveRead(WORK, 8 % 8, 0);
        proveOverwrite(ONCHIP, 9, 0);
        vm.expectRevert(abi.encodeWithSelector(Tree.BadIndex.selector, WORK, 8));
        step.step(pre, witness);
    }

    function test_out_of_gas_in_the_precompile_reverts() public {
        good();
        bytes memory call = abi.encodeCall(step.step, (pre, witness));
        (, bytes memory want) = address(step).staticcall(call);
        for (uint256 gas_ = 3000; gas_ < 60000; gas_ += 997) {
            (bool ok, bytes memory out) = address(step).staticcall{gas: gas_}(call);
            assertTrue(!ok || keccak256(out) == keccak256(want));
        }
    }
}
