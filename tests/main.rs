//! The test binary: the f64 CPU oracle and the tests that vouch for it.

mod definitions;
mod gradients;
mod invariants;
mod oracle;
