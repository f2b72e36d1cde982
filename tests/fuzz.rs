//! Damaged files of splats, of every format that can be read: opening them and reading all rows ends soon, with splats
//! or a message.
//!
//! Cases follow from their number. A short run does the first few of each reader; `SPLAT_FUZZ_SECONDS=600` goes on for
//! ten minutes per reader, and `SPLAT_FUZZ_FIRST=4711` begins with another case. What a case allocates is best bounded
//! from outside: `ulimit -v 2000000`.

#![allow(clippy::print_stderr, reason = "the number of cases and the slowest one are worth reading")]

mod damage;
mod files;
mod packed;
pub(crate) mod random;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use splat_core::formats::{FORMATS, Format, Open, SplatSource, for_each_block, open_splats};
use splat_core::scene::SplatCloud;
use splat_core::{Error, Result};

use damage::damage;
use files::{Seed, seeds};
use random::Random;

/// Cases of a short run, per reader.
const FEW: u64 = 50;
/// What no case may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Findings after which a campaign ends.
const ENOUGH: usize = 20;

macro_rules! campaigns {
    ($($test:ident: $format:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            campaign(Format::$format);
        })*

        const FUZZED: &[Format] = &[$(Format::$format),*];
    };
}

campaigns! {
    damaged_ply_does_no_harm: Ply,
    damaged_splatz_does_no_harm: Splatz,
    damaged_compressed_ply_does_no_harm: CompressedPly,
    damaged_spz_does_no_harm: Spz,
    damaged_sog_does_no_harm: Sog,
    damaged_ksplat_does_no_harm: Ksplat,
    damaged_gltf_does_no_harm: Glb,
    damaged_splat_does_no_harm: Splat,
    damaged_splatv_does_no_harm: Splatv,
}

#[test]
fn every_reader_is_fuzzed_with_files_that_it_reads() {
    for row in FORMATS {
        assert_eq!(FUZZED.contains(&row.format), row.open.is_some(), "{}", row.name);
    }
    let folder = tempfile::tempdir().unwrap();
    for &format in FUZZED {
        for seed in seeds(format) {
            let path = write(folder.path(), seed.name, (seed.assemble)(&seed.parts));
            assert_eq!(Format::of_file(&path).unwrap().format, format, "{}", seed.name);
            let outcome = read(&path, format);
            assert!(outcome.error.is_none(), "{}: {outcome:?}", seed.name);
        }
    }
}

/// How reading a file ended.
#[derive(Debug, Default)]
struct Outcome {
    opened: bool,
    /// Why not all rows were read.
    error: Option<Error>,
}

/// Writes the files of a case into a folder of their own; the path of the first.
fn write(root: &Path, seed: &str, files: Vec<(String, Vec<u8>)>) -> PathBuf {
    let folder = root.join(seed);
    // What an earlier case left must not matter, or cases would not follow from their number.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in &files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    folder.join(&files[0].0)
}

/// The files of a case: parts of one seed with some damage, assembled, and perhaps damaged again.
fn damaged(seeds: &[Seed], case: u64) -> (&'static str, Vec<(String, Vec<u8>)>) {
    let random = &mut Random::new(case);
    let seed = random.of(seeds);
    let donor = random.of(seeds);
    let as_a_whole = random.once_in(4);
    let mut parts = seed.parts.clone();
    // Mostly once: what is damaged twice is refused for the first.
    let most = 1 + random.below(3);
    let times = if as_a_whole { random.below(2) } else { 1 + random.below(most) };
    for _ in 0..times {
        let part = random.below(parts.len());
        let other: &Vec<u8> = random.of(&donor.parts);
        damage(&mut parts[part], other, random);
    }
    let mut files = (seed.assemble)(&parts);
    if as_a_whole {
        for _ in 0..1 + random.below(3) {
            let file = random.below(files.len());
            let other: &Vec<u8> = random.of(&donor.parts);
            damage(&mut files[file].1, other, random);
        }
        if files.len() > 1 && random.once_in(8) {
            files.remove(1 + random.below(files.len() - 1));
        }
    }
    (seed.name, files)
}

/// Opens a file, as people do and, if its damage lets it pass for another format, as the one that it was.
fn read(path: &Path, format: Format) -> Outcome {
    let mut outcome = read_by(path, open_splats);
    if !Format::of_file(path).is_ok_and(|row| row.format == format) {
        outcome = read_by(path, format.row().open.unwrap());
    }
    outcome
}

fn read_by(path: &Path, open: Open) -> Outcome {
    let mut outcome = Outcome::default();
    let read = open(path, &mut |_| Ok(())).and_then(|source| {
        outcome.opened = true;
        check(source.as_ref())
    });
    outcome.error = read.err();
    if let Some(error) = &outcome.error {
        // A file is at fault, never a setting or a device.
        assert_eq!(error.exit_code(), 3, "{error}");
    }
    outcome
}

/// Holds a source to what its type promises, for all rows in order and for some out of it.
fn check(source: &dyn SplatSource) -> Result<()> {
    let info = source.info();
    assert!(info.sh_degree <= 3, "degree {}", info.sh_degree);
    let mut rows = 0;
    let mut start = None;
    for_each_block(source, None, &mut |_| Ok(()), &mut |first, block| {
        assert_eq!(first, rows);
        assert_eq!(block.sh_degree, info.sh_degree);
        rows += check_values(block);
        start.get_or_insert_with(|| block.clone());
        Ok(())
    })?;
    assert_eq!(rows, info.count);
    let Some(start) = start else {
        return Ok(());
    };
    let chosen = [start.len() - 1, 0, start.len() / 2, 0];
    let some = source.rows(&chosen.map(|row| row as u32))?;
    assert_eq!(check_values(&some), chosen.len());
    for ((name, width, all), (_, _, some)) in start.columns().into_iter().zip(some.columns()) {
        for (row, some) in chosen.iter().zip(some.chunks_exact(width.max(1))) {
            assert_eq!(&all[row * width..][..width], some, "{name} of row {row}");
        }
    }
    let extras: usize = source.extras().iter().map(|extra| extra.kind.size()).sum();
    let values = if extras > 0 { source.extra_rows(&chosen.map(|row| row as u32))? } else { Vec::new() };
    assert_eq!(values.len(), extras * chosen.len());
    Ok(())
}

/// Columns of one length, all values finite, no rotation zero; how many splats there are.
fn check_values(cloud: &SplatCloud) -> usize {
    let count = cloud.len();
    for (name, width, values) in cloud.columns() {
        assert_eq!(values.len(), width * count, "{name}");
        assert!(values.iter().all(|value| value.is_finite()), "{name} is not finite");
    }
    assert_eq!(cloud.sh_rest.len(), count * 3 * ((usize::from(cloud.sh_degree) + 1).pow(2) - 1));
    assert!(cloud.quats.iter().all(|quat| quat.iter().any(|&c| c != 0.0)), "a rotation is zero");
    count
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}: a number")))
}

/// The most memory that this process ever held, in megabytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes >> 10)
}

fn campaign(format: Format) {
    let seconds = number("SPLAT_FUZZ_SECONDS");
    let first = number("SPLAT_FUZZ_FIRST").unwrap_or(0);
    let began = Instant::now();
    let goes_on = |case: u64| match seconds {
        Some(seconds) => began.elapsed() < Duration::from_secs(seconds),
        None => case < first + FEW,
    };
    let seeds = seeds(format);
    let folder = tempfile::tempdir().unwrap();
    let (mut case, mut opened, mut whole, mut slowest) = (first, 0, 0, (Duration::ZERO, first));
    let mut findings: Vec<String> = Vec::new();
    while goes_on(case) && findings.len() < ENOUGH {
        let (seed, files) = damaged(&seeds, case);
        let path = write(folder.path(), seed, files);
        let (sender, receiver) = channel();
        let start = Instant::now();
        let reader = std::thread::Builder::new().name(format!("case {case} of {format:?}, {seed}"));
        let thread = reader.spawn(move || sender.send(read(&path, format))).unwrap();
        match receiver.recv_timeout(LIMIT) {
            Ok(outcome) => {
                opened += u64::from(outcome.opened);
                whole += u64::from(outcome.error.is_none());
                slowest = slowest.max((start.elapsed(), case));
            }
            // Its panic has told the place.
            Err(RecvTimeoutError::Disconnected) => {
                let cause = thread.join().err().unwrap();
                let text = cause.downcast_ref::<String>().cloned();
                let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                findings.push(format!("case {case}, {seed}: {}", text.unwrap_or_default()));
            }
            Err(RecvTimeoutError::Timeout) => findings.push(format!("case {case}, {seed}: not done after {LIMIT:?}")),
        }
        case += 1;
    }
    let cases = case - first;
    eprintln!(
        "{format:?}: {cases} cases, {opened} opened, {whole} read whole, slowest {} ms (case {}), {} s, {} MB at most",
        slowest.0.as_millis(),
        slowest.1,
        began.elapsed().as_secs(),
        peak_memory().map_or("?".to_owned(), |megabytes| megabytes.to_string()),
    );
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    // Damage that always is noticed at the door tests nothing behind it.
    assert!(cases < FEW || opened * 10 >= cases && whole < cases, "{opened} of {cases} opened, {whole} read");
}
