//! Which columns are stored as integers, as the settings say.

use crate::codec::{Codec, Linear, Steps};
use crate::density::rng::Rng;
use crate::schedule::Rate;
use crate::settings::{DecoderKind, Settings};
use crate::stage::decode::DecodeCodecs;
use crate::stage::sh::sh_rows;

/// Spread of the gains of the cosine basis, of the matrix for rotations, and the gain for opacity, at the start
/// [static-quantized.md §2.1]. The sign of the last is fixed, since a random one would leave the first step to chance.
const SH_GAIN_SPREAD: f64 = 5e-4;
const QUATS_SPREAD: f64 = 0.01;
const OPACITY_GAIN: f32 = 0.5;

/// Lanes of the random numbers for decoders.
const LANE_SH: u32 = 0x5ec0;
const LANE_QUATS: u32 = 0x5ec1;

/// Codecs of the geometric columns.
pub(super) fn geometry(settings: &Settings) -> DecodeCodecs {
    let codec = &settings.codec;
    let quats = if codec.quats_latents > 0 {
        let latents = codec.quats_latents;
        let mut decoder = normals(settings.train.seed, LANE_QUATS, 4 * latents, QUATS_SPREAD);
        decoder.extend([0.0; 4]);
        Codec::Linear(Linear {
            latents,
            width: 4,
            gains: false,
            decoder,
            rate: f64::from(codec.quats_decoder_rate),
            normed: true,
        })
    } else {
        Codec::Plain
    };
    let opacity_logits = if codec.opacity_latent {
        Codec::Linear(Linear {
            latents: 1,
            width: 1,
            gains: false,
            decoder: vec![OPACITY_GAIN, 0.0],
            rate: f64::from(codec.opacity_decoder_rate),
            normed: false,
        })
    } else {
        steps(settings, codec.opacity_step)
    };
    DecodeCodecs { quats, log_scales: steps(settings, codec.log_scales_step), opacity_logits }
}

/// Codec of view-independent colour.
pub(super) fn sh0(settings: &Settings) -> Codec {
    steps(settings, settings.codec.sh0_step)
}

/// Codec of view-dependent colour.
pub(super) fn shn(settings: &Settings) -> Codec {
    let codec = &settings.codec;
    let (latents, width) = (codec.shn_latents, 3 * sh_rows(settings.model.sh_degree));
    if latents == 0 || width == 0 {
        return Codec::Plain;
    }
    let gains = codec.shn_decoder == DecoderKind::Gains;
    let mut decoder = if gains {
        normals(settings.train.seed, LANE_SH, width, SH_GAIN_SPREAD)
    } else {
        directions(latents, width, codec.shn_unit)
    };
    decoder.extend(vec![0.0; width as usize]);
    Codec::Linear(Linear { latents, width, gains, decoder, rate: f64::from(codec.shn_decoder_rate), normed: true })
}

/// The learning rate of a column's stored numbers, where it is given for its values.
pub(super) fn stored_rate(settings: &Settings, codec: &Codec, rate: Rate) -> Rate {
    let factor = f64::from(settings.codec.latent_rate);
    match codec {
        Codec::Plain | Codec::Steps(_) => rate,
        Codec::Linear(_) => Rate { start: rate.start * factor, end: rate.end * factor },
    }
}

fn steps(settings: &Settings, step: f32) -> Codec {
    if step <= 0.0 {
        return Codec::Plain;
    }
    Codec::Steps(Steps { step, rate: f64::from(settings.codec.step_rate), bits_weight: settings.loss.bits })
}

fn normals(seed: u64, lane: u32, count: u32, spread: f64) -> Vec<f32> {
    let rng = Rng::new(seed, 0);
    (0..count).map(|k| (spread * rng.normal(k as usize, lane)) as f32).collect()
}

/// A first matrix `[width, latents]` whose columns point along what matters most in view-dependent colour: brightness
/// at degree 1 and 2, then the two colour differences at degree 1, then the rest; each of length `unit`.
fn directions(latents: u32, width: u32, unit: f32) -> Vec<f32> {
    const GREY: [f32; 3] = [0.577_350_3; 3];
    const WARM: [f32; 3] = [std::f32::consts::FRAC_1_SQRT_2, 0.0, -std::f32::consts::FRAC_1_SQRT_2];
    const GREEN: [f32; 3] = [-0.408_248_3, 0.816_496_6, -0.408_248_3];
    let rows = width / 3;
    let grey = |from: u32, to: u32| (from..to.min(rows)).map(|row| (row, GREY));
    let coloured = (0..3).flat_map(|row| [(row, WARM), (row, GREEN)]);
    let all: Vec<(u32, [f32; 3])> = grey(0, 8).chain(coloured).chain(grey(8, rows)).collect();
    let mut matrix = vec![0.0; (width * latents) as usize];
    for (latent, (row, colour)) in all.into_iter().take(latents as usize).enumerate() {
        for (channel, share) in colour.into_iter().enumerate() {
            matrix[(3 * row as usize + channel) * latents as usize + latent] = unit * share;
        }
    }
    matrix
}
