// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IClaims} from "../src/interfaces/IClaims.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {IStep} from "../src/interfaces/IStep.sol";
import {Arena} from "./utils/Arena.sol";
import {Asm} from "./utils/Asm.sol";
import {OneStep} from "./utils/OneStep.sol";
import {Trees} from "./utils/Trees.sol";

/// @notice What transactions cost, all in: isolated calls are charged as transactions, the calldata floor included. The figures
/// go to snapshots/, and a change of any is a change to review.
/// forge-config: default.isolate = true
abstract contract Gas is Trees {
    /// @dev A machine of the size of target p16, with no zero among the siblings.
    function buildP16() internal {
        Sizes memory s = Sizes({text: 12, constant_: 16, input: 12, work: 16, output: 10, spad: 13, acc: 10});
        build(s, 1 << 40, keccak256("filler"));
    }

    function send(address from, address to, uint256 value, bytes memory data) internal returns (uint256 used) {
        vm.prank(from);
        used = gasleft();
        (bool ok,) = to.call{value: value}(data);
        used -= gasleft();
        assertTrue(ok);
    }

    /// @dev A pc, a step count and registers without zero bytes.
    function busyRegs() internal {
        for (uint256 i = 1; i < 16; i++) {
            setX(i, 0x01010101);
        }
        setControl(0x0101, 0, 0, 0x0101010101);
    }
}

/// @notice One micro-step of each opcode, worst case, as if `step` were the transaction.
/// forge-config: default.isolate = true
contract StepGasTest is OneStep, Gas {
    /// The bar for any opcode; MATMUL has its own.
    uint256 private constant MOST = 300_000;

    function setUp() public override {
        step = IStep(vm.deployCode("artifacts/Step.json"));
        buildP16();
        busyRegs();
    }

    function begin(uint256 word) private {
        set(TEXT, 0x0101, word);
        pre = stateRoot();
        beginRunning();
    }

    function measure(string memory name, uint256 most) private {
        bytes memory data = abi.encodeCall(IStep.step, (pre, witness));
        uint256 used = send(address(this), address(step), 0, data);
        uint256 floor64 = 21000 + 64 * data.length;
        vm.snapshotValue("step-bytes", name, data.length);
        vm.snapshotValue("step-gas", name, used);
        vm.snapshotValue("step-gas-at-64-a-byte", name, used > floor64 ? used : floor64);
        vm.assertLe(used, most);
        vm.assertLe(data.length, 3700);
    }

    function test_matmul() public {
        begin(Asm.matmul(3, 5, 64, 32, 32, true));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 64, 5);
        proveRead(ONCHIP, accLeaf(3), 2);
        measure("matmul", 160_000);
    }

    function test_matmul_transposed() public {
        begin(Asm.matmul(3, 5, 64, 32, 32, true) | 1 << 245);
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 64, 5);
        proveRead(ONCHIP, accLeaf(3), 2);
        measure("matmul-tr", 160_000);
    }

    function test_dwmac() public {
        begin(Asm.dwmac(3, 5, 64, 32, true));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 64, 0);
        proveRead(ONCHIP, accLeaf(3), 2);
        measure("dwmac", MOST);
    }

    function measureVector(string memory name, uint256 op, uint256 form, uint256 shift) private {
        begin(Asm.vector(op, 3, 7, 9, 32, form, shift));
        proveRead(ONCHIP, accLeaf(7), 2);
        if (form == 0) proveRead(ONCHIP, accLeaf(9), 2);
        if (form == 1) proveRead(ONCHIP, accLeaf(9), 0);
        if (form == 2) proveRead(ONCHIP, 9, 0);
        if (op == 0x38) proveRead(ONCHIP, accLeaf(3), 2);
        else proveOverwrite(ONCHIP, accLeaf(3), 2);
        measure(name, MOST);
    }

    function test_vadd() public {
        measureVector("vadd", 0x30, 0, 0);
    }

    function test_vsub() public {
        measureVector("vsub", 0x31, 0, 0);
    }

    function test_vmul() public {
        measureVector("vmul", 0x32, 0, 0);
    }

    function test_vmulr() public {
        measureVector("vmulr", 0x33, 0, 31);
    }

    function test_vmulr_lane0() public {
        measureVector("vmulr-lane0", 0x33, 1, 31);
    }

    function test_vmulr_row8() public {
        measureVector("vmulr-row8", 0x33, 2, 31);
    }

    function test_vmulr_address() public {
        measureVector("vmulr-address", 0x33, 3, 31);
    }

    function test_vmin() public {
        measureVector("vmin", 0x34, 0, 0);
    }

    function test_vmax() public {
        measureVector("vmax", 0x35, 0, 0);
    }

    function test_vshr() public {
        measureVector("vshr", 0x36, 3, 7);
    }

    function test_vshr_row32() public {
        measureVector("vshr-row32", 0x36, 0, 7);
    }

    function test_vsel() public {
        measureVector("vsel", 0x38, 0, 0);
    }

    function measureUnary(string memory name, uint256 op) private {
        begin(Asm.unary(op, 3, 7, 32));
        proveRead(ONCHIP, accLeaf(7), 2);
        proveOverwrite(ONCHIP, accLeaf(3), 2);
        measure(name, MOST);
    }

    function test_vclz() public {
        measureUnary("vclz", 0x37);
    }

    function test_vsum() public {
        measureUnary("vsum", 0x39);
    }

    function test_vrmax() public {
        measureUnary("vrmax", 0x3a);
    }

    function test_lut32() public {
        begin(Asm.lut(0x3b, 3, 5, 64, 32));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 64, 5);
        proveOverwrite(ONCHIP, accLeaf(3), 2);
        measure("lut32", MOST);
    }

    function test_requant() public {
        begin(Asm.requant(7, 2, 16, 32, 1, -100, 120));
        proveRead(ONCHIP, accLeaf(2), 2);
        proveRead(ONCHIP, 16, 3);
        proveOverwrite(ONCHIP, 7, 0);
        measure("requant", MOST);
    }

    function test_addq() public {
        begin(Asm.addq(8, 5, 6, 7, 32));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 6, 0);
        proveRead(ONCHIP, 7, 0);
        proveOverwrite(ONCHIP, 8, 0);
        measure("addq", MOST);
    }

    function test_maxq() public {
        begin(Asm.maxq(4, 3, true));
        proveRead(ONCHIP, 3, 0);
        proveRead(ONCHIP, 4, 0);
        measure("maxq", MOST);
    }

    function test_lut() public {
        begin(Asm.lut(0x43, 3, 5, 64, 32));
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 64, 3);
        proveOverwrite(ONCHIP, 3, 0);
        measure("lut", MOST);
    }

    function test_trans() public {
        begin(Asm.unary(0x44, 3, 64, 32));
        proveRead(ONCHIP, 64, 5);
        proveOverwrite(ONCHIP, 3, 0);
        measure("trans", MOST);
    }

    function test_argmax() public {
        begin(Asm.argmax(3, 4, 7, 1000, 32, false));
        proveRead(ONCHIP, accLeaf(7), 2);
        measure("argmax", MOST);
    }

    function test_move() public {
        begin(Asm.move_(8, 62, 5, 0));
        proveRead(ONCHIP, 1, 0);
        proveRead(ONCHIP, 2, 0);
        proveRead(ONCHIP, 8, 0);
        measure("move", MOST);
    }

    function test_load() public {
        begin(Asm.load(3, 4, WORK, 1));
        proveRead(WORK, 4, 2);
        proveOverwrite(ONCHIP, accLeaf(3), 2);
        measure("load", MOST);
    }

    function test_store() public {
        begin(Asm.store(3, 4, WORK, 1));
        proveRead(ONCHIP, accLeaf(3), 2);
        proveOverwrite(WORK, 4, 2);
        measure("store", MOST);
    }

    function test_gather() public {
        set(ONCHIP, 9, 5 << 224);
        begin(Asm.gather(3, 1, 2, CONST, 9, 100));
        proveRead(ONCHIP, 9, 0);
        proveRead(CONST, 11, 0);
        proveOverwrite(ONCHIP, 3, 0);
        measure("gather", MOST);
    }

    function test_fill() public {
        begin(Asm.fill(2, 0x80000001, 1));
        proveOverwrite(ONCHIP, accLeaf(2), 2);
        measure("fill", MOST);
    }

    function test_lw() public {
        begin(Asm.scalar(0x0e, 9, 0, 0, 7001) | Asm.region(CONST));
        proveRead(CONST, 875, 0);
        measure("lw", MOST);
    }

    function test_sw() public {
        begin(Asm.scalar(0x0f, 0, 0, 12, 7001) | Asm.region(WORK));
        proveRead(WORK, 875, 0);
        measure("sw", MOST);
    }

    function test_add() public {
        begin(Asm.scalar(4, 9, 3, 12, 77));
        measure("add", MOST);
    }

    function test_halt() public {
        begin(1);
        measure("halt", MOST);
    }

    function test_trap() public {
        begin(Asm.maxq(5, 5, true));
        measure("trap", MOST);
    }
}

/// @notice Whole disputes, with a MATMUL of target p16 as the step in question, and a claim that nobody disputes.
/// forge-config: default.isolate = true
contract GameGasTest is Arena, Gas {
    IStep private step;

    function setUp() public override {
        step = IStep(vm.deployCode("artifacts/Step.json"));
        super.setUp();
        court = deploy(step);
        court.register(head(LIMIT), keccak256("text"), keccak256("const"));
        court.request(model, input, address(0), 0, 0);
        vm.warp(1_800_000_000);
    }

    /// @dev The true run passes through a machine of p16 at this micro-step.
    function pin(uint64 fault) private {
        buildP16();
        busyRegs();
        set(TEXT, 0x0101, Asm.matmul(3, 5, 64, 32, 32, true));
        bytes32 pre = stateRoot();
        beginRunning();
        proveRead(ONCHIP, 5, 0);
        proveRead(ONCHIP, 64, 5);
        proveRead(ONCHIP, accLeaf(3), 2);
        (pinned[fault - 1], pinned[fault]) = (pre, step.step(pre, witness));
    }

    function record(string memory what, uint256 used) private {
        vm.snapshotValue("game-gas", what, used);
    }

    function test_undisputed() public {
        IClaims.Claim memory made = content(goodOutput, 10 ** 7);
        uint256 used = send(
            claimant, address(court), BOND, abi.encodeCall(court.claim, (asked, goodOutput, 10 ** 7, 1, address(0)))
        );
        record("claim", used);
        vm.warp(block.timestamp + WINDOW + 1);
        uint256 later = send(claimant, address(court), 0, abi.encodeCall(court.collectClaim, (made)));
        record("collect-claim", later);
        vm.assertLe(used + later, 120_000);
    }

    function checkDispute(string memory name, uint64 steps, uint256 transactions, uint256 most) private {
        uint64 fault = steps / 3;
        pin(fault);
        IClaims.Claim memory made = makeClaim(badOutput, steps);
        uint256 total = openMeasured(made, fault, name);
        uint256 count = 2;
        for (;; count++) {
            Belief memory b = game.claimantTurn ? lie : truth;
            IDisputes.Pick memory pick = choose(b);
            (uint64 lo, uint64 hi) = bounds(pick.segment);
            if (hi - lo == 1) {
                if (!game.claimantTurn) {
                    total += proveMeasured(pick, name);
                    break;
                }
                b = lie;
            }
            total += moveMeasured(b, pick, name);
        }
        record(string.concat("dispute-", name), total);
        vm.snapshotValue("game-gas", string.concat("dispute-", name, "-transactions"), count);
        assertPhase(made, IClaims.Phase.False);
        vm.assertLe(total, most);
        vm.assertLe(count, transactions);
    }

    Belief private truth;
    Belief private lie;

    function openMeasured(IClaims.Claim memory made, uint64 fault, string memory name) private returns (uint256 used) {
        (bytes32 start, bytes32 end) = court.ends(content(goodOutput, made.steps));
        truth = Belief(start, end, made.steps, made.steps, 0);
        (, end) = court.ends(made);
        lie = Belief(start, end, made.steps, fault, keccak256("another run"));
        (, uint256 k) = court.arity(made.steps);
        bytes memory data = abi.encodeCall(court.open, (made, address(0), points(truth, 0, made.steps, k)));
        vm.recordLogs();
        used = send(challenger, address(court), BOND, data);
        readList();
        record(string.concat("open-", name), used);
    }

    function moveMeasured(Belief memory b, IDisputes.Pick memory pick, string memory name)
        private
        returns (uint256 used)
    {
        (uint64 lo, uint64 hi) = bounds(pick.segment);
        bytes32[] memory roots = points(b, lo, hi, segments(game.k, lo, hi));
        vm.recordLogs();
        used = send(mover(), address(court), 0, abi.encodeCall(court.move, (game, pick, roots)));
        readList();
        record(string.concat("move-", name), used);
    }

    function proveMeasured(IDisputes.Pick memory pick, string memory name) private returns (uint256 used) {
        used = send(challenger, address(court), 0, abi.encodeCall(court.prove, (game, pick, witness)));
        record(string.concat("prove-", name), used);
    }

    function test_ten_million_steps() public {
        checkDispute("1e7", 10 ** 7, 6, 750_000);
    }

    function test_two_billion_steps() public {
        checkDispute("2^31", 1 << 31, 10, 1_000_000);
    }
}
