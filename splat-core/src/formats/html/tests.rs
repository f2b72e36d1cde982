use std::io::{Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{PARTS, PIECE, Pieces, StartView, ViewerHints, marks, part, sh_bucket};
use crate::error::{Error, Result};
use crate::formats::spz::{unpack, write_spz_with};
use crate::formats::values::tests::sample;
use crate::formats::{FORMATS, Format, WriteOptions, load_splats, morton, read_all, save_splats};
use crate::scene::{Motion, SplatCloud, TimeBasis};

/// The page of a scene, under this name.
fn page_of(cloud: &SplatCloud, name: &str, options: &WriteOptions) -> Result<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    save_splats(&path, &cloud.source(), options, &mut |_| Ok(()))?;
    Ok(std::fs::read_to_string(path).unwrap())
}

/// What stands in the script elements that open with these attributes.
fn scripts<'a>(page: &'a str, attributes: &str) -> Vec<&'a str> {
    let open = format!("<script {attributes}>");
    page.split(open.as_str()).skip(1).map(|rest| rest.split("</script>").next().unwrap()).collect()
}

fn scene_of(page: &str) -> Value {
    serde_json::from_str(scripts(page, r#"type="application/json" id="scene""#)[0]).unwrap()
}

#[test]
fn every_mark_of_the_page_has_a_file_and_every_file_a_mark() {
    let named: Vec<&str> = marks().filter_map(|(_, mark)| mark).collect();
    for (name, text) in PARTS {
        assert_eq!(named.iter().filter(|mark| **mark == name).count(), 1, "{name}");
        // Any of these would end the element that holds the file, or keep it open.
        for trap in ["</script", "</style", "<!--", "{{"] {
            assert!(!text.contains(trap), "{name} contains {trap}");
        }
    }
    for name in named {
        let known = ["title", "version", "scene", "splats"].contains(&name);
        assert!(known || !part(name).is_empty(), "{name}");
    }
}

#[test]
fn a_page_is_whole_and_asks_nobody() {
    let page = page_of(&sample(50, 2), "garden.html", &WriteOptions::default()).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("<title>garden</title>") && !page.contains("{{"));
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    for address in ["http:", "https:", "src=", "import(", "fetch(", "@import", "url("] {
        assert!(!page.contains(address), "the page contains {address}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_splats_of_a_page_are_those_of_an_spz_file() {
    for degree in 0..=3 {
        let cloud = sample(300, degree);
        // The page reads version 3 only, whatever is asked for.
        let asked = WriteOptions { spz_version: 4, sh_degree: 2, ..WriteOptions::default() };
        let page = page_of(&cloud, "a.html", &asked).unwrap();
        let pieces = scripts(&page, r#"type="text/plain" class="splats""#);
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| STANDARD.decode(piece).unwrap()).collect();
        let mut expected = Vec::new();
        let options = WriteOptions { spz_version: 3, sh_degree: 2, ..WriteOptions::default() };
        write_spz_with(&mut expected, &cloud.source(), &options, sh_bucket, &mut |_| Ok(())).unwrap();
        assert!(bytes == expected, "degree {degree}");

        let found = read_all(&unpack(Path::new("a.spz"), &bytes, &mut |_| Ok(())).unwrap(), &mut |_| Ok(())).unwrap();
        let scene = scene_of(&page);
        assert_eq!(scene["splats"], found.len());
        assert_eq!(scene["sh_degree"], found.sh_degree);
    }
}

#[test]
fn long_scenes_come_in_pieces_of_their_own() {
    let bytes: Vec<u8> = (0..2 * PIECE + 1000).map(|i| ((i * i) >> 3) as u8).collect();
    let mut page = Vec::new();
    let mut pieces = Pieces::new(&mut page, "splats");
    bytes.chunks(700_001).for_each(|chunk| pieces.write_all(chunk).unwrap());
    pieces.finish().unwrap();
    let page = String::from_utf8(page).unwrap();
    let found = scripts(&page, r#"type="text/plain" class="splats""#);
    assert_eq!(found.len(), 3);
    assert!(found.iter().flat_map(|piece| STANDARD.decode(piece).unwrap()).eq(bytes));
}

/// A name once ended the element it was written into.
#[test]
fn names_stay_text() {
    let name = r#"a<b>&"c" 💐.html"#;
    let page = page_of(&sample(3, 0), name, &WriteOptions::default()).unwrap();
    assert!(page.contains("<title>a&lt;b&gt;&amp;&quot;c&quot; 💐</title>"));
    assert!(!page.contains("a<b>"));
    assert_eq!(scene_of(&page)["title"], r#"a<b>&"c" 💐"#);
}

#[test]
fn hints_are_followed_or_refused() {
    let with = |viewer: ViewerHints| page_of(&sample(20, 0), "a.html", &WriteOptions { viewer, ..Default::default() });
    let start = StartView { eye: [1.0, 2.0, 3.0], target: [0.0, 0.0, 0.5], fov_deg: 35.0 };
    let hints = ViewerHints { up: [0.0, 0.0, 2.0], start: Some(start), background: [2.0, 0.5, -1.0] };
    let scene = scene_of(&with(hints.clone()).unwrap());
    assert_eq!(scene["up"], serde_json::json!([0.0, 0.0, 1.0]));
    assert_eq!(scene["eye"], serde_json::json!([1.0, 2.0, 3.0]));
    assert_eq!(scene["target"], serde_json::json!([0.0, 0.0, 0.5]));
    assert_eq!(scene["fov"], 35.0);
    assert_eq!(scene["background"], serde_json::json!([1.0, 0.5, 0.0]));

    let broken = [
        ViewerHints { up: [0.0; 3], ..hints.clone() },
        ViewerHints { up: [f32::NAN, 0.0, 1.0], ..hints.clone() },
        ViewerHints { background: [f32::INFINITY, 0.0, 0.0], ..hints.clone() },
        ViewerHints { start: Some(StartView { target: start.eye, ..start }), ..hints.clone() },
        ViewerHints { start: Some(StartView { fov_deg: 180.0, ..start }), ..hints.clone() },
        ViewerHints { start: Some(StartView { eye: [f32::NAN; 3], ..start }), ..hints },
    ];
    for hints in broken {
        assert!(matches!(with(hints.clone()), Err(Error::Settings { .. })), "{hints:?}");
    }
}

#[test]
fn a_failure_leaves_nothing_and_names_the_file() {
    assert!(matches!(page_of(&sample(0, 0), "a.html", &WriteOptions::default()), Err(Error::Settings { .. })));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.html");
    let stop = save_splats(&path, &sample(200, 1).source(), &WriteOptions::default(), &mut |share| {
        if share > 0.5 { Err(Error::Cancelled) } else { Ok(()) }
    });
    assert!(matches!(stop, Err(Error::Cancelled)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let nowhere = folder.path().join("none/a.html");
    let error = save_splats(&nowhere, &sample(2, 0).source(), &WriteOptions::default(), &mut |_| Ok(()));
    assert!(matches!(error, Err(Error::Io { path, .. }) if path == nowhere));
}

#[test]
fn a_page_can_be_written_but_not_read() {
    assert_eq!(Format::of_output(Path::new("a.HTM")).unwrap().format, Format::Html);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.html");
    let cloud = sample(2000, 3);
    save_splats(&path, &cloud.source(), &WriteOptions::default(), &mut |_| Ok(())).unwrap();
    let error = load_splats(&path, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error}");
    assert_eq!(FORMATS.iter().filter(|row| row.format == Format::Html).count(), 1);
    let estimated = (Format::Html.row().estimate)(2000, 3);
    let found = std::fs::metadata(&path).unwrap().len();
    // Random splats compress worse than trained ones.
    assert!((estimated / 2..=estimated * 2).contains(&found), "{found} is not about {estimated}");
}

/// Where every third splat rests, the page says how the others move, within half a step, in the order of its splats.
#[test]
fn what_moves_is_in_the_page() {
    let basis = TimeBasis::Flow { poly: 1, fourier: 1 };
    let motion = Motion { means: basis, quats: basis, sh0: TimeBasis::STILL, dilates: true, fades: true, frames: 150 };
    let mut cloud = sample(90, 1).with_motion(motion);
    for column in &mut cloud.more {
        for (at, value) in column.values.iter_mut().enumerate().filter(|(at, _)| at / column.width % 3 != 0) {
            *value = 0.4 * (at as f32 * 1.3).sin();
        }
    }
    let page = page_of(&cloud, "a.html", &WriteOptions::default()).unwrap();
    let told = &scene_of(&page)["motion"];
    assert_eq!((&told["count"], &told["values"], &told["seconds"]), (&60.into(), &24.into(), &5.0.into()), "{told}");
    let steps: Vec<f64> = serde_json::from_value(told["steps"].clone()).unwrap();
    let packed = STANDARD.decode(scripts(&page, r#"type="text/plain" class="motion""#)[0]).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 60 * (4 + 2 * 24));
    let order = morton::order(&cloud.means);
    for mover in 0..60 {
        let row = order[u32::from_le_bytes(bytes[4 * mover..][..4].try_into().unwrap()) as usize] as usize;
        assert!(!row.is_multiple_of(3), "row {row} rests");
        let value = |at: usize| {
            let at_byte = |byte: usize| u16::from(bytes[240 + 60 * (2 * at + byte) + mover]);
            let stored = at_byte(0) | at_byte(1) << 8;
            f64::from((stored >> 1) as i16 ^ -((stored & 1) as i16)) * steps[at]
        };
        // Positions function by function, where columns have them value by value.
        for (term, axis) in (0..3).flat_map(|term| [(term, 0), (term, 1), (term, 2)]) {
            let (found, held) = (value(3 * term + axis), f64::from(cloud.more[0].values[9 * row + 3 * axis + term]));
            assert!((found - held).abs() <= 0.51 * steps[3 * term + axis], "{found} for {held}");
        }
        let speed = f64::from(cloud.more[2].values[row]);
        assert!((value(21) - speed).abs() <= 0.51 * steps[21], "{} for {speed}", value(21));
    }
    // At one moment, and without any motion, pages are those of still splats.
    let still = page_of(&cloud, "a.html", &WriteOptions { time: Some(0.5), ..WriteOptions::default() }).unwrap();
    assert!(still == page_of(&cloud.at(0.5), "a.html", &WriteOptions::default()).unwrap());
    assert!(scene_of(&still).get("motion").is_none());
    let rests = page_of(&cloud.at(0.5).with_motion(motion), "a.html", &WriteOptions::default()).unwrap();
    assert!(rests == still);
}
