//! A scene that does not move, under one light [Kerbl 2023].

use super::{Context, Parts, Recipe, codecs};
use crate::codec::Codec;
use crate::density::Density;
use crate::density::adc::{Adc, AdcSettings};
use crate::density::budget::{Budget, BudgetSettings};
use crate::density::influence::{PruneSettings, Pruned};
use crate::density::mcmc::{Mcmc, McmcSettings};
use crate::loss::{Loss, Photometric, RateLoss, Regularize};
use crate::model::Model;
use crate::schedule::Rate;
use crate::settings::{DensityMethod, RecipeName, Settings};
use crate::stage::Stage;
use crate::stage::decode::{Decode, DecodeRates};
use crate::stage::rasterize::Rasterize;
use crate::stage::sh::Sh;

pub(super) const RECIPE: Recipe =
    Recipe { name: RecipeName::Static, about: "a scene that does not move, under one light", build };

fn build(context: &Context<'_>) -> Parts {
    build_with(context, Vec::new())
}

/// A static scene with further stages between decoding and colour.
pub(super) fn build_with(context: &Context<'_>, between: Vec<Box<dyn Stage>>) -> Parts {
    let settings = context.settings;
    let losses: Vec<Box<dyn Loss>> = vec![
        Box::new(Photometric {
            ssim_weight: settings.loss.ssim_weight,
            alpha_weight: settings.loss.alpha_weight,
            buffers: context.loss_buffers.clone(),
        }),
        Box::new(RateLoss { weight: settings.loss.bits }),
        Box::new(Regularize { opacity_weight: settings.loss.opacity_reg, scale_weight: settings.loss.scale_reg }),
    ];
    Parts { model: model(settings, context.extent, between), losses, density: density(context) }
}

/// The chain `decode → sh → rasterize` with the learning rates of the settings.
fn model(settings: &Settings, extent: f64, between: Vec<Box<dyn Stage>>) -> Model {
    let optim = &settings.optim;
    let constant = |rate: f32| Rate::constant(f64::from(rate));
    let geometry = codecs::geometry(settings);
    let (sh0_codec, shn_codec) = (codecs::sh0(settings), codecs::shn(settings));
    let stored = |codec: &Codec, rate: f32| codecs::stored_rate(settings, codec, constant(rate));
    let rates = DecodeRates {
        means: Rate { start: f64::from(optim.means_rate) * extent, end: f64::from(optim.means_rate_final) * extent },
        log_scales: constant(optim.log_scales_rate),
        quats: stored(&geometry.quats, optim.quats_rate),
        opacity_logits: stored(&geometry.opacity_logits, optim.opacity_rate),
        regularized: settings.loss.opacity_reg > 0.0 || settings.loss.scale_reg > 0.0,
    };
    let sh = Sh {
        degree: settings.model.sh_degree,
        sh0_rate: constant(optim.sh0_rate),
        shn_rate: stored(&shn_codec, optim.shn_rate),
        every: settings.model.sh_every,
        sh0_codec,
        shn_codec,
        packed: false,
    };
    let mut stages: Vec<Box<dyn Stage>> = vec![Box::new(Decode { rates, codecs: geometry })];
    stages.extend(between);
    stages.extend([Box::new(sh) as Box<dyn Stage>, Box::new(Rasterize::default())]);
    Model::new(stages)
}

fn density(context: &Context<'_>) -> Box<dyn Density> {
    let settings = &context.settings.density;
    let steps = context.settings.train.steps as f64;
    let (start, stop) = ((f64::from(settings.start) * steps) as u32, (f64::from(settings.stop) * steps) as u32);
    let growth: Box<dyn Density> = match settings.method {
        DensityMethod::Adc => Box::new(Adc::new(AdcSettings {
            start,
            stop,
            every: settings.refine_every,
            grad_threshold: settings.grad_threshold,
            abs_grad_threshold: settings.absgrad.then_some(2.0 * settings.grad_threshold),
            prune_opacity: settings.min_opacity,
            prune_extent_after: settings.opacity_reset_every.max(start),
            reset_every: settings.opacity_reset_every,
            max_splats: Some(context.max_splats),
            ..AdcSettings::default()
        })),
        DensityMethod::Mcmc => Box::new(Mcmc::new(McmcSettings {
            start,
            stop,
            every: settings.refine_every,
            min_opacity: f64::from(settings.min_opacity),
            cap: context.max_splats,
            noise: settings.noise,
            ..McmcSettings::default()
        })),
        DensityMethod::Budget => Box::new(Budget::new(
            BudgetSettings {
                cap: context.max_splats,
                grow_from: f64::from(settings.start),
                grow_until: f64::from(settings.stop),
                every: settings.refine_every,
                abs_grad_threshold: settings.grad_threshold,
                prune_opacity: f64::from(settings.min_opacity),
                ..BudgetSettings::default()
            },
            context.initial_splats,
        )),
    };
    if settings.influence_prune > 0.0 {
        let prune = PruneSettings {
            share: f64::from(settings.influence_prune),
            every: f64::from(settings.influence_every),
            until: f64::from(settings.influence_until),
        };
        return Box::new(Pruned::new(growth, prune));
    }
    growth
}
