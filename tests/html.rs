//! The web page of a scene, in a browser: what it shows is what the oracle renders, and hands move it.

#![allow(clippy::print_stderr, reason = "skipped tests must say so, and measured errors are worth reading")]

pub(crate) mod browser;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use glam::DVec3;
use image::RgbImage;
use serde_json::json;
use splat_core::formats::{ViewerHints, WriteOptions, load_splats, save_splats};
use splat_core::scene::{Motion, SplatCloud, TimeBasis, View};
use tempfile::TempDir;

use crate::gradients::noise;
use crate::oracle::blend::Limits;
use crate::oracle::project::Gaussian;
use crate::oracle::render::{RenderOptions, Splat, render};
use crate::oracle::sh::Sh;
use crate::tiny::oracle_camera;
use browser::Browser;

/// What stands before each piece of the splats.
const OPENING: &str = r#"class="splats">"#;
pub(crate) const WIDTH: u32 = 160;
pub(crate) const HEIGHT: u32 = 120;
pub(crate) const BACKGROUND: [f32; 3] = [0.1, 0.25, 0.4];
/// The page blends in 8 bits, rounding once per splat in front of a pixel.
const LEAST_PSNR: f64 = 42.0;
/// Motion is rounded to half floats, beside splats in 8 bits.
const LEAST_MOVING_PSNR: f64 = 34.0;

/// Blobs and needles in a ball, each of another colour from each side.
pub(crate) fn cloud(count: usize, sh_degree: u8, antialiased: bool) -> SplatCloud {
    let random = |index: usize, size: f64| (size * noise(index)) as f32;
    let width = 3 * ((usize::from(sh_degree) + 1).pow(2) - 1);
    SplatCloud {
        means: (0..count).map(|i| [0, 1, 2].map(|k| random(5 * i + k, 1.0))).collect(),
        quats: (0..count).map(|i| [0, 1, 2, 3].map(|k| random(7919 + 4 * i + k, 1.0))).collect(),
        log_scales: (0..count).map(|i| [0, 1, 2].map(|k| random(30_011 + 3 * i + k, 1.4) - 3.0)).collect(),
        opacity_logits: (0..count).map(|i| 1.0 + random(50_021 + i, 3.0)).collect(),
        sh0: (0..count).map(|i| [0, 1, 2].map(|k| random(70_001 + 3 * i + k, 1.6))).collect(),
        sh_rest: (0..count * width).map(|i| random(90_001 + i, 0.3)).collect(),
        sh_degree,
        antialiased,
        ..SplatCloud::default()
    }
}

/// A folder with the page of a scene, and the splats as they are once stored.
struct Stored {
    folder: TempDir,
    cloud: SplatCloud,
}

impl Stored {
    fn new(cloud: &SplatCloud) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let viewer = ViewerHints { background: BACKGROUND, up: [0.0, 0.0, 1.0], ..ViewerHints::default() };
        let options = WriteOptions { viewer, ..WriteOptions::default() };
        let (page, spz) = (folder.path().join("scene.html"), folder.path().join("scene.spz"));
        save_splats(&page, &cloud.source(), &options, &mut |_| Ok(())).unwrap();
        std::fs::write(&spz, payload(&std::fs::read_to_string(page).unwrap())).unwrap();
        let cloud = load_splats(&spz, &mut |_| Ok(())).unwrap();
        Self { folder, cloud }
    }

    fn page(&self) -> PathBuf {
        self.folder.path().join("scene.html")
    }
}

/// The splats in a page, as an SPZ file.
fn payload(page: &str) -> Vec<u8> {
    let pieces = page.split(OPENING).skip(1).map(|rest| rest.split('<').next().unwrap());
    pieces.flat_map(|piece| STANDARD.decode(piece).unwrap()).collect()
}

pub(crate) fn view(eye: [f64; 3]) -> View {
    View::look_at(DVec3::from(eye), DVec3::new(0.1, 0.0, -0.1), DVec3::Z, 50.0, WIDTH, HEIGHT).unwrap()
}

/// A view, as JSON for pages.
pub(crate) fn camera(view: &View) -> String {
    let row = |i: usize| {
        let r = view.viewmat.matrix3.row(i);
        [r.x, r.y, r.z, view.viewmat.translation[i]]
    };
    let viewmat = [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]].concat();
    json!({"viewmat": viewmat, "fov": 50.0, "near": 0.01, "size": [WIDTH, HEIGHT]}).to_string()
}

/// What the address of a page says to show this view.
fn fragment(view: &View) -> String {
    // Quotes are the only characters in here that an address does not take as they are.
    format!("interface=off&camera={}", camera(view).replace('"', "%22"))
}

/// The oracle's picture.
pub(crate) fn expected(cloud: &SplatCloud, view: &View) -> RgbImage {
    let rows = (usize::from(cloud.sh_degree) + 1).pow(2) - 1;
    let splat = |i: usize| {
        let coefficient = |k: usize| [0, 1, 2].map(|c| f64::from(cloud.sh_rest[3 * (rows * i + k) + c]));
        Splat {
            gaussian: Gaussian {
                mean: cloud.means[i].map(f64::from),
                quat: cloud.quats[i].map(f64::from),
                log_scale: cloud.log_scales[i].map(f64::from),
                opacity_logit: f64::from(cloud.opacity_logits[i]),
            },
            sh: Sh {
                sh0: cloud.sh0[i].map(f64::from),
                rest: std::array::from_fn(|k| if k < rows { coefficient(k) } else { [0.0; 3] }),
            },
        }
    };
    let splats: Vec<Splat> = (0..cloud.len()).map(splat).collect();
    let options =
        RenderOptions { degree: usize::from(cloud.sh_degree), antialias: cloud.antialiased, limits: Limits::RENDERING };
    let rendered = render(&splats, &oracle_camera(view), &options);
    let pixel = |x, y| {
        let i = (y * WIDTH + x) as usize;
        let behind = BACKGROUND.map(|value| f64::from(value) * rendered.transmittance[i]);
        image::Rgb([0, 1, 2].map(|c| (255.0 * (rendered.rgb[i][c] + behind[c])).round().clamp(0.0, 255.0) as u8))
    };
    RgbImage::from_fn(WIDTH, HEIGHT, pixel)
}

pub(crate) fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let squares = a.iter().zip(b.iter()).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    10.0 * (255.0_f64.powi(2) * a.len() as f64 / squares.sum::<f64>()).log10()
}

#[test]
fn a_page_shows_what_the_oracle_renders() {
    let Some(mut browser) = Browser::start("a_page_shows_what_the_oracle_renders") else { return };
    // More splats than a row of the page's tables once, few with each SH degree, and the other projection.
    for (count, degree, antialiased) in [(2500, 0, false), (300, 1, false), (300, 2, true), (300, 3, false)] {
        let stored = Stored::new(&cloud(count, degree, antialiased));
        // From outside, and from within, with splats beside and behind the camera.
        for eye in [[2.5, 1.2, 1.0], [0.3, -0.5, 0.2]] {
            let view = view(eye);
            assert_eq!(browser.open(&stored.page(), &fragment(&view)), "ready");
            let found = browser.picture(WIDTH, HEIGHT);
            let psnr = psnr(&found, &expected(&stored.cloud, &view));
            eprintln!("{count} splats, degree {degree}, antialiased {antialiased}, from {eye:?}: {psnr:.1} dB");
            assert!(psnr > LEAST_PSNR, "{count} splats, degree {degree}, from {eye:?}: {psnr:.1} dB");
        }
    }
    let asked = "performance.getEntriesByType('resource').map((entry) => entry.name)
                   .filter((name) => !name.startsWith('blob:') && !name.startsWith('data:'))";
    assert_eq!(browser.evaluate(asked), json!([]));
}

/// The picture after the page has drawn what it was last asked to.
fn picture(browser: &mut Browser) -> RgbImage {
    let two_frames =
        "new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 200))";
    browser.evaluate(two_frames);
    browser.picture(WIDTH, HEIGHT)
}

/// What a hand does to a page.
type Move<'a> = &'a dyn Fn(&mut Browser);

#[test]
fn hands_and_keys_move_a_page() {
    let Some(mut browser) = Browser::start("hands_and_keys_move_a_page") else { return };
    let stored = Stored::new(&cloud(300, 1, false));
    browser.open(&stored.page(), &fragment(&view([2.5, 1.2, 1.0])));
    let start = picture(&mut browser);
    let drag = |browser: &mut Browser, button: &str, buttons: u32| {
        for (kind, x) in [("mousePressed", 60), ("mouseMoved", 75), ("mouseMoved", 100), ("mouseReleased", 100)] {
            let event = json!({"type": kind, "x": x, "y": 60, "button": button, "buttons": buttons, "clickCount": 1});
            browser.call("Input.dispatchMouseEvent", event);
        }
    };
    let press = |browser: &mut Browser, code: &str, key: &str| {
        for kind in ["keyDown", "keyUp"] {
            browser.call("Input.dispatchKeyEvent", json!({"type": kind, "code": code, "key": key}));
            browser.evaluate("new Promise((done) => setTimeout(done, 60))");
        }
    };
    let wheel = json!({"type": "mouseWheel", "x": 60, "y": 60, "deltaX": 0, "deltaY": 300});
    let moves: [(&str, Move<'_>); 5] = [
        ("drag", &|browser| drag(browser, "left", 1)),
        ("right drag", &|browser| drag(browser, "right", 2)),
        ("wheel", &|browser| _ = browser.call("Input.dispatchMouseEvent", wheel.clone())),
        ("arrow", &|browser| press(browser, "ArrowLeft", "ArrowLeft")),
        ("walk", &|browser| press(browser, "KeyW", "w")),
    ];
    for (name, make) in moves {
        make(&mut browser);
        let moved = psnr(&picture(&mut browser), &start);
        assert!(moved < 30.0, "{name}: {moved:.1} dB");
        press(&mut browser, "KeyR", "r");
        // Not `assert_eq`, which would print every pixel.
        assert!(picture(&mut browser) == start, "R after {name} does not lead back");
    }
}

#[test]
fn a_page_outlives_the_loss_of_its_device() {
    let Some(mut browser) = Browser::start("a_page_outlives_the_loss_of_its_device") else { return };
    let stored = Stored::new(&cloud(300, 3, false));
    browser.open(&stored.page(), &fragment(&view([2.5, 1.2, 1.0])));
    let before = picture(&mut browser);
    browser.evaluate(
        "(() => {
        const loss = document.getElementById('view').getContext('webgl2').getExtension('WEBGL_lose_context');
        loss.loseContext();
        setTimeout(() => loss.restoreContext(), 100);
      })()",
    );
    // Losing is told a moment later.
    browser.evaluate("new Promise((done) => setTimeout(done, 50))");
    assert_eq!(browser.settled(), "ready");
    assert!(picture(&mut browser) == before, "another picture after the loss");
}

fn motions() -> [Motion; 2] {
    let (body, keys) = (TimeBasis::Flow { poly: 2, fourier: 2 }, TimeBasis::Keyframes(4));
    let sh0 = TimeBasis::Flow { poly: 0, fourier: 1 };
    [
        Motion { means: body, quats: body, sh0, dilates: true, fades: true, frames: 60 },
        Motion { means: keys, quats: keys, sh0: TimeBasis::STILL, dilates: false, fades: false, frames: 0 },
    ]
}

/// Splats of which every third rests.
fn moving(count: usize, motion: Motion) -> SplatCloud {
    let mut cloud = cloud(count, 1, false).with_motion(motion);
    for (number, column) in cloud.more.iter_mut().enumerate() {
        for (at, value) in column.values.iter_mut().enumerate().filter(|(at, _)| at / column.width % 3 != 0) {
            *value = 0.3 * noise(7 * at + 100_003 * number) as f32;
        }
    }
    cloud
}

#[test]
fn a_page_plays_what_moves() {
    let Some(mut browser) = Browser::start("a_page_plays_what_moves") else { return };
    let view = view([2.5, 1.2, 1.0]);
    for motion in motions() {
        let cloud = moving(300, motion);
        let stored = Stored::new(&cloud);
        let mut pictures = Vec::new();
        for time in [0.0, 0.5, 1.0] {
            let address = format!("{}&time={time}", fragment(&view));
            assert_eq!(browser.open(&stored.page(), &address), "ready");
            let found = picture(&mut browser);
            // Rounding what moves and what rests apart costs more than rounding a scene that stands still.
            let psnr = psnr(&found, &expected(&cloud.at(time), &view));
            eprintln!("{motion:?} at {time}: {psnr:.1} dB");
            assert!(psnr > LEAST_MOVING_PSNR, "{motion:?} at {time}: {psnr:.1} dB");
            pictures.push(found);
        }
        assert!(psnr(&pictures[0], &pictures[1]) < 25.0, "nothing moved");
        let playing = "document.getElementById('play').getAttribute('aria-label') === 'Pause'";
        let time = "Number(document.getElementById('time').value)";
        assert_eq!((browser.evaluate(playing), browser.evaluate(time)), (json!(false), json!(1)));
        for kind in ["keyDown", "keyUp"] {
            browser.call("Input.dispatchKeyEvent", json!({"type": kind, "code": "Space", "key": " "}));
        }
        assert_eq!(browser.evaluate(playing), json!(true));
        browser.evaluate("new Promise((done) => setTimeout(done, 300))");
        browser.evaluate("document.getElementById('play').click()");
        assert_eq!(browser.evaluate(playing), json!(false));
        let stopped = browser.evaluate(time).as_f64().unwrap();
        assert!(stopped < 0.9, "from the end, it goes on at the beginning: {stopped}");
        let still = picture(&mut browser);
        assert!(still == picture(&mut browser), "it moves on");
        let slide = "(() => { const slider = document.getElementById('time'); slider.value = '0.5';
          slider.dispatchEvent(new Event('input')); })()";
        browser.evaluate(slide);
        assert!(picture(&mut browser) == pictures[1], "the slider shows another time than the address");
    }
}

/// What the page says instead of showing a scene.
fn failure(browser: &mut Browser, page: &Path) -> String {
    assert_eq!(browser.open(page, ""), "failed");
    let text = "getComputedStyle(document.getElementById('failure')).display !== 'none'
                  && document.getElementById('failure').innerText";
    browser.evaluate(text).as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_damaged_page_says_so() {
    let Some(mut browser) = Browser::start("a_damaged_page_says_so") else { return };
    let stored = Stored::new(&cloud(300, 1, false));
    let page = std::fs::read_to_string(stored.page()).unwrap();
    let first = page.find(OPENING).unwrap() + OPENING.len();
    let last = first + page[first..].find("</script>").unwrap();
    let half = first + (last - first) / 8 * 4;
    let damaged = [
        ("no base64", [&page[..first], "*", &page[first + 1..]].concat()),
        ("no gzip", [&page[..first], "AAAA", &page[first + 4..]].concat()),
        ("changed inside", [&page[..half], "AAAAAAAA", &page[half + 8..]].concat()),
        ("cut", [&page[..half], &page[last..]].concat()),
        ("empty", [&page[..first], &page[last..]].concat()),
        ("too few", page.replace(r#""splats":300"#, r#""splats":301"#)),
        ("too many", page.replace(r#""splats":300"#, r#""splats":299"#)),
    ];
    for (name, text) in damaged {
        assert_ne!(text, page, "{name}");
        let path = stored.folder.path().join("damaged.html");
        std::fs::write(&path, text).unwrap();
        let said = failure(&mut browser, &path);
        assert!(said.contains("could not be opened") && said.contains("damaged"), "{name}: {said}");
    }
}
