//! Kernels = oracle, the same suite for every profile that the adapter runs.
//!
//! A check is a function of an open device; [`on_every_profile`] makes a test of it per profile. One
//! device per profile is shared by all tests. Drive it over another driver by setting
//! `VK_DRIVER_FILES`; [`second_adapter`] does so where SwiftShader is installed.

#![allow(clippy::print_stderr, reason = "skipped tests must say so, and measured errors are worth reading")]

mod adam;
mod chain;
mod edges;
mod harness;
mod second_adapter;
mod sorting;
mod splitting;

use std::sync::{Arc, OnceLock};

use splat_core::Error;
use splat_core::gpu::{Gpu, GpuOptions, Profile};

/// Opens an adapter, or says why the test is skipped; fails instead when a GPU is required.
pub(crate) fn open(name: &str, options: &GpuOptions) -> Option<Arc<Gpu>> {
    match Gpu::new(options) {
        Ok(gpu) => Some(gpu),
        Err(Error::NoAdapter { problem, .. }) => {
            let is_absent = Gpu::adapters().is_empty();
            assert!(!(is_absent && std::env::var_os("SPLAT_REQUIRE_GPU").is_some_and(|value| value == "1")), "{name}: no adapter, and SPLAT_REQUIRE_GPU=1");
            eprintln!("skipped: {name}: {}", if is_absent { "no adapter".into() } else { problem });
            None
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

/// The shared device of a profile, or `None` where the adapter cannot run it.
fn shared(test: &str, profile: &str) -> Option<Arc<Gpu>> {
    static DEVICES: [OnceLock<Option<Arc<Gpu>>>; 4] = [const { OnceLock::new() }; 4];
    let index = Profile::ALL.iter().position(|known| known.name == profile)?;
    let options = GpuOptions { profile: Some(profile.into()), ..GpuOptions::default() };
    let gpu = DEVICES[index].get_or_init(|| open(test, &options)).clone();
    if gpu.is_none() {
        eprintln!("skipped: {test}: the adapter does not run profile {profile}");
    }
    gpu
}

macro_rules! on_every_profile {
    ($($area:ident :: $check:ident),+ $(,)?) => {
        on_every_profile! { @modules [cpu8 sg32 sg64 min] [$($area :: $check),+] }
    };
    (@modules [$($profile:ident)+] $checks:tt) => {
        $(on_every_profile! { @module $profile $checks })+
    };
    (@module $profile:ident [$($area:ident :: $check:ident),+]) => {
        mod $profile {
            $(
                #[test]
                fn $check() {
                    let name = concat!(stringify!($profile), "::", stringify!($check));
                    if let Some(gpu) = super::shared(name, stringify!($profile)) {
                        super::$area::$check(&gpu);
                        gpu.check().unwrap();
                    }
                }
            )+
        }
    };
}

on_every_profile! {
    chain::random_scenes_of_many_sizes_equal_the_oracle,
    chain::every_sh_degree_equals_the_oracle,
    chain::antialiasing_equals_the_oracle,
    chain::depth_equals_the_oracle,
    chain::absolute_gradients_equal_the_oracle,
    chain::photometric_loss_equals_the_oracle,
    chain::thin_long_splats_equal_the_oracle,
}
