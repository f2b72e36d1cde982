//! The one settings table: every number a person may choose, with its meaning, default and range.
//!
//! A section is one `settings!` call; from it come the struct, its defaults, TOML in and out, `--set`
//! keys, and the list that `splat settings`, the docs and a settings panel print. [`Settings::resolve`]
//! merges defaults < preset < file < `--set` as TOML, checks every key and range, and deserializes once:
//! code behind it sees only valid values. Nothing here touches a GPU or knows what a setting does.

mod field;
mod merge;
mod resolve;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
pub use toml::Table;

pub use field::{Field, Kind, Range, Section, Value};
use field::{Setting, above, between, closed};
pub use resolve::{Preset, read_table};

/// Declares one section: the struct, its `Default`, serde, and a descriptor per field.
macro_rules! settings {
    ($(#[doc = $about:literal])+ $section:ident as $struct:ident {
        $($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr $(, $range:expr)?;)+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $struct { $($(#[doc = $doc])+ pub $name: $type,)+ }

        impl Default for $struct {
            fn default() -> Self { Self { $($name: $default),+ } }
        }

        impl $struct {
            /// Name, meaning and fields of this section.
            pub const SECTION: Section = Section {
                name: stringify!($section),
                about: concat!($($about),+),
                fields: &[$(Field {
                    section: stringify!($section),
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    kind: <$type as Setting>::KIND,
                    default: || Setting::value(&$struct::default().$name),
                    range: settings!(@range $($range)?),
                    choices: <$type as Setting>::CHOICES,
                }),+],
            };

            /// The values, in the order of the fields.
            fn values(&self) -> Vec<Value> { vec![$(Setting::value(&self.$name)),+] }
        }
    };
    (@range) => { None };
    (@range $range:expr) => { Some($range) };
}

/// Declares a setting that is one word out of a closed list.
macro_rules! choice {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[doc = $doc])+ #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// The word that stands for this choice in TOML and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl Setting for $name {
            const KIND: Kind = Kind::Choice;
            const CHOICES: &'static [&'static str] = &[$($word),+];
            fn value(&self) -> Value { Value::Choice(self.as_str()) }
        }
    };
}

/// Lists the sections: the whole table is this one call.
macro_rules! sections {
    ($($name:ident: $struct:ident),+ $(,)?) => {
        /// Everything the user may choose; resolved once, saved beside every result.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings { $(#[doc = concat!("The `", stringify!($name), "` section.")] pub $name: $struct),+ }

        impl Settings {
            /// Every section, in the order in which it is shown.
            pub const SECTIONS: &'static [Section] = &[$($struct::SECTION),+];

            /// Every setting of these settings with its value, in table order.
            pub fn values(&self) -> Vec<(&'static Field, Value)> {
                let mut all = Vec::new();
                $(all.extend($struct::SECTION.fields.iter().zip(self.$name.values()));)+
                all
            }
        }
    };
}

choice! {
    /// How a scene is modelled and trained: the list of stages, losses and density control.
    RecipeName {
        /// As the scene needs: `dynamic` if its photos have times, `static` otherwise.
        Auto = "auto",
        /// A scene that does not move, under one light.
        Static = "static",
        /// A scene that moves.
        Dynamic = "dynamic",
    }
}

choice! {
    /// What lies behind the splats while training.
    Background {
        /// `random` when the photos have alpha, `black` otherwise.
        Auto = "auto",
        /// Black.
        Black = "black",
        /// White.
        White = "white",
        /// Another colour at each step, so that nothing can hide in front of a known one.
        Random = "random",
    }
}

choice! {
    /// Which variants of the kernels run.
    Profile {
        /// Chosen by the self-test at start.
        Auto = "auto",
        /// Subgroups of 32 lanes.
        Sg32 = "sg32",
        /// Subgroups of 64 lanes.
        Sg64 = "sg64",
        /// Software adapters with subgroups of 8 lanes.
        Cpu8 = "cpu8",
        /// No subgroups: WebGPU's defaults and nothing more.
        Min = "min",
    }
}

choice! {
    /// Who decides where splats appear and vanish.
    DensityMethod {
        /// Error-attributed growth to an exact number of splats.
        Budget = "budget",
        /// Clone, split and prune by screen-space gradient [Kerbl 2023].
        Adc = "adc",
        /// Relocation and noise with a fixed cap [Kheradmand 2024].
        Mcmc = "mcmc",
    }
}

choice! {
    /// What tells when a photo was taken.
    TimeSource {
        /// The scene's own files, where they do.
        Auto = "auto",
        /// Nothing: the scene is taken to stand still.
        None = "none",
        /// The names of the photos.
        Names = "names",
    }
}

settings! {
    /// How the photos are read.
    data as Data {
        /// Photos are shrunk until their longest edge has at most this many pixels; 0 keeps their size.
        max_resolution: u32 = 1600, closed(0.0, 16384.0);
        /// Every n-th photo is held out for evaluation unless the scene brings its own split; 0 holds none out.
        test_every: u32 = 8, closed(0.0, 100_000.0);
        /// What tells when a photo was taken: `auto` what the scene's own files say, `names` the numbers in the names
        /// of the photos or else their order, each folder being one camera, `none` nothing (a scene that stands still).
        time: TimeSource = TimeSource::Auto;
        /// Memory for decoded photos, in MiB; the rest is read again when needed.
        cache_mib: u32 = 2048, closed(16.0, 1_048_576.0);
        /// Threads that decode and shrink photos; the result does not depend on it.
        loader_threads: u32 = 1, closed(1.0, 64.0);
    }
}

settings! {
    /// The run as a whole.
    train as Train {
        /// Number of training steps.
        steps: u64 = 4000, closed(1.0, 1_000_000.0);
        /// Photos per step, whose gradients are added.
        batch: u32 = 1, closed(1.0, 64.0);
        /// Seed of every random choice; the same seed gives the same bytes.
        seed: u64 = 42, closed(0.0, MAX_EXACT);
        /// Steps between evaluations on the held-out photos; 0 evaluates only at the end.
        eval_every: u64 = 1000, closed(0.0, 1_000_000.0);
        /// Steps between checkpoints; 0 writes one only at the end and when interrupted.
        checkpoint_every: u64 = 1000, closed(0.0, 1_000_000.0);
        /// How the scene is modelled.
        recipe: RecipeName = RecipeName::Auto;
    }
}

settings! {
    /// The splats before the first step.
    init as Init {
        /// Number of random points when the scene brings none.
        random_points: u32 = 10_000, closed(1.0, 10_000_000.0);
        /// Opacity of every splat.
        opacity: f32 = 0.1, between(0.0, 1.0);
        /// Size of a splat as a multiple of the distance to its nearest neighbours.
        scale: f32 = 1.0, above(0.0, 100.0);
    }
}

settings! {
    /// What a splat can express.
    model as Model {
        /// Degree of the spherical harmonics for view-dependent colour; 0 is one colour from everywhere.
        sh_degree: u32 = 3, closed(0.0, 3.0);
        /// Fraction of the run at which degree 1 joins in.
        sh_start: f32 = 0.05, closed(0.0, 1.0);
        /// Fraction of the run between one degree and the next.
        sh_interval: f32 = 0.05, closed(0.0, 1.0);
        /// Steps from one update of the SH coefficients above degree 0 to the next: they are most of a splat and
        /// change slowly, so that updating them rarely saves much and costs nothing visible.
        sh_every: u32 = 4, closed(1.0, 64.0);
        /// What lies behind the splats while training; `auto` is random for photos with alpha, black otherwise.
        background: Background = Background::Auto;
    }
}

impl Model {
    /// Background colour of evaluations and shown renders, linear to the stored bytes, 0 to 1 [R, G, B]:
    /// white for photos with alpha (the custom of the field), unless black was chosen outright.
    pub fn evaluation_background(&self, has_alpha: bool) -> [f32; 3] {
        match self.background {
            Background::White => [1.0; 3],
            Background::Black => [0.0; 3],
            Background::Auto | Background::Random if has_alpha => [1.0; 3],
            Background::Auto | Background::Random => [0.0; 3],
        }
    }
}

choice! {
    /// How latents become coefficients.
    DecoderKind {
        /// A matrix that is learned throughout.
        Learned = "learned",
        /// A fixed cosine basis times a learned gain per coefficient [Girish 2024, EAGLES].
        Gains = "gains",
    }
}

choice! {
    /// How a compressed file holds what training did not round.
    RestCodec {
        /// As integers too, as coarse as the picture allows.
        Quantized = "quantized",
        /// As 32-bit floats.
        Float = "float",
    }
}

settings! {
    /// How columns are stored: training knows the integers a file will hold.
    codec as CodecSettings {
        /// View-dependent colour is decoded from so many integers per splat; 0 stores every coefficient.
        shn_latents: u32 = 0, closed(0.0, 16.0);
        /// How these become coefficients.
        shn_decoder: DecoderKind = DecoderKind::Learned;
        /// Length of a coefficient vector that one unit of a latent stands for, at the start (learned decoder).
        shn_unit: f32 = 0.03, above(0.0, 10.0);
        /// Learning rate of that decoder.
        shn_decoder_rate: f32 = 5e-5, closed(0.0, 10.0);
        /// Rotations are decoded from so many integers per splat; 0 stores quaternions.
        quats_latents: u32 = 0, closed(0.0, 16.0);
        /// Learning rate of that decoder.
        quats_decoder_rate: f32 = 1e-2, closed(0.0, 10.0);
        /// The logit of opacity is decoded from one integer per splat.
        opacity_latent: bool = false;
        /// Learning rate of that decoder.
        opacity_decoder_rate: f32 = 0.3, closed(0.0, 10.0);
        /// Latents learn this many times faster than their column, over the norm of the decoder.
        latent_rate: f32 = 0.1, closed(0.0, 1000.0);
        /// Step to which logarithms of scales are rounded; 0 does not round them.
        log_scales_step: f32 = 0.0, closed(0.0, 10.0);
        /// Step to which logits of opacity are rounded; 0 does not round them.
        opacity_step: f32 = 0.0, closed(0.0, 10.0);
        /// Step to which view-independent colour is rounded; 0 does not round it.
        sh0_step: f32 = 0.0, closed(0.0, 10.0);
        /// Learning rate of the logarithms of these steps.
        step_rate: f32 = 1e-3, closed(0.0, 1.0);
        /// How a compressed file holds the columns that are not rounded in training.
        rest: RestCodec = RestCodec::Quantized;
        /// Fraction of the run from which rounding is trained as noise; 1 means never.
        noise_start: f32 = 1.0, closed(0.0, 1.0);
        /// Fraction of the run from which numbers are rounded; 1 means never.
        round_start: f32 = 1.0, closed(0.0, 1.0);
    }
}

choice! {
    /// Functions of time that motion is composed of.
    MotionBasis {
        /// Polynomials and Fourier terms [Lin 2024, Gaussian-Flow].
        Flow = "flow",
        /// Linear interpolation between keyframes.
        Keyframes = "keyframes",
    }
}

settings! {
    /// How splats move, in scenes that do.
    flow as FlowSettings {
        /// Fraction of the run from which splats may move; before, they learn what rests.
        start: f32 = 0.2, closed(0.0, 1.0);
        /// Coefficients of motion stay zero whose mean gradient is less than this share of its root mean square, so that
        /// what rests stays at rest. 0 chooses: 0.6 where one camera sees each moment, which leaves open what moved, and
        /// 0.3 where several do.
        still: f32 = 0.0, closed(0.0, 1.0);
        /// Splats come to rest for good that move by no more than so many pixels in any photo, and hardly change their
        /// colour; 0 lets none. What rests costs neither memory nor bytes for its motion.
        rest_pixels: f32 = 0.25, closed(0.0, 100.0);
        /// Fraction of the run from which they do.
        rest_after: f32 = 0.4, closed(0.0, 1.0);
        /// Weight of the mean square velocity of splats, in scene extents and in turns of a radian per clip; 0 is off.
        smooth_velocity: f32 = 0.0, closed(0.0, 100.0);
        /// The same of the acceleration per clip; keyframes have none.
        smooth_acceleration: f32 = 0.0, closed(0.0, 100.0);
        /// Weight by which splats that move are held to move with their neighbours as one body; 0 is off.
        rigid: f32 = 0.0, closed(0.0, 100.0);
        /// Functions of time that motion is composed of.
        basis: MotionBasis = MotionBasis::Flow;
        /// Highest degree of the polynomials that positions and rotations follow.
        poly: u32 = 3, closed(0.0, 16.0);
        /// Sines and cosines that positions and rotations follow, each so many.
        fourier: u32 = 4, closed(0.0, 32.0);
        /// Highest degree of the polynomials that colours follow.
        sh0_poly: u32 = 1, closed(0.0, 16.0);
        /// Sines and cosines that colours follow, each so many.
        sh0_fourier: u32 = 2, closed(0.0, 32.0);
        /// Keyframes of positions and rotations, where these are the basis.
        keyframes: u32 = 12, closed(2.0, 512.0);
        /// Keyframes of colours.
        sh0_keyframes: u32 = 6, closed(2.0, 512.0);
        /// Whether each splat may move faster or slower than the clip.
        dilates: bool = false;
        /// Whether splats may appear and vanish.
        fades: bool = true;
        /// Learning rate of the coefficients of positions at the first step, times the scene's extent.
        means_rate: f32 = 1.6e-4, closed(0.0, 10.0);
        /// The same at the last step; in between it falls exponentially.
        means_rate_final: f32 = 1.6e-5, closed(0.0, 10.0);
        /// Learning rate of the coefficients of rotations.
        quats_rate: f32 = 1e-3, closed(0.0, 10.0);
        /// Learning rate of the coefficients of colours.
        sh0_rate: f32 = 2.5e-3, closed(0.0, 10.0);
        /// Learning rate of the logarithms of speeds.
        dilations_rate: f32 = 1e-3, closed(0.0, 10.0);
        /// Learning rate of the windows in which splats are seen.
        lifetimes_rate: f32 = 1e-2, closed(0.0, 10.0);
    }
}

settings! {
    /// The rasterizer.
    raster as Raster {
        /// Mip-Splatting's 2D filter: opacity is lowered where a splat is widened to a pixel.
        antialias: bool = false;
        /// Splats nearer to the camera than this are not drawn, in scene units; 0 derives it from the scene's extent.
        near: f32 = 0.0, closed(0.0, 1e6);
        /// Which variants of the kernels run; `auto` is chosen by a self-test at start.
        profile: Profile = Profile::Auto;
    }
}

settings! {
    /// What is minimised.
    loss as Loss {
        /// Weight of D-SSIM; L1 gets the rest.
        ssim_weight: f32 = 0.2, closed(0.0, 1.0);
        /// Weight of the difference between rendered and photographed alpha.
        alpha_weight: f32 = 0.0, closed(0.0, 100.0);
        /// Weight of the mean opacity, which lets unneeded splats fade.
        opacity_reg: f32 = 0.0, closed(0.0, 100.0);
        /// Weight of the mean number of bits per splat, for columns that are rounded.
        bits: f32 = 0.0, closed(0.0, 1.0);
        /// Weight of the mean scale, which lets unneeded splats shrink.
        scale_reg: f32 = 0.0, closed(0.0, 100.0);
    }
}

settings! {
    /// Adam's learning rates per column; 0 freezes a column.
    optim as Optim {
        /// Positions at the first step, times the scene's extent.
        means_rate: f32 = 1.6e-4, closed(0.0, 10.0);
        /// Positions at the last step, times the scene's extent; in between the rate falls exponentially.
        means_rate_final: f32 = 1.6e-6, closed(0.0, 10.0);
        /// Logarithms of the scales.
        log_scales_rate: f32 = 5e-3, closed(0.0, 10.0);
        /// Rotations.
        quats_rate: f32 = 1e-3, closed(0.0, 10.0);
        /// Opacities before the sigmoid.
        opacity_rate: f32 = 0.05, closed(0.0, 10.0);
        /// View-independent colour.
        sh0_rate: f32 = 2.5e-3, closed(0.0, 10.0);
        /// View-dependent colour.
        shn_rate: f32 = 2.5e-4, closed(0.0, 10.0);
    }
}

choice! {
    /// How the resolution rises from coarse to fine.
    CoarseCurve {
        /// By equal factors.
        Geometric = "geometric",
        /// Along half a cosine, slowly at both ends.
        Cosine = "cosine",
    }
}

settings! {
    /// Coarse to fine: early steps see smaller photos.
    schedule as Schedule {
        /// Resolution at the first step as a factor of the full one; 1 switches coarse-to-fine off.
        coarse_start: f32 = 0.25, above(0.0, 1.0);
        /// Fraction of the run from which photos have their full resolution.
        coarse_until: f32 = 0.5, closed(0.0, 1.0);
        /// Number of resolutions, the full one included.
        coarse_levels: u32 = 4, closed(1.0, 16.0);
        /// How the resolution rises: by equal factors, or along half a cosine [Girish 2024].
        coarse_curve: CoarseCurve = CoarseCurve::Geometric;
    }
}

settings! {
    /// Where splats appear and vanish.
    density as Density {
        /// Growth to an exact budget, the vanilla recipe (adc), or relocation with a fixed cap (mcmc).
        method: DensityMethod = DensityMethod::Budget;
        /// Most splats the scene may have; 0 chooses from the scene.
        max_splats: u32 = 0, closed(0.0, 100_000_000.0);
        /// Steps between refinements.
        refine_every: u32 = 100, closed(1.0, 100_000.0);
        /// Fraction of the run at which refinement begins.
        start: f32 = 0.02, closed(0.0, 1.0);
        /// Fraction of the run at which refinement ends.
        stop: f32 = 0.5, closed(0.0, 1.0);
        /// Mean screen-space gradient above which a splat is cloned or split (adc).
        grad_threshold: f32 = 2e-4, closed(0.0, 1.0);
        /// Splats fainter than this are removed or relocated.
        min_opacity: f32 = 0.005, closed(0.0, 0.5);
        /// Sum absolute gradients, so that opposite ones do not cancel (adc) [Ye 2024].
        absgrad: bool = false;
        /// Steps between resets of all opacities to almost nothing (adc); 0 never resets.
        opacity_reset_every: u32 = 3000, closed(0.0, 1_000_000.0);
        /// Strength of the noise on positions (mcmc).
        noise: f32 = 5e5, closed(0.0, 1e9);
        /// Share of the splats that a pruning by influence removes: what the views show least of; 0 for none [Girish 2024].
        influence_prune: f32 = 0.0, closed(0.0, 0.9);
        /// Fraction of the run from one pruning by influence to the next.
        influence_every: f32 = 0.17, above(0.0, 1.0);
        /// Fraction of the run before which the last pruning by influence happens.
        influence_until: f32 = 0.9, closed(0.0, 1.0);
    }
}

settings! {
    /// What a run leaves behind.
    output as Output {
        /// Write test/*.png: each held-out photo beside its render.
        test_images: bool = true;
        /// Size of the compressed file in megabytes (10^6 bytes), met within 3 %: the number of splats follows from it
        /// unless it is given, and the least influential are left out where that was too many; 0 sets no target.
        target_mb: f32 = 0.0, closed(0.0, 1e6);
        /// How finely the compressed file quantizes what was not trained as integers; every step is inversely
        /// proportional to it.
        quality: f32 = 1.0, closed(0.0625, 64.0);
        /// Number of checkpoints kept.
        keep_checkpoints: u32 = 2, closed(1.0, 1000.0);
    }
}

sections! {
    data: Data, train: Train, init: Init, model: Model, raster: Raster,
    flow: FlowSettings, codec: CodecSettings, loss: Loss, optim: Optim, schedule: Schedule, density: Density, output: Output,
}

/// Largest integer that JSON readers and `f64` ranges hold exactly, 2^53 - 1.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
