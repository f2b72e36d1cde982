//! What we write, rendered by Spark in a browser.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use splat_core::scene::SplatCloud;

use super::tools::Judges;
use super::{load, save};
use crate::html::browser::Browser;
use crate::html::{BACKGROUND, HEIGHT, WIDTH, camera, cloud, expected, psnr, view};

/// Spark keeps splats in bytes and view-dependent colours in 6 to 8 bits, and blends in 8, rounding once per splat.
const LEAST_PSNR: f64 = 42.0;

/// The page, with the splats of a file.
fn page(judges: &Judges, file: &Path, camera: &str, antialiased: bool) -> String {
    let modules = format!("file://{}", judges.path("node_modules").display());
    let bytes = STANDARD.encode(std::fs::read(file).unwrap());
    // Widened for good, or only to be as visible as without.
    let blur = if antialiased { "[0, 0.3]" } else { "[0.3, 0]" };
    let name = file.file_name().unwrap().to_string_lossy();
    let background = format!("{BACKGROUND:?}");
    // The bytes last: any word may be in them.
    let told = [("JUDGES", modules.as_str()), ("NAME", &name), ("CAMERA", camera), ("BACKGROUND", &background)];
    let told = told.into_iter().chain([("BLUR", blur), ("BYTES", &bytes)]);
    told.fold(include_str!("spark.html").to_owned(), |page, (word, value)| page.replace(word, value))
}

#[test]
fn spark_shows_what_the_oracle_renders() {
    const NAME: &str = "spark_shows_what_the_oracle_renders";
    let Some(judges) = Judges::find(NAME) else { return };
    // The modules of Spark lie in files of their own.
    let Some(mut browser) = Browser::start_with(NAME, &["--allow-file-access-from-files"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("page.html");
    for antialiased in [false, true] {
        let cloud = cloud(300, 3, antialiased);
        for name in ["a.ply", "a.compressed.ply", "a.splat", "a.spz", "a.sog"] {
            let file = folder.path().join(name);
            save(&file, &cloud, 3);
            let ours = load(&file);
            for eye in [[2.5, 1.2, 1.0], [-0.4, -2.4, 0.8]] {
                let view = view(eye);
                std::fs::write(&html, page(&judges, &file, &camera(&view), antialiased)).unwrap();
                let state = browser.open(&html, "");
                assert_eq!(state, "ready", "{name}: {}", browser.evaluate("document.documentElement.dataset.problem"));
                assert_eq!(browser.evaluate("document.documentElement.dataset.splats"), "300");
                let expected = expected(&SplatCloud { antialiased, ..ours.clone() }, &view);
                let psnr = psnr(&browser.picture(WIDTH, HEIGHT), &expected);
                eprintln!("Spark, {name}, antialiased {antialiased}, from {eye:?}: {psnr:.1} dB");
                assert!(psnr > LEAST_PSNR, "{name}, antialiased {antialiased}, from {eye:?}: {psnr:.1} dB");
            }
        }
    }
}
