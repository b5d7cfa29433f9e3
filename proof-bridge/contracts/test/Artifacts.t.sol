// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Base} from "./utils/Base.sol";

/// @notice The committed artifacts are those of the present sources; else run `node proof-bridge/contracts/artifacts.mjs`.
contract ArtifactsTest is Base {
    function check(string memory name) private view {
        bytes memory committed =
            vm.parseJsonBytes(vm.readFile(string.concat("artifacts/", name, ".json")), ".bytecode.object");
        bytes memory fresh = vm.getCode(string.concat(name, ".sol:", name));
        vm.assertEq(keccak256(committed), keccak256(fresh), "stale artifact");
    }

    function test_artifacts_are_fresh() public view {
        check("Court");
        check("Step");
    }

    function test_deployed_code_fits() public {
        // EIP-170.
        vm.assertLe(vm.deployCode("Step.sol:Step").code.length, 24576);
    }
}
