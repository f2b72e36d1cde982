//! What the files of a scene are in: a folder or a zip.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::MAX_META;
use crate::atomic;
use crate::error::{Error, Result};

/// The file that describes the others.
pub(super) const META: &str = "meta.json";
/// Most bytes of one image. One of 16383 x 16383 pixels takes as much without any compression.
const MAX_IMAGE: u64 = 1 << 30;
/// Unpacked bytes of a file in a zip per byte of the zip. Images do not shrink when packed again.
const MAX_EXPANSION: u64 = 8;
/// Longer names are no file on any system.
const MAX_NAME: usize = 255;

/// An opened scene.
pub(super) struct Package {
    path: PathBuf,
    files: Files,
}

enum Files {
    Folder(PathBuf),
    /// The archive, its length, and what stands before the names of our files in it.
    Bundle(Box<ZipArchive<BufReader<File>>>, u64, String),
}

impl Package {
    /// Opens a bundle, a folder, or the folder around a `meta.json`; with the text of the latter.
    pub(super) fn open(path: &Path) -> Result<(Package, Vec<u8>)> {
        let metadata = std::fs::metadata(path).map_err(|error| Error::io(path, "read", error))?;
        if metadata.is_dir() {
            let meta = read_file(&path.join(META), MAX_META)?;
            return Ok((Package { path: path.to_owned(), files: Files::Folder(path.to_owned()) }, meta));
        }
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let meta = read_file(path, MAX_META)?;
            return Ok((Package { path: path.to_owned(), files: Files::Folder(folder) }, meta));
        }
        if !metadata.is_file() {
            return Err(Error::input(path, "this is not an ordinary file", "give a SOG bundle or folder"));
        }
        let broken = |error: ZipError| damaged(path, &error.to_string());
        let file = File::open(path).map_err(|error| Error::io(path, "read", error))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        let mut prefixes: Vec<String> = archive
            .file_names()
            .flatten()
            .filter_map(|name| name.strip_suffix(META).map(str::to_owned))
            .filter(|prefix| prefix.is_empty() || (prefix.ends_with('/') && prefix.matches('/').count() == 1))
            .collect();
        prefixes.sort_unstable();
        let prefix = match prefixes.as_slice() {
            [root, ..] if root.is_empty() => String::new(),
            [folder] => folder.clone(),
            [] => return Err(Error::input(path, "there is no meta.json in the bundle", "export the scene again")),
            several => {
                let problem = format!("there are {} scenes in the bundle", several.len());
                return Err(Error::input(path, problem, "unpack it and open one of its folders"));
            }
        };
        let files = Files::Bundle(Box::new(archive), metadata.len(), prefix);
        let mut package = Package { path: path.to_owned(), files };
        let meta = package.read_up_to(META, MAX_META)?;
        Ok((package, meta))
    }

    /// The path that messages should name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads an image by the name that the `meta.json` gives it.
    pub(super) fn read(&mut self, name: &str) -> Result<Vec<u8>> {
        self.read_up_to(name, MAX_IMAGE)
    }

    fn read_up_to(&mut self, name: &str, most: u64) -> Result<Vec<u8>> {
        // A name is the user's file, and must not reach out of their folder.
        let mut parts = Path::new(name).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !plain || name.len() > MAX_NAME || name.contains(['/', '\\', ':', '\0']) {
            let problem = format!("meta.json names {name:?}, which is not a file beside it");
            return Err(Error::input(&self.path, problem, "export the scene again"));
        }
        match &mut self.files {
            Files::Folder(folder) => read_file(&folder.join(name), most),
            Files::Bundle(archive, length, prefix) => {
                let most = most.min(length.saturating_mul(MAX_EXPANSION).saturating_add(1 << 16));
                let broken = |problem: &str| damaged(&self.path, &format!("{name}: {problem}"));
                let entry = archive.by_name(&format!("{prefix}{name}")).map_err(|error| match error {
                    ZipError::FileNotFound => {
                        Error::input(&self.path, format!("{name} is missing in the bundle"), "export the scene again")
                    }
                    other => broken(&other.to_string()),
                })?;
                let mut bytes = Vec::new();
                entry.take(most + 1).read_to_end(&mut bytes).map_err(|error| broken(&error.to_string()))?;
                if bytes.len() as u64 > most {
                    return Err(broken(&format!("more than {most} bytes when unpacked")));
                }
                Ok(bytes)
            }
        }
    }
}

fn damaged(path: &Path, problem: &str) -> Error {
    Error::input(path, format!("the bundle is damaged: {problem}"), "export or download it again")
}

/// Reads an ordinary file of at most so many bytes.
fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let refused = |error| Error::io(path, "read", error);
    let metadata = std::fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() || metadata.len() > most {
        let problem = format!("{} bytes; an ordinary file of at most {most} was expected", metadata.len());
        return Err(Error::input(path, problem, "export the scene again"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(refused)?;
    Ok(bytes)
}

/// Takes a file of a scene: its name and its bytes.
pub(super) type Put<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<()>;

/// Gives all files of a scene, one after the other.
pub(super) type Fill<'a> = &'a mut dyn FnMut(Put<'_>) -> Result<()>;

/// Writes files as a bundle, each as it is.
pub(super) fn write_bundle(path: &Path, fill: Fill<'_>) -> Result<()> {
    atomic::write_with(path, &mut |out| {
        let refused = |error: ZipError| Error::io(path, "write", std::io::Error::other(error));
        let mut zip = ZipWriter::new(out);
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        fill(&mut |name, bytes| {
            zip.start_file(name, stored).map_err(refused)?;
            zip.write_all(bytes).map_err(|error| Error::io(path, "write", error))
        })?;
        zip.finish().map(|_| ()).map_err(refused)
    })
}

/// Writes files into the folder around `meta`, which is the name of the description there.
///
/// A folder that does not exist appears whole. In one that does, files are replaced when all are on the disk, and
/// nobody finds a description of others while they are.
pub(super) fn write_folder(meta: &Path, fill: Fill<'_>) -> Result<()> {
    let folder = match meta.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let refused = |error| Error::io(meta, "write", error);
    let id = std::process::id();
    let existed = folder.is_dir();
    let temporary = match folder.file_name() {
        Some(name) if !existed => folder.with_file_name(format!(".{}.{id}.tmp", name.to_string_lossy())),
        _ => folder.join(format!(".sog.{id}.tmp")),
    };
    let last = Path::new(meta.file_name().unwrap_or(META.as_ref()));
    let mut write = || {
        std::fs::create_dir(&temporary).map_err(refused)?;
        let mut images: Vec<String> = Vec::new();
        fill(&mut |name, bytes| {
            let file = if name == META { last } else { Path::new(name) };
            images.extend((name != META).then(|| name.to_owned()));
            let mut file = File::create(temporary.join(file)).map_err(refused)?;
            file.write_all(bytes).and_then(|()| file.sync_all()).map_err(refused)
        })?;
        if !existed {
            return std::fs::rename(&temporary, folder).map_err(refused);
        }
        match std::fs::remove_file(meta) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
            _ => {}
        }
        let names = images.iter().map(Path::new).chain([last]);
        for name in names {
            std::fs::rename(temporary.join(name), folder.join(name)).map_err(refused)?;
        }
        std::fs::remove_dir(&temporary).map_err(refused)
    };
    write().inspect_err(|_| {
        // Nothing more can be done if what was half written cannot be removed either.
        let _ = std::fs::remove_dir_all(&temporary);
    })
}
