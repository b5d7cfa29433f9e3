// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Requests and claims about their results.
interface IClaims {
    /// @notice What was asked. Its id is keccak256(abi.encode(keccak256("request"), chain id, contract, Request)).
    struct Request {
        address requester;
        bytes32 model;
        /// root of the `input` sub-tree, computed by the contract from the published bytes
        bytes32 inputRoot;
        /// called once with the first final result; zero for none
        address callback;
        uint32 callbackGas;
        /// tells equal requests of one requester apart
        uint64 salt;
    }

    /// @notice What is claimed. Its id is keccak256(abi.encode(keccak256("claim"), chain id, contract, Claim)).
    struct Claim {
        bytes32 request;
        bytes32 model;
        bytes32 inputRoot;
        bytes32 outputRoot;
        /// N, the micro-steps of the run, the one that halted it included; 1 ..= limit + 1
        uint64 steps;
        /// 1..=8, see docs/machine.md
        uint8 status;
        address claimant;
        /// may move for the claimant; zero for none
        address delegate;
    }

    enum Phase {
        None,
        Open,
        Final,
        False
    }

    /// @notice The changing part of a claim: one storage slot.
    struct ClaimState {
        Phase phase;
        /// the claimant has taken its bond (a final claim) and its share of lost challenges
        bool claimantPaid;
        /// the share of the bond has been paid to the earliest winner (a false claim)
        bool rewardPaid;
        /// last second (unix time) in which a dispute may be opened
        uint40 deadline;
        /// disputes that are not resolved
        uint32 open;
        /// disputes opened so far; the first has order 1
        uint32 opened;
        /// order of the earliest-opened dispute that has been won; 0 for none
        uint32 winner;
        /// disputes lost by their challengers while the claim stood
        uint32 repelled;
    }

    error WrongBond(uint256 sent, uint256 required);
    error RequestExists(bytes32 request);
    error RequestUnknown(bytes32 request);
    error ClaimExists(bytes32 claim);
    error BadStatus(uint8 status);
    error BadSteps(uint64 steps);
    error NotFinal(bytes32 claim);
    error NothingToCollect();
    error NoCallback(bytes32 request);
    error AlreadyDelivered(bytes32 request);
    error WrongOutput();
    error TooLittleGas();
    error PaymentFailed();

    /// @param input the rows of the `input` sub-tree from row 0; the rest is zero
    event Requested(bytes32 indexed request, bytes32 indexed model, Request content, bytes input);
    /// @param output the rows of the `output` sub-tree from row 0; the rest is zero
    event Claimed(
        bytes32 indexed claim,
        bytes32 indexed request,
        address indexed claimant,
        Claim content,
        uint40 deadline,
        bytes output
    );
    event Finalized(bytes32 indexed claim, bytes32 indexed request);
    event Delivered(bytes32 indexed request, bytes32 indexed claim, bool success);
    event Collected(bytes32 indexed claim, address indexed to, uint256 amountWei);

    /// @notice Wei that a claim and a challenge each put up.
    function bond() external view returns (uint256);
    /// @notice Seconds after a claim in which disputes may be opened.
    function window() external view returns (uint40);

    /// @notice Publishes an input. The contract hashes it itself, so that nobody can claim about bytes never shown.
    /// @param input whole rows (a multiple of 32 bytes), at most 2^(input depth) of them
    function request(bytes32 model, bytes calldata input, address callback, uint32 callbackGas, uint64 salt)
        external
        returns (bytes32 id);

    /// @notice Claims the result of a request; the sender is the claimant and sends exactly `bond()`.
    /// @param output whole rows from row 0 of the `output` sub-tree
    function claim(Request calldata asked, bytes calldata output, uint64 steps, uint8 status, address delegate)
        external
        payable
        returns (bytes32 id);

    /// @notice Makes a claim final: its window has passed and no dispute is open. Anyone may call.
    function finalize(Claim calldata content) external;

    /// @notice Pays the claimant: of a final claim the bond, and half a bond for each challenge it repelled.
    /// Finalizes first where that is due. Anyone may call.
    function collectClaim(Claim calldata content) external;

    /// @notice Hands a final result to the request's callback, once. Its failure is recorded, not passed on.
    function deliver(Claim calldata content, Request calldata asked, bytes calldata output) external;

    function stateOf(bytes32 claim) external view returns (ClaimState memory);
    function requestId(Request calldata content) external view returns (bytes32);
    function claimId(Claim calldata content) external view returns (bytes32);
    function isFinal(bytes32 claim) external view returns (bool);
}

/// @title Whoever asks for a result and wants to be told.
interface ICallback {
    /// @param output the rows of the `output` sub-tree from row 0, as the claimant gave them or with other trailing zero rows
    function onResult(bytes32 request, bytes32 claim, uint8 status, bytes calldata output) external;
}
