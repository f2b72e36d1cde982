//! The real `splat` binary: exit code, stdout and stderr of what needs no adapter.
//!
//! The binary is `$SPLAT_BIN`, or the one that cargo built beside this test (`cargo test --workspace`
//! builds both; run by cargo, the test brings it up to date itself).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What one call did.
pub(crate) struct Ran {
    code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program under test, brought up to date once.
pub(crate) fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(find_binary).clone()
}

fn find_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SPLAT_BIN") {
        return path.into();
    }
    // target/<profile>/deps/<this test> -> target/<profile>/splat
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join(format!("splat{}", std::env::consts::EXE_SUFFIX));
    // An old binary would meet newer shaders, which debug builds read from disk. Costs nothing when fresh.
    if let Some(cargo) = std::env::var_os("CARGO") {
        let name = profile.file_name().unwrap().to_string_lossy().replace("debug", "dev");
        let target = profile.parent().unwrap();
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "splat", "--profile", &name, "--target-dir"])
            .arg(target)
            .status()
            .unwrap();
        assert!(built.success(), "`cargo build -p splat` failed");
    }
    assert!(path.exists(), "{} is missing: build it with `cargo build -p splat` or set SPLAT_BIN", path.display());
    path
}

/// `splat` in a folder of its own, without the environment's say.
pub(crate) fn start_in(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder).args(args).env("NO_COLOR", "1").env("COLUMNS", "100");
    // No test opens a window.
    for name in ["SPLAT_DEVICE", "SPLAT_PROFILE", "DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(name);
    }
    command
}

/// Runs `splat` to its end.
pub(crate) fn splat_in(folder: &Path, args: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = start_in(folder, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn splat(args: &[&str]) -> Ran {
    let temp = tempfile::tempdir().unwrap();
    splat_in(temp.path(), args)
}

impl Ran {
    /// Refused with this code: nothing on stdout, every phrase on stderr, no panic.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, phrases: &[&str]) {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        assert_eq!(self.stdout, "", "results and errors must not mix");
        for phrase in phrases {
            assert!(self.stderr.contains(phrase), "{phrase:?} is not in: {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }

    /// Done, with every phrase on stdout.
    #[track_caller]
    pub(crate) fn done(&self, phrases: &[&str]) {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        for phrase in phrases {
            assert!(self.stdout.contains(phrase), "{phrase:?} is not in: {}", self.stdout);
        }
    }
}

#[test]
fn help_names_every_verb_and_exit_code() {
    let help = splat(&["--help"]);
    help.done(&["train", "eval", "render", "export", "info", "bench", "settings", "completions", "man"]);
    help.done(&["Exit codes:", "130"]);
    assert_eq!(help.stderr, "");
}

#[test]
fn every_verb_ends_its_help_with_an_example() {
    for verb in ["train", "view", "eval", "render", "export", "info", "bench", "settings", "completions", "man"] {
        splat(&[verb, "--help"]).done(&["Example", &format!("splat {verb}")]);
    }
}

#[test]
fn version_is_a_result() {
    splat(&["--version"]).done(&["splat "]);
}

#[test]
#[cfg(target_os = "linux")]
fn no_verb_asks_for_a_window_and_says_when_there_is_no_display() {
    for args in [&[][..], &["view"], &["view", "fox.ply"]] {
        splat(args).refused(2, &["no display", "splat train", "splat --help"]);
    }
}

#[test]
fn an_unknown_flag_is_misuse_with_the_nearest_one() {
    splat(&["train", "x", "--step", "5"]).refused(2, &["--step", "--steps"]);
}

#[test]
fn train_needs_a_scene() {
    splat(&["train"]).refused(2, &["SCENE"]);
    splat(&["train", "--resume"]).refused(2, &["--output"]);
}

#[test]
fn a_missing_scene_is_named() {
    for verb in ["train", "info"] {
        splat(&[verb, "no/such/scene"]).refused(3, &["splat: ", "no/such/scene"]);
    }
    for verb in ["eval", "render"] {
        splat(&[verb, "no-such-run"]).refused(3, &["splat: ", "no-such-run"]);
    }
    splat(&["export", "no-such-run", "out.ply"]).refused(3, &["no-such-run"]);
}

#[test]
fn an_empty_folder_is_no_scene_and_leaves_no_run_behind() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("empty")).unwrap();
    splat_in(temp.path(), &["train", "empty"]).refused(3, &["splat: ", "empty"]);
    splat_in(temp.path(), &["info", "empty"]).refused(3, &["empty"]);
    splat_in(temp.path(), &["train", "empty", "-o", "run"]).refused(3, &["empty"]);
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1, "a failed start must not leave folders");
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_one() {
    splat(&["train", "x", "--set", "train.stepps=5"]).refused(2, &["train.stepps", "did you mean \"train.steps\"?"]);
    splat(&["train", "x", "--set", "max_splats=5"]).refused(2, &["did you mean \"density.max_splats\"?"]);
    splat(&["train", "x", "--set", "train.steps"]).refused(2, &["section.key=value"]);
}

#[test]
fn a_value_out_of_range_names_key_found_and_allowed() {
    splat(&["train", "x", "--steps", "0"]).refused(2, &["train.steps", "0", "[1, 1000000]"]);
    splat(&["train", "x", "--steps", "many"]).refused(2, &["train.steps", "many", "whole number"]);
    splat(&["train", "x", "--set", "model.background=grey"]).refused(2, &["model.background", "auto, black, white"]);
}

#[test]
fn an_unknown_preset_or_profile_is_misuse() {
    splat(&["train", "x", "--preset", "qualty"]).refused(2, &["qualty", "quality"]);
    splat(&["train", "x", "--profile", "sg31"]).refused(2, &["sg31", "sg32"]);
}

#[test]
fn a_broken_config_file_is_told_with_line_and_column() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("mine.toml"), "[train]\nsteps = = 5\n").unwrap();
    splat_in(temp.path(), &["train", "x", "--config", "mine.toml"]).refused(3, &["mine.toml", "line 2, column 9"]);
    std::fs::write(temp.path().join("mine.toml"), "[train]\nstep = 5\n").unwrap();
    splat_in(temp.path(), &["train", "x", "--config", "mine.toml"]).refused(2, &["did you mean \"train.steps\"?"]);
    splat_in(temp.path(), &["train", "x", "--config", "none.toml"]).refused(3, &["none.toml"]);
}

#[test]
fn json_failures_are_the_last_line() {
    let ran = splat(&["train", "no/such/scene", "--json"]);
    assert_eq!(ran.code, Some(3));
    let last = ran.stdout.lines().last().unwrap_or_default();
    assert!(last.starts_with("{\"event\":\"failed\"") && last.contains("\"exit_code\":3"), "{}", ran.stdout);
}

#[test]
fn a_folder_in_use_is_not_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("mine")).unwrap();
    std::fs::write(temp.path().join("mine/thesis.txt"), "years of work").unwrap();
    splat_in(temp.path(), &["train", "x", "-o", "mine"]).refused(2, &["mine", "not empty", "--force"]);
    std::fs::write(temp.path().join("out.ply"), "mine").unwrap();
    splat_in(temp.path(), &["export", "x.ply", "out.ply"]).refused(2, &["out.ply", "--force"]);
}

#[test]
fn what_is_no_run_cannot_be_resumed_or_evaluated() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("notes.txt"), "x").unwrap();
    splat_in(temp.path(), &["train", "--resume", "-o", "."]).refused(3, &["run.json"]);
    splat_in(temp.path(), &["eval", "."]).refused(3, &["run.json"]);
    splat_in(temp.path(), &["eval", "notes.txt"]).refused(2, &["--scene"]);
}

#[test]
fn unknown_export_formats_are_refused() {
    splat(&["export", "x", "out.docx"]).refused(2, &[".docx", ".ply"]);
    splat(&["export", "x", "out"]).refused(2, &["extension"]);
}

#[test]
fn a_chosen_view_needs_all_of_its_pose() {
    splat(&["render", "x.ply", "--eye", "1,2,3", "-o", "a.png"]).refused(2, &["--target", "--up"]);
    splat(&["render", "x.ply", "--eye", "1,2"]).refused(2, &["X,Y,Z"]);
}

#[test]
fn a_render_names_the_ways_of_looking() {
    splat(&["render", "--help"]).done(&["--mode", "overdraw", "--splat-scale", "--sh-degree", "viridis"]);
    splat(&["render", "x.ply", "--mode", "depht"]).refused(2, &["--mode", "depth"]);
    splat(&["render", "x.ply", "--mode", "age"]).refused(2, &["--mode", "ellipsoids"]);
    splat(&["render", "x.ply", "--splat-scale", "0"]).refused(2, &["0.001 to 1000"]);
    splat(&["render", "x.ply", "--sh-degree", "4"]).refused(2, &["0..=3"]);
}

#[test]
fn settings_are_listed_with_default_range_and_meaning() {
    splat(&["settings"]).done(&["train.steps = 4000", "[1, 1000000]", "Number of training steps", "vanilla"]);
    splat(&["settings", "--markdown"]).done(&["| `density.method` | `\"budget\"` | [budget\\|adc\\|mcmc] |"]);
    splat(&["settings", "--preset", "fast"]).done(&["train.steps = 2000"]);
}

#[test]
fn the_settings_reference_is_current() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    let written = std::fs::read_to_string(reference).unwrap();
    let printed = splat(&["settings", "--markdown"]).stdout;
    assert!(written == printed, "stale: run `splat settings --markdown > docs/settings.md`");
}

#[test]
fn printed_toml_is_accepted_as_a_config_file() {
    let temp = tempfile::tempdir().unwrap();
    let toml = splat(&["settings", "--toml", "--preset", "mcmc"]).stdout;
    std::fs::write(temp.path().join("mine.toml"), toml).unwrap();
    // The settings are fine; what is missing is the scene.
    splat_in(temp.path(), &["train", "no-scene", "--config", "mine.toml"]).refused(3, &["no-scene"]);
}

#[test]
fn completions_and_manual_pages_are_generated() {
    splat(&["completions", "bash"]).done(&["_splat()", "--max-splats"]);
    splat(&["man"]).done(&[".TH splat"]);
    let temp = tempfile::tempdir().unwrap();
    splat_in(temp.path(), &["man", "--dir", "man1"]).done(&[]);
    assert!(temp.path().join("man1/splat-train.1").exists());
}

/// A panic on a closed pipe once made `splat settings | head -1` fail.
#[test]
#[cfg(unix)]
fn a_closed_pipe_is_success() {
    let script = format!("set -o pipefail; '{}' settings --markdown | true", binary().display());
    for _ in 0..5 {
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
