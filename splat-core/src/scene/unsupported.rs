//! Input that is recognised but not read: what it is, and how to get from there to something that is.

use super::files::{ImageFolder, is_image};
use super::io::colmap;
use crate::error::Error;
use std::path::{Path, PathBuf};

const FIND_POSES: &str = "find the poses first, for instance with \
    `colmap automatic_reconstructor --image_path IMAGES --workspace_path SCENE`, and give SCENE";
const GIVE_SCENE: &str =
    "give a folder with transforms.json, a COLMAP model (sparse/0), poses_bounds.npy or a Nerfies capture";
const EXTRACT_FRAMES: &str =
    "extract frames with `ffmpeg -i VIDEO -vf fps=2 IMAGES/%04d.jpg` and pose them with COLMAP";
const FROM_METASHAPE: &str = "export it from Metashape in COLMAP format";
const FROM_REALITYSCAN: &str = "export it from RealityScan in COLMAP format";

const METASHAPE: &str = "this looks like a Metashape project, which is not read";
const REALITYSCAN: &str = "this looks like a RealityScan export, which is not read";
const VIDEO: &str = "a video, but no poses";

/// Names that give a folder away, with what it is and what to do; the first match counts.
const FOLDER_MARKS: [(&str, &str, &str); 5] = [
    ("keyframes", "this is a Polycam raw capture, which is not read", "convert it with `ns-process-data polycam`"),
    (".xmp", REALITYSCAN, FROM_REALITYSCAN),
    (".csv", REALITYSCAN, FROM_REALITYSCAN),
    (".xml", METASHAPE, FROM_METASHAPE),
    (
        "database.db",
        "a COLMAP database, but no reconstruction (sparse/0)",
        "run `colmap mapper` or `glomap mapper` on it",
    ),
];

/// The error for a single file.
pub(crate) fn file(path: &Path) -> Error {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let (problem, remedy) = match extension.to_lowercase().as_str() {
        "ply" | "splat" | "spz" | "sog" | "ksplat" => (
            "this is a finished scene or a point cloud, not posed images",
            "open it in the viewer, or give the folder of a data set",
        ),
        "zip" | "r3d" => ("archives are not read in place", "unpack it and give the folder"),
        "mp4" | "mov" | "avi" | "mkv" => (VIDEO, EXTRACT_FRAMES),
        "xml" => (METASHAPE, FROM_METASHAPE),
        "csv" | "xmp" => (REALITYSCAN, FROM_REALITYSCAN),
        "npy" => ("this is an array of numpy, not a data set", "give poses_bounds.npy, or the folder of a data set"),
        "db" => ("this is a COLMAP database without a reconstruction", FIND_POSES),
        _ if is_image(path) => ("this is one image, not a data set", FIND_POSES),
        _ => ("not a data set we know", GIVE_SCENE),
    };
    Error::input(path, problem, remedy)
}

/// The error for a folder.
pub(crate) fn folder(root: &Path) -> Error {
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) => return Error::io(root, "read", error),
    };
    let lower = |name: std::ffi::OsString| name.to_string_lossy().to_lowercase();
    let names: Vec<String> = entries.flatten().map(|entry| lower(entry.file_name())).collect();
    if names.is_empty() {
        return Error::input(root, "the folder is empty", GIVE_SCENE);
    }
    let has =
        |mark: &str| names.iter().any(|name| if mark.starts_with('.') { name.ends_with(mark) } else { name == mark });
    if let Some((_, problem, remedy)) = FOLDER_MARKS.iter().find(|(mark, ..)| has(mark)) {
        return Error::input(root, *problem, *remedy);
    }
    if let Some(inner) = inner_scene(root) {
        let remedy = format!("give {}", inner.display());
        return Error::input(root, "there is no data set in this folder, but in one below it", remedy);
    }
    let images = ImageFolder::new(root.to_path_buf()).all().len();
    if images > 0 {
        return Error::input(root, format!("{images} images, but no poses"), FIND_POSES);
    }
    if [".mp4", ".mov", ".mkv", ".avi"].iter().any(|mark| has(mark)) {
        return Error::input(root, VIDEO, EXTRACT_FRAMES);
    }
    Error::input(root, "no data set was recognised", GIVE_SCENE)
}

fn inner_scene(root: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(root).ok()?;
    let mut inner: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    inner.sort();
    inner.into_iter().filter(|path| path.is_dir()).find(|path| {
        path.join("transforms.json").is_file()
            || path.join("transforms_train.json").is_file()
            || path.join("poses_bounds.npy").is_file()
            || path.join("dataset.json").is_file() && path.join("camera").is_dir()
            || colmap::find_model(path).is_some()
    })
}
