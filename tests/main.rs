//! The test binary. A chain of trust: finite differences vindicate the oracle ([`gradients`]), independent
//! statements vindicate what it computes ([`definitions`], [`invariants`]), the oracle vindicates the
//! kernels on every profile that the adapter runs ([`gpu`]), and on top of them training is held to
//! its promises ([`determinism`], [`training`]).
//!
//! Tests that need an adapter or the shared data sets say `skipped: <name>: <why>` where those are not
//! present; with `SPLAT_REQUIRE_GPU=1` a missing adapter is a failure. So do those that ask programs of others
//! ([`judges`]) without `SPLAT_JUDGES`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod camera_paths;
mod cli;
mod definitions;
mod determinism;
mod editing;
mod export;
mod fuzz;
mod gpu;
mod gradients;
mod html;
mod invariants;
mod judges;
mod moving;
mod oracle;
mod scene;
mod shaders;
mod tidy;
mod tiny;
mod training;
