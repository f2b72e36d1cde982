//! Rules of the repository that a compiler does not know.

use std::path::{Path, PathBuf};

use splat_core::settings::Settings;

const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Source files below `folders`, by path from the root, with their text.
fn sources(folders: &[&str], extensions: &[&str]) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    folders.iter().for_each(|folder| collect(&root().join(folder), &mut paths));
    paths.retain(|path| path.extension().is_some_and(|extension| extensions.iter().any(|known| *known == extension)));
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    let found: Vec<(String, String)> =
        paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect();
    assert!(!found.is_empty(), "nothing to check in {folders:?}");
    found
}

const CODE: [&str; 5] = ["app", "splat-core/src", "splat-core/examples", "shaders", "tests"];

/// Lines of `text` with their place, comments left out when `code_only`.
fn lines<'a>(name: &'a str, text: &'a str, code_only: bool) -> impl Iterator<Item = (String, &'a str)> {
    let place = move |number: usize| format!("{name}:{}", number + 1);
    text.lines()
        .enumerate()
        .filter(move |(_, line)| !code_only || !line.trim_start().starts_with("//"))
        .map(move |(number, line)| (place(number), line))
}

#[test]
fn files_are_short() {
    let viewer = sources(&["assets/viewer"], &["js", "frag", "vert", "css", "html"]);
    for (name, text) in sources(&CODE, &["rs", "wgsl"]).into_iter().chain(viewer) {
        let count = text.lines().count();
        assert!(count <= MOST_LINES, "{name} has {count} lines; split it by subject");
    }
}

#[test]
fn the_core_knows_no_window_and_no_command_line() {
    let manifest = std::fs::read_to_string(root().join("splat-core/Cargo.toml")).unwrap();
    for foreign in ["winit", "egui", "eframe", "clap", "anyhow", "indicatif"] {
        assert!(!manifest.contains(foreign), "splat-core/Cargo.toml names {foreign}");
        for (name, text) in sources(&["splat-core/src"], &["rs"]) {
            for (place, line) in lines(&name, &text, true) {
                assert!(!line.contains(&format!("{foreign}::")), "{place} names {foreign}");
            }
        }
    }
}

/// A method's name may stand in its recipe and in the settings table; code that asks for it elsewhere
/// belongs behind one of the traits.
#[test]
fn recipes_are_named_only_where_they_are_made() {
    for (name, text) in sources(&["splat-core/src", "app/src"], &["rs"]) {
        let allowed = name.starts_with("splat-core/src/recipe/") || name.starts_with("splat-core/src/settings");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (place, line) in lines(&name, code, true).filter(|_| !allowed) {
            assert!(!line.contains("RecipeName::"), "{place} names a recipe: {line}");
            assert!(!line.contains("DensityMethod::"), "{place} names a density method: {line}");
        }
    }
}

#[test]
fn every_todo_has_an_issue() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    for (name, text) in sources(&CODE, &["rs", "wgsl"]) {
        for (place, line) in lines(&name, &text, false) {
            assert!(
                !words.iter().any(|word| line.contains(word)) || line.contains("(#"),
                "{place}: name the issue as (#12): {line}"
            );
        }
    }
}

/// Additions in arrival order would give other bits each time.
#[test]
fn shaders_use_no_atomics() {
    for (name, text) in sources(&["shaders"], &["wgsl"]) {
        for (place, line) in lines(&name, &text, true) {
            assert!(!line.contains("atomic"), "{place}: {line}");
        }
    }
}

#[test]
fn stages_and_losses_do_not_import_one_another() {
    let siblings = |folder: &str, own: &str| -> Vec<String> {
        let words = sources(&[folder], &["rs"]).into_iter().filter_map(|(name, _)| {
            let rest = name.strip_prefix(folder)?.trim_start_matches('/').to_owned();
            Some(rest.split(['/', '.']).next()?.to_owned())
        });
        words.filter(|word| word != "mod" && word != own).collect()
    };
    for folder in ["splat-core/src/stage", "splat-core/src/loss"] {
        let module = folder.rsplit('/').next().unwrap_or_default();
        for (name, text) in sources(&[folder], &["rs"]) {
            let own = name[folder.len() + 1..].split(['/', '.']).next().unwrap_or_default().to_owned();
            if own == "mod" {
                continue;
            }
            for (place, line) in lines(&name, &text, true) {
                for sibling in siblings(folder, &own) {
                    let imports = [format!("{module}::{sibling}::"), format!("use super::{sibling}")];
                    assert!(
                        !imports.iter().any(|import| line.contains(import)),
                        "{place} imports its sibling {sibling}: {line}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_setting_and_preset_is_documented() {
    for field in Settings::fields() {
        assert!(field.doc.trim().len() > 5 && field.doc.trim().ends_with('.'), "{}: {:?}", field.key(), field.doc);
    }
    for preset in Settings::PRESETS {
        assert!(preset.text.starts_with("# "), "preset {} does not say what it is for", preset.name);
        Settings::resolve(preset.name, None, &[]).unwrap();
    }
}
