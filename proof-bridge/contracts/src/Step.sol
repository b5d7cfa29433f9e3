// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Check} from "./Check.sol";
import {Frame} from "./Frame.sol";
import {Isa} from "./Isa.sol";
import {Machine} from "./Machine.sol";
import {Regs, RegsLib} from "./Regs.sol";
import {Tree, Witness} from "./Tree.sol";
import {Profile, Word} from "./Word.sol";
import {IStep} from "./interfaces/IStep.sol";
import {Choose} from "./ops/Choose.sol";
import {Matrix} from "./ops/Matrix.sol";
import {Rows} from "./ops/Rows.sol";
import {Scalar} from "./ops/Scalar.sol";
import {Vector32} from "./ops/Vector32.sol";
import {Vector8} from "./ops/Vector8.sol";

/// @title One micro-step of the machine. The hand-written twin of isa/src/step.rs and isa/src/ops: same names, same order
/// of accesses, held to it by differential tests.
contract Step is IStep {
    using RegsLib for Regs;
    using Tree for Witness;

    /// @inheritdoc IStep
    function isaHash() external pure returns (bytes32) {
        return Isa.ISA_HASH;
    }

    /// @inheritdoc IStep
    function step(bytes32 preRoot, bytes calldata witness) external view returns (bytes32 postRoot) {
        Machine memory m;
        m.state = Tree.open(preRoot, witness);
        (uint256 leaves,) = m.state.read(Isa.TREE_REGS, 2, 0, 2);
        m.regs = RegsLib.load(leaves);
        if (m.regs.status != Isa.STATUS_RUNNING) return m.state.close();

        uint256 leaf;
        (leaf,) = m.state.readLeaf(Isa.TREE_HEAD, 2, 1);
        m.profile = Profile.wrap(leaf);
        if (!m.profile.isValid()) revert BadProfile();
        uint256 depth = m.profile.depth(Isa.TREE_TEXT);
        if (m.regs.pc >> depth != 0) return stop(m, Isa.STATUS_FETCH);
        (leaf,) = m.state.readLeaf(Isa.TREE_TEXT, depth, m.regs.pc);
        Word w = Word.wrap(leaf);

        if (!Check.legal(w)) return stop(m, Isa.STATUS_ILLEGAL);
        m.counts = Frame.counts(w, m.regs);
        if (m.regs.row == 0) {
            uint256 trap = Check.admit(w, m.counts, m.regs, m.profile);
            if (trap != Isa.STATUS_RUNNING) return stop(m, trap);
        }
        if (Frame.op(w) == Isa.OP_HALT) return stop(m, Isa.STATUS_HALTED);
        m.at = Frame.position(m.counts, m.regs.row);
        return retire(m, execute(m, w));
    }

    /// @dev Halts: keeps status and steps, clears the rest; a trap clears `output` too.
    function stop(Machine memory m, uint256 status) private view returns (bytes32) {
        unchecked {
            m.state.roots[Isa.TREE_REGS] = RegsLib.halted(status, uint64(m.regs.steps + 1));
        }
        m.state.roots[Isa.TREE_ONCHIP] = Tree.zero(m.profile.onchip());
        m.state.roots[Isa.TREE_WORK] = Tree.zero(m.profile.depth(Isa.TREE_WORK));
        if (status != Isa.STATUS_HALTED) {
            m.state.roots[Isa.TREE_OUTPUT] = Tree.zero(m.profile.depth(Isa.TREE_OUTPUT));
        }
        return m.state.close();
    }

    /// @dev Counts the micro-step; after the instruction's last, moves on to `next`.
    function retire(Machine memory m, uint256 next) private view returns (bytes32) {
        unchecked {
            m.regs.steps = uint64(m.regs.steps + 1);
            m.regs.row = uint64(m.regs.row + 1);
        }
        if (m.regs.row >= Frame.microSteps(m.counts)) {
            m.regs.row = 0;
            m.regs.pc = next;
        }
        m.state.roots[Isa.TREE_REGS] = m.regs.root();
        return m.state.close();
    }

    /// @dev Does micro-step `row` of an admitted instruction; answers the pc that follows the instruction.
    function execute(Machine memory m, Word w) private view returns (uint256 next) {
        uint256 op = Frame.op(w);
        unchecked {
            next = uint32(m.regs.pc + 1);
        }
        if (Frame.isIn(op, Isa.GROUP_MATRIX)) Matrix.execute(m, w, op);
        else if (Frame.isIn(op, Isa.GROUP_CONTROL)) next = Scalar.execute(m, w, op, next);
        else if (Frame.isIn(op, Isa.GROUP_MOVE)) Rows.execute(m, w, op);
        else if (Frame.isIn(op, Isa.GROUP_VECTOR32)) Vector32.execute(m, w, op);
        else if (Frame.isIn(op, Isa.GROUP_VECTOR8)) Vector8.execute(m, w, op);
        else Choose.argmax(m, w);
    }
}
