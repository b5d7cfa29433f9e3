//! The program file.
