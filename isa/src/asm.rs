//! The assembler and disassembler.
