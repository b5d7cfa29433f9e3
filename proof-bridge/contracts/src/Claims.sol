// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Isa} from "./Isa.sol";
import {Registry} from "./Registry.sol";
import {Tree} from "./Tree.sol";
import {Profile} from "./Word.sol";
import {IClaims, ICallback} from "./interfaces/IClaims.sol";

/// @title Requests, claims, finality, payouts.
/// @notice Money: a claim and a challenge each put up `bond`. A lost bond is halved: one half to the other side, the
/// other burnt, which here means that it stays in this contract, where no function pays it out.
abstract contract Claims is IClaims, Registry {
    bytes32 private constant REQUEST = keccak256("request");
    bytes32 private constant CLAIM = keccak256("claim");
    uint256 private constant PUBLISHED = 1;
    uint256 private constant DELIVERED = 2;
    /// Gas that `deliver` keeps for itself around the callback.
    uint256 private constant DELIVER_GAS = 10_000;

    /// @inheritdoc IClaims
    uint256 public immutable bond;
    /// @inheritdoc IClaims
    uint40 public immutable window;

    mapping(bytes32 => uint256) private requests;
    mapping(bytes32 => ClaimState) internal states;

    constructor(uint256 bond_, uint40 window_) {
        bond = bond_;
        window = window_;
    }

    /// @inheritdoc IClaims
    function request(bytes32 model, bytes calldata input, address callback, uint32 callbackGas, uint64 salt)
        external
        returns (bytes32 id)
    {
        bytes32 inputRoot = Tree.rootOfRows(input, knownProfile(model).depth(Isa.TREE_INPUT));
        Request memory content = Request(msg.sender, model, inputRoot, callback, callbackGas, salt);
        id = hashOf(content);
        if (requests[id] != 0) revert RequestExists(id);
        requests[id] = PUBLISHED;
        emit Requested(id, model, content, input);
    }

    /// @inheritdoc IClaims
    function claim(Request calldata asked, bytes calldata output, uint64 steps, uint8 status, address delegate)
        external
        payable
        returns (bytes32 id)
    {
        takeBond();
        bytes32 asked_ = hashOf(asked);
        if (requests[asked_] == 0) revert RequestUnknown(asked_);
        Profile profile = knownProfile(asked.model);
        if (status < Isa.STATUS_HALTED || status > Isa.STATUS_FETCH) revert BadStatus(status);
        if (steps == 0 || steps > profile.limit() + 1) revert BadSteps(steps);
        bytes32 outputRoot = Tree.rootOfRows(output, profile.depth(Isa.TREE_OUTPUT));
        Claim memory content =
            Claim(asked_, asked.model, asked.inputRoot, outputRoot, steps, status, msg.sender, delegate);
        id = hashOf(content);
        ClaimState storage state = states[id];
        if (state.phase != Phase.None) revert ClaimExists(id);
        uint40 deadline = uint40(block.timestamp) + window;
        (state.phase, state.deadline) = (Phase.Open, deadline);
        emit Claimed(id, asked_, msg.sender, content, deadline, output);
    }

    /// @inheritdoc IClaims
    function finalize(Claim calldata content) external {
        bytes32 id = hashOf(content);
        ClaimState memory state = states[id];
        if (!isDue(state)) revert NotFinal(id);
        state.phase = Phase.Final;
        states[id] = state;
        emit Finalized(id, content.request);
    }

    /// @inheritdoc IClaims
    function collectClaim(Claim calldata content) external {
        bytes32 id = hashOf(content);
        ClaimState memory state = states[id];
        if (isDue(state)) {
            state.phase = Phase.Final;
            emit Finalized(id, content.request);
        }
        uint256 amount = state.repelled * half();
        state.repelled = 0;
        if (state.phase == Phase.Final && !state.claimantPaid) {
            state.claimantPaid = true;
            amount += bond;
        }
        states[id] = state;
        pay(id, content.claimant, amount);
    }

    /// @inheritdoc IClaims
    function deliver(Claim calldata content, Request calldata asked, bytes calldata output) external {
        bytes32 id = hashOf(content);
        bytes32 asked_ = hashOf(asked);
        if (states[id].phase != Phase.Final) revert NotFinal(id);
        if (asked_ != content.request) revert RequestUnknown(asked_);
        if (asked.callback == address(0)) revert NoCallback(asked_);
        if (requests[asked_] == DELIVERED) revert AlreadyDelivered(asked_);
        requests[asked_] = DELIVERED;
        bytes32 outputRoot = Tree.rootOfRows(output, knownProfile(content.model).depth(Isa.TREE_OUTPUT));
        if (outputRoot != content.outputRoot) revert WrongOutput();
        bytes memory data = abi.encodeCall(ICallback.onResult, (asked_, id, content.status, output));
        // A 64th of what is left stays here (EIP-150): whoever delivers cannot starve the callback.
        uint256 gas_ = asked.callbackGas;
        if (gasleft() < gas_ + gas_ / 63 + DELIVER_GAS) revert TooLittleGas();
        emit Delivered(asked_, id, callWithoutReturn(asked.callback, 0, gas_, data));
    }

    /// @inheritdoc IClaims
    function stateOf(bytes32 id) external view returns (ClaimState memory) {
        return states[id];
    }

    /// @inheritdoc IClaims
    function requestId(Request calldata content) external view returns (bytes32) {
        return hashOf(content);
    }

    /// @inheritdoc IClaims
    function claimId(Claim calldata content) external view returns (bytes32) {
        return hashOf(content);
    }

    /// @inheritdoc IClaims
    function isFinal(bytes32 id) external view returns (bool) {
        return states[id].phase == Phase.Final;
    }

    function hashOf(Request memory content) internal view returns (bytes32) {
        return keccak256(abi.encode(REQUEST, block.chainid, address(this), content));
    }

    function hashOf(Claim memory content) internal view returns (bytes32) {
        return keccak256(abi.encode(CLAIM, block.chainid, address(this), content));
    }

    /// @dev Final from now on: stands, its window has passed, and no dispute is open.
    function isDue(ClaimState memory state) private view returns (bool) {
        return state.phase == Phase.Open && block.timestamp > state.deadline && state.open == 0;
    }

    function takeBond() internal view {
        if (msg.value != bond) revert WrongBond(msg.value, bond);
    }

    /// @dev What the other side gets of a lost bond.
    function half() internal view returns (uint256) {
        return bond / 2;
    }

    /// @dev Pays out, last of all and after every change of state. A recipient that refuses hurts only itself.
    function pay(bytes32 id, address to, uint256 amountWei) internal {
        if (amountWei == 0) revert NothingToCollect();
        emit Collected(id, to, amountWei);
        if (!callWithoutReturn(to, amountWei, gasleft(), "")) revert PaymentFailed();
    }

    /// @dev A call whose answer is not copied, whatever its length.
    function callWithoutReturn(address to, uint256 amountWei, uint256 gas_, bytes memory data)
        private
        returns (bool ok)
    {
        assembly ("memory-safe") {
            ok := call(gas_, to, amountWei, add(data, 0x20), mload(data), 0, 0)
        }
    }
}
