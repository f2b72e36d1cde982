//! Files that we write, in the programs of others, and files that they write, in ours: the same values, to what a
//! format rounds.
//!
//! `scripts/judges.sh FOLDER` installs those programs; without `SPLAT_JUDGES=FOLDER` these tests skip by name. Two
//! things are asked of a file: whether two programs read the same from it, and whether that is what was to be written,
//! to half a step of each attribute. Web pages have their judge in [`crate::html`].

#![allow(clippy::print_stderr, reason = "skipped tests must say so, and measured differences are worth reading")]

mod compare;
mod spark;
mod steps;
mod tools;

use std::ffi::OsStr;
use std::path::Path;

use splat_core::formats::{WriteOptions, load_splats, save_splats};
use splat_core::scene::SplatCloud;

use compare::{COUNT, Values, scene, within};
use steps::{EXACT, FLOATS, half_steps, sum};
use tools::{Judges, read_rows, write_rows};

/// Degrees that a rotation of .splat turns further in splat-transform 3.7, which takes a byte b for 2 b / 255 − 1 where
/// others take it for (b − 128) / 128: up to 1/128 more in each component.
const OTHER_BYTES: Values = [0.0, 1.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
/// splat-transform 3.7 keeps opacities of SOG a quarter of a byte away from 0 and 1, and others a millionth.
const CLAMPED: Values = [0.0, 0.0, 0.0, 0.25 / 255.0, 0.0, 0.0, 0.0, 0.0];
/// Two programs take the root of little with floats, and do not get the same.
const SMALL_ROOT: Values = [0.0, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
/// Degrees that rotations of SPZ 2 are less certain: they are three bytes, and the fourth component follows from what is
/// left of 1, however small.
const THREE_BYTES: Values = [0.0, 13.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

fn load(path: &Path) -> SplatCloud {
    load_splats(path, &mut |_| Ok(())).unwrap()
}

/// Writes splats into a file of ours.
fn save(path: &Path, cloud: &SplatCloud, spz_version: u8) {
    let options = WriteOptions { comments: vec!["made for judges".to_owned()], spz_version, ..WriteOptions::default() };
    save_splats(path, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
}

/// Splats as a file of a lower SH degree has them.
fn at_degree(cloud: &SplatCloud, sh_degree: u8) -> SplatCloud {
    let width = |degree: u8| 3 * ((usize::from(degree) + 1).pow(2) - 1);
    let rows = cloud.sh_rest.chunks_exact(width(cloud.sh_degree).max(1));
    let sh_rest = rows.flat_map(|row| &row[..width(sh_degree)]).copied().collect();
    SplatCloud { sh_rest, sh_degree, ..cloud.clone() }
}

/// Words for a judge.
fn words<'a>(words: &'a [&'a dyn AsRef<OsStr>]) -> Vec<&'a OsStr> {
    words.iter().map(|word| (*word).as_ref()).collect()
}

#[test]
fn plyfile_reads_our_ply_to_the_bit() {
    let Some(judges) = Judges::find("plyfile_reads_our_ply_to_the_bit") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, rows) = (folder.path().join("a.ply"), folder.path().join("rows"));
    for degree in 0..=3 {
        let scene = scene(degree);
        save(&file, &scene, 3);
        let told = judges.plyfile(&file, &rows);
        let rest = (0..scene.sh_rest.len() / COUNT).map(|k| format!("f_rest_{k}"));
        let names = "x y z nx ny nz f_dc_0 f_dc_1 f_dc_2".split(' ').map(str::to_owned).chain(rest);
        let names =
            names.chain("opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3".split(' ').map(str::to_owned));
        let expected: Vec<String> = names.map(|name| format!("vertex {COUNT} {name} f4")).collect();
        let (comments, found): (Vec<&str>, Vec<&str>) = told.lines().partition(|line| line.starts_with("comment"));
        assert_eq!(found, expected);
        assert!(comments.contains(&"comment made for judges"), "{comments:?}");
        // Not `assert_eq`, which would print every splat.
        assert!(read_rows(&rows, degree) == scene, "other values at degree {degree}");
    }
}

/// How far apart splat-transform and we may be in reading a file.
fn apart(name: &str) -> Values {
    match name {
        "a.ply" => EXACT,
        "a.splat" => sum(FLOATS, OTHER_BYTES),
        "a.sog" => sum(FLOATS, CLAMPED),
        _ => FLOATS,
    }
}

#[test]
fn splat_transform_reads_what_we_write() {
    let Some(judges) = Judges::find("splat_transform_reads_what_we_write") else { return };
    let folder = tempfile::tempdir().unwrap();
    let read = folder.path().join("read.ply");
    for degree in 0..=3 {
        let scene = scene(degree);
        for name in ["a.ply", "a.compressed.ply", "3.spz", "4.spz", "a.sog", "a.splat"] {
            let file = folder.path().join(name);
            save(&file, &scene, if name == "4.spz" { 4 } else { 3 });
            judges.splat_transform(&file, &read, &[]);
            let (theirs, ours) = (load(&read), load(&file));
            let apart = apart(name);
            within(&format!("{name}, degree {degree}, they and we"), &theirs, &ours, &apart);
            let limits = sum(half_steps(name, &ours), apart);
            within(
                &format!("{name}, degree {degree}, they and what was written"),
                &theirs,
                &at_degree(&scene, ours.sh_degree),
                &limits,
            );
        }
    }
}

#[test]
fn we_read_what_splat_transform_writes() {
    let Some(judges) = Judges::find("we_read_what_splat_transform_writes") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (original, read) = (folder.path().join("original.ply"), folder.path().join("read.ply"));
    let cases: [(&str, &[&str]); 6] = [
        ("a.ply", &[]),
        ("a.compressed.ply", &[]),
        ("3.spz", &["--spz-version", "3"]),
        ("4.spz", &["--spz-version", "4"]),
        ("a.sog", &["-g", "cpu", "-i", "2"]),
        ("a.glb", &[]),
    ];
    for degree in [0, 1, 3] {
        let scene = scene(degree);
        save(&original, &scene, 3);
        for (name, options) in cases {
            let file = folder.path().join(name);
            judges.splat_transform(&original, &file, options);
            let ours = load(&file);
            let apart = apart(name);
            // It does not read glTF.
            if name != "a.glb" {
                judges.splat_transform(&file, &read, &[]);
                within(&format!("their {name}, degree {degree}, they and we"), &load(&read), &ours, &apart);
            }
            // How they round is theirs to choose: to a whole step.
            let half = half_steps(name, &ours);
            let limits = sum(sum(half, half), apart);
            within(&format!("their {name}, degree {degree}, we and what was written"), &ours, &scene, &limits);
        }
    }
}

#[test]
fn the_library_of_spz_and_we_read_each_other() {
    let Some(judges) = Judges::find("the_library_of_spz_and_we_read_each_other") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, rows) = (folder.path().join("a.spz"), folder.path().join("rows"));
    for degree in 0..=3 {
        let scene = scene(degree);
        for version in [3, 4] {
            save(&file, &scene, version);
            judges.ask("readSpz", &words(&[&file, &rows]));
            let (theirs, ours) = (read_rows(&rows, degree), load(&file));
            within(&format!("SPZ {version}, degree {degree}, they and we"), &theirs, &ours, &FLOATS);
            let limits = sum(half_steps("a.spz", &ours), FLOATS);
            within(&format!("SPZ {version}, degree {degree}, they and what was written"), &theirs, &scene, &limits);
        }
        // It writes a version 1 too, but with the positions of version 2, which it then does not read either.
        for version in 2..=4 {
            write_rows(&rows, &scene);
            judges.ask("writeSpz", &words(&[&rows, &file, &degree.to_string(), &version.to_string()]));
            let ours = load(&file);
            let half = half_steps("a.spz", &ours);
            let whole = sum(half, half);
            let (apart, limits) = if version < 3 {
                (sum(FLOATS, SMALL_ROOT), sum(whole, THREE_BYTES))
            } else {
                (FLOATS, sum(whole, FLOATS))
            };
            within(&format!("their SPZ {version}, degree {degree}, we and what was written"), &ours, &scene, &limits);
            judges.ask("readSpz", &words(&[&file, &rows]));
            let theirs = read_rows(&rows, degree);
            within(&format!("their SPZ {version}, degree {degree}, they and we"), &theirs, &ours, &apart);
        }
    }
}

#[test]
fn gaussian_splats_3d_and_we_read_each_other() {
    let Some(judges) = Judges::find("gaussian_splats_3d_and_we_read_each_other") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let scene = scene(3);
    save(&path("a.splat"), &scene, 3);
    judges.ask("readSplat", &words(&[&path("a.splat"), &path("rows")]));
    let (theirs, ours) = (read_rows(&path("rows"), 0), load(&path("a.splat")));
    within(".splat, they and we", &theirs, &ours, &FLOATS);
    let limits = sum(half_steps("a.splat", &ours), FLOATS);
    within(".splat, they and what was written", &theirs, &at_degree(&scene, 0), &limits);

    save(&path("a.ply"), &scene, 3);
    for degree in 0..=2_u8 {
        for level in 0..=2 {
            let name = format!("a.level{level}.ksplat");
            let (degree_word, level_word) = (degree.to_string(), level.to_string());
            judges.ask("writeKsplat", &words(&[&path("a.ply"), &path(&name), &degree_word, &level_word]));
            let ours = load(&path(&name));
            let half = half_steps(&name, &ours);
            let what = format!(".ksplat, level {level}, degree {degree}, we and what was written");
            within(&what, &ours, &at_degree(&scene, degree), &sum(sum(half, half), FLOATS));
        }
    }
}

#[test]
fn gltf_is_valid_and_stands_as_in_splat_transform() {
    let Some(judges) = Judges::find("gltf_is_valid_and_stands_as_in_splat_transform") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for degree in 0..=3_u8 {
        let scene = scene(degree);
        save(&path("ours.glb"), &scene, 3);
        // The validator knows neither the extension nor the names of its attributes, and nothing else is new to it.
        let told = judges.ask("validate", &words(&[&path("ours.glb")]));
        let unknown =
            "error\tMESH_PRIMITIVE_INVALID_ATTRIBUTE\t/meshes/0/primitives/0/attributes/KHR_gaussian_splatting:";
        let (attributes, others): (Vec<&str>, Vec<&str>) = told.lines().partition(|line| line.starts_with(unknown));
        assert_eq!(attributes.len(), 3 + (usize::from(degree) + 1).pow(2), "{told}");
        assert!(matches!(others[..], [one] if one.starts_with("information\tUNSUPPORTED_EXTENSION\t")), "{told}");
        // In the axes of the file, where an error in turning them would show.
        save(&path("a.ply"), &scene, 3);
        judges.splat_transform(&path("a.ply"), &path("theirs.glb"), &[]);
        let [ours, theirs] = ["ours.glb", "theirs.glb"].map(|name| {
            judges.ask("readGlb", &words(&[&path(name), &path("rows")]));
            read_rows(&path("rows"), degree)
        });
        within(&format!(".glb, degree {degree}, ours and theirs in three.js"), &ours, &theirs, &FLOATS);
        within(&format!(".glb, degree {degree}, we and what was written"), &load(&path("ours.glb")), &scene, &FLOATS);
    }
}
