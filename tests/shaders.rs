//! Every kernel, in every profile and permutation, without an adapter: it parses, validates and keeps
//! its budget.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use splat_core::gpu::layout::FrameUniform;
use splat_core::gpu::shader::{SOURCES, Source};
use splat_core::gpu::{PORTABLE_STORAGE_BUFFERS, Profile};

const MOST_LINES: usize = 250;
/// WebGPU's default limit of workgroup memory.
const MOST_WORKGROUP_BYTES: u32 = 16 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders")
}

fn kernels() -> impl Iterator<Item = (&'static str, &'static str)> {
    SOURCES.iter().copied().filter(|(_, text)| text.contains("fn main("))
}

type Constants = Vec<(&'static str, u32)>;

/// Every set of constants the host may pass to a kernel.
fn permutations(kernel: &str, profile: &Profile) -> Vec<Constants> {
    let rows = |degree: u32| (degree + 1).pow(2) - 1;
    let degrees = || (0..=3_u32).flat_map(|stored| (0..=stored).map(move |used| (used, stored)));
    let sh = |name: &'static str, values: u32, stride: fn(u32) -> u32| -> Vec<Constants> {
        let stored =
            |(used, stored)| vec![("SH_ROWS", rows(used)), ("SH_STRIDE", stride(rows(stored))), (name, values)];
        degrees().map(stored).collect()
    };
    let (plain, packed) = (|rows: u32| 3 * rows, |rows: u32| (3 * rows + 2).div_ceil(4));
    // Every shape of a linear decoder with every choice of the other constants.
    let linear = |choices: &[(&'static str, &[u32])]| -> Vec<Constants> {
        let shapes = [(8, 45), (16, 45), (8, 4), (1, 1)];
        let mut all: Vec<Constants> =
            shapes.map(|(latents, width)| vec![("LATENTS", latents), ("WIDTH", width)]).to_vec();
        for &(name, values) in choices {
            all = all.iter().flat_map(|one| values.iter().map(|&v| [one.clone(), vec![(name, v)]].concat())).collect();
        }
        all
    };
    let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
    match kernel {
        "sh/sh" => [sh("SH_PACKED", 0, plain), sh("SH_PACKED", 1, packed)].concat(),
        "sh/sh_bwd" => [sh("UPDATES", 0, plain), sh("UPDATES", 1, plain)].concat(),
        "rasterize/blend" | "rasterize/blend_bwd" | "rasterize/blend_bwd_min" | "rasterize/gather" => pairs
            .map(|(depth, absolute)| {
                vec![("DEPTH", depth), ("ABS_GRAD", absolute), ("SLOT_FLOATS", 9 + depth + 2 * absolute)]
            })
            .to_vec(),
        "rasterize/inspect" => [0, 1].map(|solid| vec![("SOLID", solid)]).to_vec(),
        name if name.starts_with("rasterize/sort_") => {
            let bins = if profile.serial_lanes { 256 } else { 16 };
            pairs.map(|(drops, first)| vec![("BINS", bins), ("DROPS", drops), ("FIRST_PASS", first)]).to_vec()
        }
        "optim/adam" => [0, 1]
            .into_iter()
            .flat_map(|dense| {
                [(1, 45), (45, 1), (1, 1)]
                    .map(|(pieces, piece)| vec![("DENSE", dense), ("PIECES", pieces), ("PIECE", piece)])
            })
            .collect(),
        "decode/linear" => linear(&[("CODES", &[0, 1, 2]), ("ROWS", &[1, 4])]),
        "decode/linear_bwd" => linear(&[("ROWS", &[1, 4])]),
        "decode/table_bwd" => linear(&[("CODES", &[0, 1, 2]), ("BLOCKS", &[256]), ("OUTPUTS", &[1])])
            .into_iter()
            .chain([8, 16].map(|latents| {
                vec![("LATENTS", latents), ("WIDTH", 45), ("CODES", 2), ("BLOCKS", 256), ("OUTPUTS", 3)]
            }))
            .collect(),
        "decode/learn_table" => {
            linear(&[("BLOCKS", &[256]), ("GAINS", &[0, 1]), ("NORMED", &[0, 1]), ("UPDATES", &[0, 1])])
        }
        "decode/steps" => [1, 2].map(|codes| vec![("CODES", codes)]).to_vec(),
        "decode/steps_bwd" => [1, 2].map(|codes| vec![("CODES", codes), ("WIDTH", 3), ("BLOCKS", 1024)]).to_vec(),
        "decode/learn_steps" => {
            [0, 1].map(|updates| vec![("UPDATES", updates), ("WIDTH", 3), ("BLOCKS", 1024)]).to_vec()
        }
        "flow/move" | "flow/move_bwd" => [(0, 0), (0, 1), (5, 1)]
            .map(|(keys, dilates)| {
                let (poly, fourier) = if keys > 0 { (0, 0) } else { (3, 4) };
                let terms = if keys > 0 { keys } else { poly + 2 * fourier };
                vec![
                    ("POLY", poly),
                    ("FOURIER", fourier),
                    ("KEYS", keys),
                    ("TERMS", terms),
                    ("WIDTH", 4),
                    ("DILATES", dilates),
                ]
            })
            .to_vec(),
        "flow/move_block" => [(3, 4, 0, 4), (1, 2, 0, 3), (0, 0, 32, 4)]
            .map(|(poly, fourier, keys, width)| {
                let terms = poly + 2 * fourier + keys;
                let orders = [("POLY", poly), ("FOURIER", fourier), ("KEYS", keys), ("TERMS", terms)];
                [orders.as_slice(), &[("WIDTH", width), ("DILATES", 0), ("VECTORS", width * terms)]].concat()
            })
            .to_vec(),
        "loss/smooth" | "loss/rigid_speed" | "loss/rigid_pull" => {
            [(3, 4, 0, 0), (2, 0, 0, 1), (0, 2, 0, 0), (0, 0, 5, 1)]
                .map(|(poly, fourier, keys, dilates)| {
                    let orders =
                        [("POLY", poly), ("FOURIER", fourier), ("KEYS", keys), ("TERMS", poly + 2 * fourier + keys)];
                    [orders.as_slice(), &[("WIDTH", 4), ("DILATES", dilates), ("PART", 1)]].concat()
                })
                .to_vec()
        }
        "loss/rigid" => vec![vec![("NEAR", 8)]],
        "loss/rate" => [0, 1].map(|steps| vec![("STEPS", steps), ("WIDTH", 3)]).to_vec(),
        "common/selftest" => vec![vec![("TEST_LANES", profile.lanes)]],
        _ => vec![Vec::new()],
    }
}

/// Which profiles run a kernel.
fn runs(kernel: &str, profile: &Profile) -> bool {
    match kernel {
        "rasterize/blend_bwd" | "rasterize/influence" | "common/selftest" => profile.subgroups,
        "rasterize/blend_bwd_min" | "rasterize/influence_min" => !profile.subgroups,
        name if name.starts_with("rasterize/sort_lane") => profile.serial_lanes,
        name if name.starts_with("rasterize/sort_block") => !profile.serial_lanes,
        _ => true,
    }
}

fn every_expansion(mut visit: impl FnMut(&str, &Source, &naga::Module)) {
    for (name, _) in kernels() {
        for profile in Profile::ALL.iter().filter(|profile| runs(name, profile)) {
            for constants in permutations(name, profile) {
                let what = format!("{name}, profile {}, {constants:?}", profile.name);
                let source = Source::expand(name, profile, &constants);
                let module = source.parse().unwrap_or_else(|message| panic!("{what}: {message}"));
                visit(&what, &source, &module);
            }
        }
    }
}

#[test]
fn every_kernel_in_every_permutation_validates() {
    let mut count = 0;
    every_expansion(|what, source, module| {
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SUBGROUP);
        validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
        if let Err(error) = validator.validate(module) {
            panic!("{what}: {}", error.emit_to_string(&source.text));
        }
        count += 1;
    });
    assert!(count > 150, "only {count} expansions");
}

#[test]
fn kernels_without_subgroups_ask_for_none() {
    every_expansion(|what, source, module| {
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        let needs = validator.validate(module).is_err();
        assert!(!what.contains("profile min") || !needs, "{what} needs more than WebGPU's core\n{}", source.text);
    });
}

#[test]
fn every_kernel_keeps_its_budget() {
    every_expansion(|what, _, module| {
        let entries: Vec<&str> = module.entry_points.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(entries, ["main"], "{what}: entry points");
        let in_space = |wanted: fn(&naga::AddressSpace) -> bool| {
            module.global_variables.iter().filter(move |(_, variable)| wanted(&variable.space))
        };
        let buffers = in_space(|space| matches!(space, naga::AddressSpace::Storage { .. })).count();
        assert!(buffers <= PORTABLE_STORAGE_BUFFERS as usize, "{what}: {buffers} storage buffers");
        let shared: u32 = in_space(|space| matches!(space, naga::AddressSpace::WorkGroup))
            .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
            .sum();
        assert!(shared <= MOST_WORKGROUP_BYTES, "{what}: {shared} bytes of workgroup memory");
        let invocations: u32 =
            module.entry_points.iter().map(|entry| entry.workgroup_size.iter().product::<u32>()).sum();
        assert!(invocations <= 256, "{what}: {invocations} invocations");
    });
}

#[test]
fn every_file_opens_with_a_card_and_is_short() {
    for (name, text) in SOURCES {
        assert!(text.lines().count() <= MOST_LINES, "{name}: {} lines", text.lines().count());
        let card = text
            .lines()
            .skip_while(|line| line.starts_with("// import: "))
            .take_while(|line| line.starts_with("//"))
            .count();
        // Grid numbering and constants explain themselves in a line.
        assert!(card >= 1, "{name} opens without a card");
        if text.contains("fn main(") {
            let head = &text[..text.find("@group").unwrap_or(text.len())];
            assert!(head.contains("writes "), "{name}: the card does not say what is written");
        }
    }
}

#[test]
fn every_shader_file_is_embedded_and_no_other() {
    let embedded: BTreeSet<String> = SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(embedded.len(), SOURCES.len(), "a shader is listed twice");
    let mut found = BTreeSet::new();
    for group in std::fs::read_dir(folder()).unwrap() {
        let group = group.unwrap().path();
        for file in std::fs::read_dir(&group).into_iter().flatten() {
            let file = file.unwrap().path();
            let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
            found.insert(format!("{}/{}", name(&group), name(&file)));
        }
    }
    assert_eq!(found, embedded);
}

#[test]
fn frame_uniform_has_the_layout_of_its_twin() {
    let source = Source::expand("rasterize/project", &Profile::ALL[3], &[]);
    let module = source.parse().unwrap();
    let frame = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Frame")).unwrap().1;
    let naga::TypeInner::Struct { members, span } = &frame.inner else { panic!("Frame is no struct") };
    let found: Vec<(&str, u32)> =
        members.iter().map(|member| (member.name.as_deref().unwrap(), member.offset)).collect();
    let row = std::mem::offset_of!(FrameUniform, viewmat) as u32;
    let expected = [
        ("view0", row),
        ("view1", row + 16),
        ("view2", row + 32),
        ("intrinsics", std::mem::offset_of!(FrameUniform, intrinsics) as u32),
        ("eye", std::mem::offset_of!(FrameUniform, eye) as u32),
        ("guard", std::mem::offset_of!(FrameUniform, guard) as u32),
        ("size", std::mem::offset_of!(FrameUniform, size) as u32),
        ("rows", std::mem::offset_of!(FrameUniform, rows) as u32),
        ("band", std::mem::offset_of!(FrameUniform, band) as u32),
        ("far", std::mem::offset_of!(FrameUniform, far) as u32),
        ("time", std::mem::offset_of!(FrameUniform, time) as u32),
        ("head", std::mem::offset_of!(FrameUniform, head) as u32),
        ("spare", std::mem::offset_of!(FrameUniform, spare) as u32),
    ];
    assert_eq!(found, expected);
    assert_eq!(*span as usize, size_of::<FrameUniform>());
}

/// Which file of the oracle answers for a kernel; the second group is checked against the host's own
/// sums, sorts and copies instead, in `gpu/`.
const ORACLES: [(&str, &str); 18] = [
    ("flow/", "flow"),
    ("rasterize/project", "project"),
    ("rasterize/intersect", "intersect"),
    ("rasterize/emit", "intersect"),
    ("rasterize/order", "intersect"),
    ("rasterize/offsets", "intersect"),
    ("rasterize/blend", "blend"),
    ("rasterize/inspect", "inspect"),
    ("rasterize/gather", "blend"),
    ("rasterize/influence", "influence"),
    ("sh/sh", "sh"),
    ("decode/", "codec"),
    ("loss/rate", "codec"),
    ("loss/rigid", "tracks"),
    ("loss/smooth", "tracks"),
    ("loss/photometric", "photometric"),
    ("optim/adam", "adam"),
    ("density/observe", "render"),
];
const CHECKED_ON_THE_HOST: [&str; 6] =
    ["rasterize/scan_", "rasterize/sort_", "params/", "common/selftest", "loss/regularize", "density/noise"];

#[test]
fn every_kernel_has_an_oracle() {
    for (name, _) in kernels().filter(|(name, _)| !CHECKED_ON_THE_HOST.iter().any(|prefix| name.starts_with(prefix))) {
        let oracle =
            ORACLES.iter().filter(|(prefix, _)| name.starts_with(prefix)).max_by_key(|(prefix, _)| prefix.len());
        let (_, file) = oracle.unwrap_or_else(|| panic!("{name} has no oracle"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("oracle/{file}.rs"));
        assert!(path.is_file(), "{name}: {} is missing", path.display());
    }
}
