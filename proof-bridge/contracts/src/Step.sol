// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Check} from "./Check.sol";
import {Counts, Frame} from "./Frame.sol";
import {Isa} from "./Isa.sol";
import {Lanes} from "./Lanes.sol";
import {Regs, RegsLib} from "./Regs.sol";
import {Place, Tree, Witness} from "./Tree.sol";
import {Profile, Word} from "./Word.sol";
import {IStep} from "./interfaces/IStep.sol";

/// @notice What the micro-step of one instruction works on.
struct Machine {
    Witness state;
    Regs regs;
    Counts counts;
    Profile profile;
}

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

        // An opcode that nobody has, or that is not implemented, has no mask.
        uint256 mask = Isa.maskOf(Frame.op(w));
        if (mask == 0 || leaf & ~mask != 0) return stop(m, Isa.STATUS_ILLEGAL);
        m.counts = Frame.counts(w, m.regs);
        if (m.regs.row == 0) {
            uint256 trap = Check.admit(w, m.counts, m.regs, m.profile);
            if (trap != Isa.STATUS_RUNNING) return stop(m, trap);
        }
        if (Frame.op(w) == Isa.OP_HALT) return stop(m, Isa.STATUS_HALTED);
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
        if (op == Isa.OP_MATMUL) matmul(m, w);
        else if (op == Isa.OP_LOAD) load(m, w);
        else if (op == Isa.OP_STORE) store(m, w);
        else if (op == Isa.OP_MOVE) shift(m, w);
        else if (op == Isa.OP_FILL) fill(m, w);
        else if (op == Isa.OP_REQUANT) requant(m, w);
        else if (op == Isa.OP_MAXQ) maxq(m, w);
        else next = scalar(m.regs, w, op, next);
    }

    /// @dev Registers and branches; MARK does nothing.
    function scalar(Regs memory regs, Word w, uint256 op, uint256 next) private pure returns (uint256) {
        if (op == Isa.OP_MARK) return next;
        uint256 imm = w.bits(Isa.IMM_LSB, Isa.IMM_WIDTH);
        uint256 rd = w.bits(Isa.RD_LSB, Isa.RD_WIDTH);
        if (op == Isa.OP_LI) {
            regs.set(rd, imm);
            return next;
        }
        uint256 a = regs.get(w.bits(Isa.RA_LSB, Isa.RA_WIDTH));
        uint256 b = regs.get(w.bits(Isa.RB_LSB, Isa.RB_WIDTH));
        if (op == Isa.OP_BEQ) return a == b ? imm : next;
        if (op == Isa.OP_BNE) return a != b ? imm : next;
        if (op == Isa.OP_BLTU) return a < b ? imm : next;
        if (op == Isa.OP_BGEU) return a >= b ? imm : next;
        regs.set(rd, arithmetic(op, a, b, imm));
        return next;
    }

    /// @dev `a op (b + imm)` modulo 2^32.
    function arithmetic(uint256 op, uint256 a, uint256 b, uint256 imm) private pure returns (uint256) {
        unchecked {
            b = uint32(b + imm);
            if (op == Isa.OP_ADD) return uint32(a + b);
            if (op == Isa.OP_SUB) return uint32(a - b);
            if (op == Isa.OP_MUL) return uint32(a * b);
            if (op == Isa.OP_SHL) return uint32(a << (b & 31));
            if (op == Isa.OP_SHR) return a >> (b & 31);
        }
        assert(op == Isa.OP_AND);
        return a & b;
    }

    function load(Machine memory m, Word w) private view {
        uint256 region = w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
        uint256 row = Frame.index(Frame.far(w, m.regs), m.counts, m.regs.row);
        uint256 height = w.flag(Isa.SPACE_LSB) ? 2 : 0;
        (uint256 leaves,) = m.state.read(region, m.profile.depth(region), row, height);
        overwriteOnchip(m, onchipLeaf(m, w, Isa.D_LSB, height), height, Tree.nodeOfCalldata(leaves, height));
    }

    function store(Machine memory m, Word w) private view {
        uint256 region = w.bits(Isa.REGION_LSB, Isa.REGION_WIDTH);
        uint256 height = w.flag(Isa.SPACE_LSB) ? 2 : 0;
        (uint256 leaves,) =
            m.state.read(Isa.TREE_ONCHIP, m.profile.onchip(), onchipLeaf(m, w, Isa.D_LSB, height), height);
        uint256 row = Frame.index(Frame.far(w, m.regs), m.counts, m.regs.row);
        m.state.overwrite(region, m.profile.depth(region), row, height, Tree.nodeOfCalldata(leaves, height));
    }

    function shift(Machine memory m, Word w) private view {
        uint256 byte_ = Frame.index(Frame.far(w, m.regs), m.counts, m.regs.row);
        uint256 row = byte_ >> 5;
        uint256 from = byte_ & 31;
        uint256 second;
        (uint256 first,) = readSpad(m, row);
        if (from + m.counts.n > 32) (second,) = readSpad(m, row + 1);
        (uint256 old, Place memory to) = readSpad(m, onchipLeaf(m, w, Isa.D_LSB, 0));
        uint256 offset = w.bits(Isa.OFFSET_LSB, Isa.OFFSET_WIDTH);
        m.state.update(to, bytes32(Lanes.splice(old, offset, first, second, from, m.counts.n)));
    }

    function fill(Machine memory m, Word w) private view {
        uint256 imm = w.bits(Isa.IMM_LSB, Isa.IMM_WIDTH);
        if (w.flag(Isa.SPACE_LSB)) {
            bytes32 node = bytes32(imm * (type(uint256).max / type(uint32).max));
            node = Tree.pair(node, node);
            overwriteOnchip(m, onchipLeaf(m, w, Isa.D_LSB, 2), 2, Tree.pair(node, node));
        } else {
            bytes32 leaf = bytes32(uint256(uint8(imm)) * (type(uint256).max / type(uint8).max));
            overwriteOnchip(m, onchipLeaf(m, w, Isa.D_LSB, 0), 0, leaf);
        }
    }

    function matmul(Machine memory m, Word w) private view {
        uint256 row = m.regs.row;
        (uint256 a,) = readSpad(m, Frame.index(Frame.taps(w, m.regs), m.counts, row));
        uint256 tile = Frame.index(Frame.tiles(w, m.regs), m.counts, row);
        (uint256 leaves,) = m.state.read(Isa.TREE_ONCHIP, m.profile.onchip(), tile, 5);
        uint256[4] memory sums = Lanes.matmul(a, leaves, atMost32(w.bits(Isa.K_LSB, Isa.K_WIDTH)), atMost32(m.counts.n));
        uint256 to = onchipLeaf(m, w, Isa.D_LSB, 2);
        if (firstTap(m, w)) {
            overwriteOnchip(m, to, 2, nodeOf(sums));
        } else {
            (uint256 old, Place memory place) = m.state.read(Isa.TREE_ONCHIP, m.profile.onchip(), to, 2);
            for (uint256 r = 0; r < 4; r++) {
                sums[r] = Lanes.add3(sums[r], leafAt(old, r), 0);
            }
            m.state.update(place, nodeOf(sums));
        }
    }

    function requant(Machine memory m, Word w) private view {
        uint256 depth = m.profile.onchip();
        (uint256 sums,) = m.state.read(Isa.TREE_ONCHIP, depth, onchipLeaf(m, w, Isa.A_LSB, 2), 2);
        (uint256 params,) = m.state.read(Isa.TREE_ONCHIP, depth, onchipLeaf(m, w, Isa.B_LSB, 0), 3);
        uint256 row8 = Lanes.requant(
            sums,
            params,
            atMost32(m.counts.n),
            w.signedBits(Isa.ZP_LSB, Isa.ZP_WIDTH),
            w.signedBits(Isa.LO_LSB, Isa.LO_WIDTH),
            w.signedBits(Isa.HI_LSB, Isa.HI_WIDTH)
        );
        overwriteOnchip(m, onchipLeaf(m, w, Isa.D_LSB, 0), 0, bytes32(row8));
    }

    function maxq(Machine memory m, Word w) private view {
        (uint256 a,) = readSpad(m, Frame.index(Frame.taps(w, m.regs), m.counts, m.regs.row));
        uint256 to = onchipLeaf(m, w, Isa.D_LSB, 0);
        if (firstTap(m, w)) {
            overwriteOnchip(m, to, 0, bytes32(a));
        } else {
            (uint256 old, Place memory place) = readSpad(m, to);
            m.state.update(place, bytes32(Lanes.max8(old, a)));
        }
    }

    function firstTap(Machine memory m, Word w) private pure returns (bool) {
        return !w.flag(Isa.ACC_LSB) && Frame.tap(m.counts, m.regs.row) == 0;
    }

    /// @dev The leaf of `onchip` that an operand names in this micro-step: height 0 a row of spad, 2 a row32 of acc.
    function onchipLeaf(Machine memory m, Word w, uint256 lsb, uint256 height) private pure returns (uint256) {
        uint256 row = Frame.index(Frame.near(w, lsb, m.regs), m.counts, m.regs.row);
        return height == 0 ? row : (1 << (m.profile.onchip() - 1)) + 4 * row;
    }

    function readSpad(Machine memory m, uint256 row) private view returns (uint256 leaf, Place memory place) {
        return m.state.readLeaf(Isa.TREE_ONCHIP, m.profile.onchip(), row);
    }

    function overwriteOnchip(Machine memory m, uint256 index, uint256 height, bytes32 node) private view {
        m.state.overwrite(Isa.TREE_ONCHIP, m.profile.onchip(), index, height, node);
    }

    function nodeOf(uint256[4] memory leaves) private view returns (bytes32) {
        uint256 from;
        assembly ("memory-safe") {
            from := leaves
        }
        return Tree.nodeOfMemory(from, 2);
    }

    function leafAt(uint256 leaves, uint256 r) private pure returns (uint256 leaf) {
        assembly ("memory-safe") {
            leaf := calldataload(add(leaves, shl(5, r)))
        }
    }

    function atMost32(uint256 count) private pure returns (uint256) {
        return count > 32 ? 32 : count;
    }
}
