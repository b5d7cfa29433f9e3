//! Texts generated from the table.
