//! Kernels = oracle, the same suite for every profile that the adapter runs.
//!
//! A check is a function of an open device; [`on_every_profile`] makes a test of it per profile. One
//! device per profile is shared by all tests. Drive it over another driver by setting
//! `VK_DRIVER_FILES`; [`second_adapter`] does so where SwiftShader is installed.

#![allow(clippy::print_stderr, reason = "skipped tests must say so, and measured errors are worth reading")]

mod adam;
mod chain;
mod codecs;
mod edges;
mod flow;
mod harness;
mod influence;
mod looks;
mod pushes;
mod second_adapter;
mod sorting;
mod splitting;
mod tracks;

use std::sync::{Arc, OnceLock};

use splat_core::Error;
use splat_core::gpu::{Gpu, GpuOptions, Profile};

/// Opens an adapter, or says why the test is skipped; fails instead when a GPU is required.
pub(crate) fn open(name: &str, options: &GpuOptions) -> Option<Arc<Gpu>> {
    match Gpu::new(options) {
        Ok(gpu) => Some(gpu),
        Err(Error::NoAdapter { problem, .. }) => {
            let is_absent = Gpu::adapters().is_empty();
            assert!(
                !(is_absent && std::env::var_os("SPLAT_REQUIRE_GPU").is_some_and(|value| value == "1")),
                "{name}: no adapter, and SPLAT_REQUIRE_GPU=1"
            );
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
    codecs::linear_decoders_equal_the_oracle,
    codecs::gains_equal_the_oracle,
    codecs::steps_equal_the_oracle,
    codecs::the_rate_equals_the_oracle,
    flow::motion_equals_the_oracle,
    flow::fading_equals_the_oracle,
    tracks::smoothness_equals_the_oracle,
    tracks::rigidity_equals_the_oracle,
    tracks::splats_that_rest_feel_nothing,
    chain::random_scenes_of_many_sizes_equal_the_oracle,
    chain::every_sh_degree_equals_the_oracle,
    chain::antialiasing_equals_the_oracle,
    chain::depth_equals_the_oracle,
    chain::absolute_gradients_equal_the_oracle,
    chain::photometric_loss_equals_the_oracle,
    chain::thin_long_splats_equal_the_oracle,
    edges::a_view_without_visible_splats_is_empty_and_has_no_gradient,
    edges::a_table_without_rows_renders_nothing,
    edges::one_splat_over_the_whole_screen_equals_the_oracle,
    edges::rows_that_are_not_numbers_are_never_blended,
    edges::extreme_sizes_and_opacities_stay_finite,
    edges::widths_and_heights_of_every_kind_equal_the_oracle,
    edges::more_tiles_than_one_axis_has_workgroups_equal_the_oracle,
    edges::the_identity_edit_changes_nothing_with_more_workgroups_than_one_axis_has,
    edges::a_row_edit_moves_values_and_moments_together,
    edges::input_order_does_not_change_the_image,
    edges::overflow_leaves_every_gradient_alone,
    sorting::sorting_equals_a_stable_sort_at_every_block_edge,
    sorting::sorting_with_compaction_drops_what_is_marked,
    sorting::sorting_keeps_equal_keys_in_order,
    sorting::prefix_sums_equal_the_hosts,
    splitting::bands_change_no_bit,
    splitting::repetition_changes_no_bit,
    splitting::gradients_of_two_views_add,
    splitting::chunks_of_rows_change_no_bit,
    adam::lazy_adam_equals_dense_adam_over_random_visibility,
    adam::settling_in_between_changes_nothing_but_rounding,
    adam::values_that_join_late_equal_dense_adam,
    adam::columns_updated_now_and_then_equal_dense_adam,
    adam::dense_columns_equal_dense_adam,
    adam::values_drawn_to_zero_equal_dense_adam,
    adam::vanishing_gradients_stay_finite_and_move_no_further_than_others,
    adam::a_halted_step_moves_nothing,
    pushes::regularization_is_the_gradient_of_mean_opacity_and_scale,
    pushes::faint_splats_wander_in_their_own_shape,
    influence::influence_equals_the_oracle,
    influence::influences_add_up_to_what_is_covered,
    influence::repetition_and_bands_change_no_bit_of_influence,
    influence::chunks_and_growth_change_no_bit_of_influence,
    influence::influence_on_views_is_their_mean_and_nothing_where_none_looks,
    looks::overdraw_equals_the_oracle,
    looks::ellipsoids_equal_the_oracle,
    looks::colour_is_what_a_renderer_renders,
    looks::going_through_all_looks_comes_back_to_the_same_bytes,
    looks::every_mode_draws_odd_sizes_strips_and_nothing,
    looks::hidden_splats_are_gone_and_selected_ones_yellow,
    looks::points_are_dots_and_scaled_splats_cover_more,
    looks::a_cloud_that_does_not_fit_leaves_the_earlier_one,
    looks::the_surface_of_a_wall_is_found,
    looks::ages_are_coloured_or_their_absence_is_told,
    looks::motion_is_coloured_and_what_rests_is_grey,
    looks::the_command_line_renders_what_a_viewer_draws,
}
