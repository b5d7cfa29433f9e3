// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Base} from "./utils/Base.sol";

/// @notice The committed artifacts, which all these tests deploy, can be deployed on a chain.
contract ArtifactsTest is Base {
    function test_deployed_code_fits() public {
        // EIP-170.
        address step = vm.deployCode("artifacts/Step.json");
        vm.assertLe(step.code.length, 24576);
        bytes memory terms = abi.encode(step, 1 ether, 1 days, 1 hours, 1 minutes);
        vm.assertLe(vm.deployCode("artifacts/Court.json", terms).code.length, 24576);
    }
}
