//! proof-bridge
