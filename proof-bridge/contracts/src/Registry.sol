// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "./Isa.sol";
import {RegsLib} from "./Regs.sol";
import {Tree} from "./Tree.sol";
import {Profile} from "./Word.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";

/// @title Models, and the two ends of a run of one.
abstract contract Registry is IRegistry {
    /// @dev What folds a state root: model root = pair(headText, constRoot).
    struct Model {
        Profile profile;
        bytes32 headText;
        bytes32 constRoot;
    }

    mapping(bytes32 => Model) private models;

    /// @inheritdoc IRegistry
    function register(bytes32[4] calldata head, bytes32 textRoot, bytes32 constRoot) external returns (bytes32 model) {
        if (head[0] != Isa.ISA_HASH) revert IsaMismatch(head[0]);
        Profile profile = Profile.wrap(uint256(head[1]));
        if (!profile.isValid() || profile.limit() == 0 || head[3] != 0) revert BadHead();
        bytes32 headText = Tree.pair(Tree.pair(Tree.pair(head[0], head[1]), Tree.pair(head[2], head[3])), textRoot);
        model = Tree.pair(headText, constRoot);
        if (Profile.unwrap(models[model].profile) != 0) revert ModelExists(model);
        models[model] = Model(profile, headText, constRoot);
        emit Registered(model, head, textRoot, constRoot);
    }

    /// @inheritdoc IRegistry
    function profileOf(bytes32 model) external view returns (bytes32) {
        return bytes32(Profile.unwrap(models[model].profile));
    }

    /// @dev The profile of a model that must be registered.
    function knownProfile(bytes32 model) internal view returns (Profile profile) {
        profile = models[model].profile;
        // A registered one has a limit.
        if (Profile.unwrap(profile) == 0) revert ModelUnknown(model);
    }

    /// @dev The state roots before the first micro-step and after the last: everything writable begins as zero, and a
    /// halted machine keeps only status, steps and output.
    function runEnds(bytes32 model, bytes32 inputRoot, bytes32 outputRoot, uint256 status, uint256 steps)
        internal
        view
        returns (bytes32 start, bytes32 end)
    {
        Model storage known = models[model];
        Profile profile = knownProfile(model);
        bytes32 fixed_ = Tree.pair(known.headText, Tree.pair(known.constRoot, inputRoot));
        bytes32 onchip = Tree.zero(profile.onchip());
        bytes32 work = Tree.zero(profile.depth(Isa.TREE_WORK));
        bytes32 output = Tree.zero(profile.depth(Isa.TREE_OUTPUT));
        start = Tree.pair(fixed_, Tree.pair(Tree.pair(Tree.zero(2), onchip), Tree.pair(work, output)));
        bytes32 regs = RegsLib.halted(status, steps);
        end = Tree.pair(fixed_, Tree.pair(Tree.pair(regs, onchip), Tree.pair(work, outputRoot)));
    }
}
