//! The programs of others, and how they are asked.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use splat_core::scene::SplatCloud;

/// Floats of a row in front of the SH beyond the constant coefficient.
const FIRST_SH: usize = 14;

/// The folder that `scripts/judges.sh` filled.
pub(super) struct Judges {
    folder: PathBuf,
}

impl Judges {
    /// The judges, or `None` with a line saying which test is skipped.
    pub(super) fn find(test: &str) -> Option<Self> {
        let Some(folder) = std::env::var_os("SPLAT_JUDGES") else {
            eprintln!("skipped: {test}: it needs SPLAT_JUDGES, see scripts/judges.sh");
            return None;
        };
        // Cargo runs tests in the folder of their package.
        let folder = Path::new(&folder);
        assert!(folder.is_absolute(), "SPLAT_JUDGES={}: a whole path, from / on", folder.display());
        Some(Judges { folder: folder.to_owned() })
    }

    /// A file or folder in there.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        assert!(path.exists(), "{} is missing: run scripts/judges.sh", path.display());
        path
    }

    /// Puts a question of `judge.mjs`, with files and words; what it prints.
    pub(super) fn ask(&self, question: &str, words: &[&OsStr]) -> String {
        let mut command = Command::new(self.path("node_modules/.bin/node"));
        command.arg("--no-warnings").arg(script("judge.mjs")).arg(question).args(words);
        finish(command.env("SPLAT_JUDGES", &self.folder))
    }

    /// Has splat-transform turn one file into another.
    pub(super) fn splat_transform(&self, from: &Path, to: &Path, options: &[&str]) {
        let mut command = Command::new(self.path("node_modules/.bin/node"));
        command.arg(self.path("node_modules/@playcanvas/splat-transform/bin/cli.mjs"));
        finish(command.args(["-q", "-w"]).args(options).args([from, to]));
        assert!(to.exists(), "splat-transform wrote no {}", to.display());
    }

    /// Has plyfile read a PLY file into rows; what it prints of the header.
    pub(super) fn plyfile(&self, from: &Path, rows: &Path) -> String {
        let mut command = Command::new("python3");
        command.arg(script("read_ply.py")).args([from, rows]);
        finish(command.env("PYTHONPATH", self.path("python")).env("PYTHONDONTWRITEBYTECODE", "1"))
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges").join(name)
}

/// Runs a program, which must end well; what it prints.
fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|problem| panic!("{command:?}: {problem}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Splats from rows, see `judge.mjs`.
pub(super) fn read_rows(path: &Path, sh_degree: u8) -> SplatCloud {
    let bytes = std::fs::read(path).unwrap();
    let (words, rest) = bytes.as_chunks::<4>();
    let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    let width = FIRST_SH + 3 * ((usize::from(sh_degree) + 1).pow(2) - 1);
    assert!(rest.is_empty() && values.len().is_multiple_of(width), "{} floats, rows of {width}", values.len());
    let mut cloud = SplatCloud { sh_degree, ..SplatCloud::default() };
    for row in values.chunks_exact(width) {
        let three = |at: usize| [row[at], row[at + 1], row[at + 2]];
        cloud.means.push(three(0));
        cloud.quats.push([row[3], row[4], row[5], row[6]]);
        cloud.log_scales.push(three(7));
        cloud.opacity_logits.push(row[10]);
        cloud.sh0.push(three(11));
        cloud.sh_rest.extend(&row[FIRST_SH..]);
    }
    cloud
}

/// Writes splats as rows.
pub(super) fn write_rows(path: &Path, cloud: &SplatCloud) {
    let sh_width = cloud.sh_rest.len() / cloud.len();
    let mut bytes = Vec::new();
    for row in 0..cloud.len() {
        let sh = &cloud.sh_rest[sh_width * row..][..sh_width];
        let front = [&cloud.means[row][..], &cloud.quats[row], &cloud.log_scales[row], &[cloud.opacity_logits[row]]];
        let values = front.into_iter().chain([&cloud.sh0[row][..], sh]).flatten();
        bytes.extend(values.flat_map(|value| value.to_le_bytes()));
    }
    std::fs::write(path, bytes).unwrap();
}
