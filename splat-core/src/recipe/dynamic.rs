//! A scene that moves: a static one with a flow stage [Lin 2024, Gaussian-Flow].

use super::{Context, Parts, Recipe, static_scene};
use crate::loss::{Loss, Rigid, Smooth};
use crate::scene::{Motion, TimeBasis};
use crate::schedule::Rate;
use crate::settings::{FlowSettings, MotionBasis, RecipeName};
use crate::stage::flow::{Flow, FlowRates, RestRule};

/// What splats are held at rest by. One camera cannot tell a wall that moves with it from one that rests.
const STILL_BY_ONE_CAMERA: f32 = 0.6;
const STILL_BY_SEVERAL: f32 = 0.3;
/// Steps from one look for splats that rest to the next: the columns of those that move are read back for it.
const REST_EVERY: u64 = 100;

pub(super) const RECIPE: Recipe = Recipe { name: RecipeName::Dynamic, about: "a scene that moves", build };

fn build(context: &Context<'_>) -> Parts {
    let flow = &context.settings.flow;
    let constant = |rate: f32| Rate::constant(f64::from(rate));
    let in_world = |rate: f32| f64::from(rate) * context.extent;
    let rates = FlowRates {
        means: Rate { start: in_world(flow.means_rate), end: in_world(flow.means_rate_final) },
        quats: constant(flow.quats_rate),
        sh0: constant(flow.sh0_rate),
        dilations: constant(flow.dilations_rate),
        lifetimes: constant(flow.lifetimes_rate),
    };
    let one_camera = context.times.is_some_and(|times| times.cameras == [1, 1]);
    let still = match flow.still {
        0.0 if one_camera => STILL_BY_ONE_CAMERA,
        0.0 => STILL_BY_SEVERAL,
        given => given,
    };
    let motion = motion(flow, context.times.map_or(0, |times| times.count as u32));
    let rule = RestRule { after: flow.rest_after.into(), every: REST_EVERY, pixels: flow.rest_pixels.into() };
    let rest = (flow.rest_pixels > 0.0).then_some(rule);
    let mut parts = static_scene::build_with(context, vec![Box::new(Flow { motion, rates, still, rest })]);
    parts.losses.extend(tracks(flow, motion, context.extent));
    parts
}

/// Losses on motion itself, those that are on.
fn tracks(flow: &FlowSettings, motion: Motion, extent: f64) -> Vec<Box<dyn Loss>> {
    let mut losses: Vec<Box<dyn Loss>> = Vec::new();
    let per_world = (1.0 / extent.max(1e-12).powi(2)) as f32;
    if flow.smooth_velocity > 0.0 || flow.smooth_acceleration > 0.0 {
        let both = |weight: f32| [weight * per_world, weight];
        let (velocity, acceleration) = (both(flow.smooth_velocity), both(flow.smooth_acceleration));
        losses.push(Box::new(Smooth { motion, velocity, acceleration }));
    }
    if flow.rigid > 0.0 {
        losses.push(Box::new(Rigid::new(motion, flow.rigid * per_world)));
    }
    losses
}

fn motion(flow: &FlowSettings, frames: u32) -> Motion {
    let (body, colour) = match flow.basis {
        MotionBasis::Flow => (
            TimeBasis::Flow { poly: flow.poly, fourier: flow.fourier },
            TimeBasis::Flow { poly: flow.sh0_poly, fourier: flow.sh0_fourier },
        ),
        MotionBasis::Keyframes => (TimeBasis::Keyframes(flow.keyframes), TimeBasis::Keyframes(flow.sh0_keyframes)),
    };
    Motion { means: body, quats: body, sh0: colour, dilates: flow.dilates, fades: flow.fades, frames }
}
