//! Finding the photograph or mask that a pose file means.
//!
//! Names in pose files and names on disk drift apart: lost extensions, changed case, added folders. A file is matched
//! exactly, then ignoring case, then by stem, then by a unique suffix of its path.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// Extensions of images we read, in the order they are tried on names without one.
pub(crate) const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp"];
/// Bounds of the directory walk, so that a path like `/` cannot keep it busy.
const MAX_DEPTH: usize = 6;
const MAX_FILES: usize = 200_000;

/// The image files below a folder; listed when the first name does not match as it is.
#[derive(Debug)]
pub(crate) struct ImageFolder {
    folder: PathBuf,
    listed: OnceCell<Vec<(String, PathBuf)>>, // lower-case path relative to the folder, full path
}

impl ImageFolder {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, listed: OnceCell::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The file meant by `name`.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        let name = name.trim_start_matches("./");
        let exact = self.folder.join(name);
        if exact.is_file() {
            return Some(exact);
        }
        for extension in EXTENSIONS {
            let path = self.folder.join(format!("{name}.{extension}"));
            if path.is_file() {
                return Some(path);
            }
        }
        let wanted = name.to_lowercase();
        let stem = without_extension(&wanted);
        let file_name = format!("/{}", wanted.rsplit('/').next().unwrap_or(&wanted));
        self.unique(|found| found == wanted)
            .or_else(|| self.unique(|found| without_extension(found) == stem || without_extension(found) == wanted))
            .or_else(|| self.unique(|found| format!("/{found}").ends_with(&file_name)))
    }

    /// Every image below the folder, sorted.
    pub(crate) fn all(&self) -> &[(String, PathBuf)] {
        self.listed.get_or_init(|| {
            let mut found = Vec::new();
            walk(&self.folder, "", 0, &mut found);
            found.sort();
            found
        })
    }

    fn unique(&self, matches: impl Fn(&str) -> bool) -> Option<PathBuf> {
        let mut hits = self.all().iter().filter(|(found, _)| matches(found));
        match (hits.next(), hits.next()) {
            (Some((_, path)), None) => Some(path.clone()),
            _ => None,
        }
    }
}

/// The mask of an image by the conventions of COLMAP (`masks/a/b.jpg.png`) and of everybody else (`masks/a/b.png`).
///
/// `suffix` is `_2` for the reduced copies in `images_2`, whose masks lie in `masks_2`.
pub(crate) fn find_mask(root: &Path, suffix: &str, name: &str) -> Option<PathBuf> {
    let name = name.trim_start_matches("./");
    let inner = match name.split_once('/') {
        Some((first, rest)) if first.starts_with("images") => rest,
        _ => name,
    };
    let stem = Path::new(inner).with_extension("");
    for folder in [format!("masks{suffix}"), "masks".to_owned()] {
        let folder = root.join(folder);
        if !folder.is_dir() {
            continue;
        }
        let appended = folder.join(format!("{inner}.png"));
        if appended.is_file() {
            return Some(appended);
        }
        for extension in EXTENSIONS {
            let replaced = folder.join(format!("{}.{extension}", stem.display()));
            if replaced.is_file() {
                return Some(replaced);
            }
        }
    }
    None
}

/// Whether a path ends like an image.
pub(crate) fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
    extension.is_some_and(|e| {
        EXTENSIONS.contains(&e.as_str()) || ["heic", "heif", "avif", "exr", "dng"].contains(&e.as_str())
    })
}

fn without_extension(name: &str) -> &str {
    match name.rfind('.') {
        Some(dot) if !name.get(dot..).is_some_and(|rest| rest.contains('/')) => name.get(..dot).unwrap_or(name),
        _ => name,
    }
}

fn walk(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if found.len() >= MAX_FILES {
            return;
        }
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy().to_lowercase());
        // Links are not followed: they may form a circle.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&path, &format!("{name}/"), depth + 1, found);
        } else if is_image(&path) {
            found.push((name, path));
        }
    }
}
