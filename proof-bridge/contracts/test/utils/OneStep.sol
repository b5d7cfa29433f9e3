// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IStep} from "../../src/interfaces/IStep.sol";
import {Trees} from "./Trees.sol";

/// @notice One micro-step against states computed here by hand.
abstract contract OneStep is Trees {
    IStep internal step;
    bytes32 internal pre;

    function setUp() public virtual {
        step = IStep(vm.deployCode("artifacts/Step.json"));
        build(Sizes({text: 2, constant_: 3, input: 2, work: 3, output: 2, spad: 6, acc: 2}), 1000, bytes32(0));
    }

    /// @dev Puts the instruction at pc 1, with 7 steps done, and begins the witness.
    function start(uint256 word) internal {
        set(TEXT, 1, word);
        setControl(1, 0, 0, 7);
        pre = stateRoot();
        beginRunning();
    }

    /// @dev The step must lead to the present state, with these registers.
    function expect(uint256 pc, uint256 row) internal {
        setControl(pc, 0, row, 8);
        assertEq(step.step(pre, witness), stateRoot());
    }

    function expectTrap(uint256 word, uint256 status) internal {
        start(word);
        expectStop(status);
    }

    function expectStop(uint256 status) internal {
        set(REGS, 1, 0);
        set(REGS, 2, 0);
        setControl(0, status, 0, 8);
        clear(ONCHIP);
        clear(WORK);
        if (status != 1) clear(OUTPUT);
        assertEq(step.step(pre, witness), stateRoot());
    }
}
