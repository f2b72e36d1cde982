//! Files written from a source, without the scene in memory.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::write::{COUNTED, write_chunks};
use super::super::{ArchiveReader, CHUNK_ROWS, write_sampled};
use super::{from_bytes, noise, scene};
use crate::archive::{Archive, Planned, Quantize, Sampling};
use crate::error::{Error, Result};
use crate::formats::{SplatInfo, SplatSource, WriteOptions, open_splats, save_splats};
use crate::scene::SplatCloud;

/// Statistics of few splats, models of two chunks.
const FEW: (Sampling, usize) = (Sampling { whole: CHUNK_ROWS, sampled: 600 }, 2);

#[test]
fn a_small_scene_is_the_same_from_memory_and_from_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatz");
    for (count, degree) in [(0, 1), (1, 0), (CHUNK_ROWS, 0), (2 * CHUNK_ROWS + 77, 2)] {
        let cloud = scene(count, degree);
        let mut last = 0.0;
        save_splats(&path, &cloud.source(), &WriteOptions::default(), &mut |share| {
            assert!((last..=1.0).contains(&share), "{share} after {last}");
            last = share;
            Ok(())
        })
        .unwrap();
        let archive = Archive::quantize(&cloud, &Quantize::default()).unwrap();
        assert!(std::fs::read(&path).unwrap() == archive.to_bytes().unwrap(), "{count} splats");
    }
}

#[test]
fn a_lower_degree_is_written_as_if_there_were_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatz");
    let mut cloud = scene(700, 3);
    let options = WriteOptions { sh_degree: 1, comments: vec!["by hand".to_owned()], ..WriteOptions::default() };
    save_splats(&path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
    cloud.limit_sh_degree(1);
    let mut archive = Archive::quantize(&cloud, &Quantize::default()).unwrap();
    archive.meta.insert("comments".to_owned(), ["by hand"].as_slice().into());
    assert!(std::fs::read(&path).unwrap() == archive.to_bytes().unwrap());
}

/// Splats that no sample can be expected to see: far away, huge and tiny, of colours beyond all others.
fn with_strangers(mut cloud: SplatCloud) -> SplatCloud {
    for i in 0..30 {
        let row = 97 + i * (cloud.len() - 200) / 30;
        let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
        cloud.means[row] = [900.0 * sign + noise(i, 1), 40.0 * noise(i, 2), -700.0 * noise(i, 3)];
        cloud.log_scales[row] = [4.0 * sign, 6.0 * sign, -30.0 * noise(i, 4)];
        cloud.opacity_logits[row] = 60.0 * sign;
        cloud.sh0[row] = [1e4 * sign, -3e3, 8e5 * noise(i, 5)];
        let width = cloud.sh_width();
        cloud.sh_rest[row * width..][..width].fill(500.0 * sign);
    }
    cloud
}

#[test]
fn what_the_sample_did_not_see_survives_as_well() {
    let cloud = with_strangers(scene(6 * CHUNK_ROWS - 9, 1));
    let source = cloud.source();
    let planned = Planned::new(&source, Archive::default(), &Quantize::default(), FEW.0, &mut |_| Ok(())).unwrap();
    let mut bytes = Vec::new();
    write_chunks(&planned, FEW.1, &mut bytes, &mut |_| Ok(())).unwrap().unwrap();
    let size = bytes.len();
    let back = from_bytes(bytes).unwrap();
    // Every integer that was planned is in the file; and what was planned is the scene.
    assert_eq!(back, planned.archive().unwrap());
    let splats = back.splats().unwrap();
    let largest = |cloud: &SplatCloud| {
        let most = |values: &[f32]| values.iter().copied().fold(0.0, |most: f32, value| most.max(value.abs()));
        [
            most(cloud.means.as_flattened()),
            most(cloud.log_scales.as_flattened()),
            most(cloud.sh0.as_flattened()),
            most(&cloud.sh_rest),
        ]
    };
    let (found, expected) = (largest(&splats), largest(&cloud));
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 0.01 * b), "{found:?}, not {expected:?}");
    // Nor does the sample cost much.
    let all = Archive::quantize(&cloud, &Quantize::default()).unwrap().to_bytes().unwrap().len();
    assert!((size as f64) < 1.2 * all as f64, "{size} bytes, {all} with everything seen");
}

#[test]
fn the_usual_limits_hold_scenes_of_more_than_that() {
    // 97 chunks: one more than are counted.
    assert_eq!(COUNTED * CHUNK_ROWS, Sampling::default().whole);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatz");
    let cloud = scene(COUNTED * CHUNK_ROWS + 1, 0);
    save_splats(&path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    let reader = ArchiveReader::open(&path).unwrap();
    assert_eq!((reader.rows(), reader.chunks()), (cloud.len(), COUNTED + 1));
    let archive = reader.read(&mut |_| Ok(())).unwrap();
    assert_eq!(archive, Archive::quantize(&cloud, &Quantize::default()).unwrap());
    // What it writes can be written again.
    let source = open_splats(&path, &mut |_| Ok(())).unwrap();
    let again = folder.path().join("again.splatz");
    save_splats(&again, source.as_ref(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    assert_eq!(ArchiveReader::open(&again).unwrap().rows(), cloud.len());
}

/// A source whose disk fails after so many reads.
struct Failing<'a> {
    splats: &'a dyn SplatSource,
    left: AtomicUsize,
}

impl SplatSource for Failing<'_> {
    fn info(&self) -> &SplatInfo {
        self.splats.info()
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => self.splats.rows(rows),
            Err(_) => Err(Error::input(Path::new("disk"), "it failed", "buy another")),
        }
    }
}

#[test]
fn a_failure_in_the_middle_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatz");
    // Two batches of chunks, so that the second fails when the first is written.
    let cloud = scene(33 * CHUNK_ROWS, 0);
    let splats = cloud.source();
    let mut reads = 0;
    loop {
        std::fs::write(&path, "old").unwrap();
        let source = Failing { splats: &splats, left: AtomicUsize::new(reads) };
        let options = WriteOptions::default();
        match write_sampled(&path, &source, &options, FEW, &mut |_| Ok(())) {
            Ok(()) => break,
            Err(error) => assert!(error.to_string().contains("it failed"), "{error}"),
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        reads += 1;
    }
    // Properties, two passes of nine blocks, the sample, the two batches.
    assert_eq!(reads, 1 + 2 * 9 + 1 + 2);
    assert_eq!(ArchiveReader::open(&path).unwrap().rows(), cloud.len());
    // A person who stops it is a failure, too.
    std::fs::write(&path, "old").unwrap();
    let stop = |share: f64| if share > 0.9 { Err(Error::Cancelled) } else { Ok(()) };
    write_sampled(&path, &splats, &WriteOptions::default(), FEW, &mut { stop }).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
}

#[test]
fn what_is_not_finite_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.splatz");
    let whole = scene(3 * CHUNK_ROWS, 1);
    let refused = |change: fn(&mut SplatCloud)| {
        let mut cloud = whole.clone();
        change(&mut cloud);
        let error = write_sampled(&path, &cloud.source(), &WriteOptions::default(), FEW, &mut |_| Ok(())).unwrap_err();
        assert!(!path.exists());
        error.to_string()
    };
    assert!(refused(|cloud| cloud.means[9000][1] = f32::NAN).contains("position"));
    assert!(refused(|cloud| (cloud.means[1][0], cloud.means[9001][0]) = (3e38, -3e38)).contains("too large"));
    assert!(refused(|cloud| cloud.sh0[12_000][2] = f32::INFINITY).contains("colour"));
    assert!(refused(|cloud| cloud.sh_rest[12_000 * 9] = f32::NAN).contains("colour"));
}
