//! WGSL sources: embedding, imports, printed constants and unrolled loops.
//!
//! A kernel is one file. Three kinds of line are ours and everything else is plain WGSL:
//! - `// import: common/tiles` is replaced by that file, once;
//! - `//: repeat J LANES` … `//: end` writes the lines between once for J = 0 … LANES − 1, replacing
//!   `$J`, and `$[J+2]` by the number two higher. Pixel state must live in registers, and a loop over a local array would not on every
//!   driver. Constants, decimal numbers and `A/B` are allowed as count.
//!
//! Constants come from [`layout`], the [`Profile`] and the caller;
//! there are no conditionals, a permutation is another constant.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use super::device::Profile;
use super::layout;

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        /// Every shader file by name, as embedded at build time.
        pub const SOURCES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../shaders/", $name, ".wgsl")))),*
        ];
    };
}

sources![
    "common/bits",
    "common/blocks",
    "common/blend_bwd",
    "common/codes",
    "common/frame",
    "common/grid",
    "common/influence",
    "common/lane_transmittance",
    "common/learn",
    "common/photometric",
    "common/projection",
    "common/quat",
    "common/random",
    "common/read_code",
    "common/selftest",
    "common/sh",
    "common/sort",
    "common/sort_block",
    "common/sum_lanes",
    "common/tile_isects",
    "common/time_basis",
    "common/time_bend",
    "common/track",
    "common/track_time",
    "common/lifetime",
    "common/tile_lanes",
    "common/tiles",
    "common/visible",
    "flow/move",
    "flow/move_block",
    "flow/move_bwd",
    "flow/fade",
    "flow/fade_bwd",
    "rasterize/project",
    "rasterize/project_bwd",
    "rasterize/intersect",
    "rasterize/emit",
    "rasterize/scan_up",
    "rasterize/scan_top",
    "rasterize/scan_down",
    "rasterize/sort_lane_count",
    "rasterize/sort_lane_scatter",
    "rasterize/sort_block_count",
    "rasterize/sort_block_scatter",
    "rasterize/order",
    "rasterize/offsets",
    "rasterize/blend",
    "rasterize/inspect",
    "rasterize/blend_bwd",
    "rasterize/blend_bwd_min",
    "rasterize/gather",
    "rasterize/influence",
    "rasterize/influence_min",
    "rasterize/influence_gather",
    "sh/sh",
    "sh/sh_bwd",
    "decode/learn_steps",
    "decode/learn_table",
    "decode/linear",
    "decode/linear_bwd",
    "decode/steps",
    "decode/steps_bwd",
    "decode/table_bwd",
    "loss/photometric_compose",
    "loss/photometric_moments",
    "loss/photometric_ssim",
    "loss/photometric_sum",
    "loss/photometric_spread",
    "loss/photometric_grad",
    "loss/rate",
    "loss/regularize",
    "loss/smooth",
    "loss/rigid",
    "loss/rigid_speed",
    "loss/rigid_pull",
    "optim/adam",
    "optim/adam_mark",
    "optim/adam_settle",
    "density/observe",
    "density/noise",
    "params/gather_rows",
    "params/write_rows",
];

/// A shader ready for compilation, with the origin of each line.
#[derive(Clone, Debug)]
pub struct Source {
    /// Complete WGSL.
    pub text: String,
    lines: Vec<(&'static str, usize)>,
}

fn load(name: &str) -> (&'static str, Cow<'static, str>) {
    let Some(&(name, embedded)) = SOURCES.iter().find(|(known, _)| *known == name) else {
        panic!("no shader named {name}; add it to SOURCES");
    };
    // Debug builds read the file, so that a kernel can be edited without compiling Rust.
    #[cfg(debug_assertions)]
    if let Ok(text) = std::fs::read_to_string(format!("{}/../shaders/{name}.wgsl", env!("CARGO_MANIFEST_DIR"))) {
        return (name, text.into());
    }
    (name, embedded.into())
}

/// FNV-1a hash over all embedded sources and constants: part of a run's fingerprint.
pub fn sources_hash() -> u64 {
    let texts = SOURCES.iter().flat_map(|(name, text)| name.bytes().chain(text.bytes()));
    let constants = layout::UNSIGNED.iter().flat_map(|(_, v)| v.to_le_bytes());
    let floats = layout::FLOATS.iter().flat_map(|(_, v)| v.to_le_bytes());
    texts
        .chain(constants)
        .chain(floats)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Source {
    /// Expands a kernel for a profile with the caller's extra constants.
    ///
    /// # Panics
    /// When the shader or a constant used by `repeat` does not exist: a bug of ours.
    pub fn expand(name: &str, profile: &Profile, constants: &[(&str, u32)]) -> Source {
        let mut all: Vec<(&str, u32)> = layout::UNSIGNED.to_vec();
        all.extend([
            ("LANES", profile.lanes),
            ("PIXELS_PER_LANE", layout::TILE_PIXELS / profile.lanes),
            ("TILES_PER_GROUP", profile.tiles_per_group),
            ("WORKGROUP", profile.workgroup),
            ("SCAN_FAN", profile.scan_fan),
        ]);
        all.extend_from_slice(constants);
        let mut source = Source { text: String::new(), lines: Vec::new() };
        for (name, value) in &all {
            source.push("constants", 0, &format!("const {name}: u32 = {value}u;"));
        }
        for (name, value) in layout::FLOATS {
            source.push("constants", 0, &format!("const {name}: f32 = {value:e}f;"));
        }
        source.include(name, &all, &mut HashSet::new());
        source
    }

    fn push(&mut self, file: &'static str, line: usize, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push((file, line));
    }

    fn include(&mut self, name: &str, constants: &[(&str, u32)], seen: &mut HashSet<String>) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let (file, text) = load(name);
        let mut repeated: Option<Repeat<'_>> = None;
        for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line)) {
            if let Some(import) = line.strip_prefix("// import: ") {
                self.include(import.trim(), constants, seen);
            } else if let Some(directive) = line.trim().strip_prefix("//: repeat ") {
                let (variable, count) = directive
                    .split_once(' ')
                    .unwrap_or_else(|| panic!("{file}:{number}: repeat needs a name and a count"));
                repeated = Some(Repeat { variable, count: evaluate(count, constants), body: Vec::new() });
            } else if line.trim() == "//: end" {
                let repeat = repeated.take().unwrap_or_else(|| panic!("{file}:{number}: end without repeat"));
                for (number, line) in repeat.lines() {
                    self.push(file, number, &line);
                }
            } else if let Some(repeat) = &mut repeated {
                repeat.body.push((number, line));
            } else {
                self.push(file, number, line);
            }
        }
    }

    /// Where an expanded line (1-based) came from, as `file:line`.
    pub fn origin(&self, line: usize) -> String {
        let (file, line) = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(("?", line));
        format!("shaders/{file}.wgsl:{line}")
    }

    /// Parses the source with naga.
    ///
    /// # Errors
    /// The message with the place in the original file.
    pub fn parse(&self) -> Result<naga::Module, String> {
        naga::front::wgsl::parse_str(&self.text).map_err(|error| {
            let place = error.location(&self.text).map_or_else(String::new, |at| self.origin(at.line_number as usize));
            let mut message = format!("{place}: {error}");
            if let Some(at) = error.location(&self.text) {
                let line = self.text.lines().nth(at.line_number as usize - 1).unwrap_or_default();
                let _ = write!(message, "\n  {}", line.trim());
            }
            message
        })
    }
}

/// Lines between `//: repeat` and `//: end`, with their numbers.
struct Repeat<'a> {
    variable: &'a str,
    count: u32,
    body: Vec<(usize, &'a str)>,
}

impl Repeat<'_> {
    fn lines(&self) -> impl Iterator<Item = (usize, String)> {
        (0..self.count)
            .flat_map(move |value| self.body.iter().map(move |&(number, line)| (number, self.fill_in(line, value))))
    }

    fn fill_in(&self, line: &str, value: u32) -> String {
        let variable = self.variable;
        let shifted = (0..10)
            .fold(line.to_owned(), |line, by| line.replace(&format!("$[{variable}+{by}]"), &(value + by).to_string()));
        shifted.replace(&format!("${variable}"), &value.to_string())
    }
}

fn evaluate(count: &str, constants: &[(&str, u32)]) -> u32 {
    let value = |word: &str| {
        let word = word.trim();
        let known = constants.iter().rev().find(|(name, _)| *name == word).map(|(_, value)| *value);
        known.or_else(|| word.parse().ok()).unwrap_or_else(|| panic!("repeat count {word} is not a constant"))
    };
    match count.split_once('/') {
        Some((a, b)) => value(a) / value(b),
        None => value(count),
    }
}
