//! What the window remembers from one time to the next, as JSON in eframe's storage.
//!
//! A preference is never worth an error: what is missing, of a newer version or damaged falls back to its default, one
//! value at a time.

use std::path::{Path, PathBuf};

use eframe::Storage;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::theme;

/// Key in the storage.
const KEY: &str = "splat";
/// Layout of the JSON; raised when the meaning of a field changes.
const VERSION: u32 = 1;
/// Most recent files kept.
const MAX_RECENT: usize = 20;

/// Dark or light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Theme {
    /// As the system is.
    #[default]
    System,
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

/// Something opened before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recent {
    /// A scene, a run or a file.
    pub(crate) path: PathBuf,
    /// Whether it was gone when last looked for; not stored.
    pub(crate) missing: bool,
}

impl Recent {
    /// One that is thought to be there.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, missing: false }
    }

    /// Its last component.
    pub(crate) fn name(&self) -> String {
        self.path
            .file_name()
            .map_or_else(|| self.path.display().to_string(), |name| name.to_string_lossy().into_owned())
    }

    /// The folder it is in, shortened at its start.
    pub(crate) fn folder(&self) -> String {
        const LONGEST: usize = 40;
        let folder = self.path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        let count = folder.chars().count();
        if count <= LONGEST {
            folder
        } else {
            format!("…{}", folder.chars().skip(count - LONGEST).collect::<String>())
        }
    }
}

/// Panels that are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Panels {
    /// Cameras and photos, on the left.
    pub(crate) cameras: bool,
    /// Training, display, editing and export, on the right.
    pub(crate) side: bool,
    /// Plots, timing and the log, at the bottom.
    pub(crate) bottom: bool,
}

impl Default for Panels {
    fn default() -> Self {
        Self { cameras: true, side: true, bottom: true }
    }
}

/// How the viewport looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ViewportLook {
    /// Colour behind the splats, 0 to 1 per channel.
    pub(crate) background: [f32; 3],
    /// Grid and axes.
    pub(crate) grid: bool,
    /// Cameras of the photos.
    pub(crate) frusta: bool,
    /// Their size as a multiple of the usual one.
    pub(crate) frusta_size: f32,
    /// Ways of splats that move.
    pub(crate) trails: bool,
    /// Field of view from top to bottom, in degrees.
    pub(crate) fov_degrees: f32,
    /// Draw fewer pixels while the camera moves.
    pub(crate) coarse_while_moving: bool,
}

impl Default for ViewportLook {
    fn default() -> Self {
        Self {
            background: [0.0; 3],
            grid: true,
            frusta: true,
            frusta_size: 0.5,
            trails: false,
            fov_degrees: 50.0,
            coarse_while_moving: true,
        }
    }
}

/// Folders in which file dialogs begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Folders {
    /// The last scene, run or file was opened in.
    pub(crate) open: Option<PathBuf>,
    /// Splats were last exported to.
    pub(crate) export: Option<PathBuf>,
    /// Pictures and videos were last written to.
    pub(crate) pictures: Option<PathBuf>,
}

/// How the camera moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Navigation {
    /// Flying speed as a multiple of the usual one.
    pub(crate) speed: f32,
    /// Keeps the horizon level.
    pub(crate) lock_horizon: bool,
}

impl Default for Navigation {
    fn default() -> Self {
        Self { speed: 1.0, lock_horizon: true }
    }
}

/// Everything remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Prefs {
    /// Layout of the JSON this was read from.
    version: u32,
    /// Dark or light.
    pub(crate) theme: Theme,
    /// Size of text and controls as a multiple of the system's.
    pub(crate) ui_scale: f32,
    /// No animations, no damping.
    pub(crate) reduced_motion: bool,
    /// What was opened last, newest first.
    #[serde(serialize_with = "write_recent", deserialize_with = "read_recent")]
    recent: Vec<Recent>,
    /// Panels that are shown.
    pub(crate) panels: Panels,
    /// How the viewport looks.
    pub(crate) look: ViewportLook,
    /// Folders in which file dialogs begin.
    pub(crate) folders: Folders,
    /// How the camera moves.
    pub(crate) navigation: Navigation,
}

impl Default for Prefs {
    fn default() -> Self {
        Self {
            version: VERSION,
            theme: Theme::default(),
            ui_scale: 1.0,
            reduced_motion: false,
            recent: Vec::new(),
            panels: Panels::default(),
            look: ViewportLook::default(),
            folders: Folders::default(),
            navigation: Navigation::default(),
        }
    }
}

impl Prefs {
    /// Reads them; anything unreadable has its default.
    pub(crate) fn load(storage: Option<&dyn Storage>) -> Self {
        storage.and_then(|storage| storage.get_string(KEY)).map_or_else(Self::default, |text| Self::parse(&text))
    }

    /// Keeps them; eframe writes its storage from time to time and at the end.
    pub(crate) fn save(&self, storage: &mut dyn Storage) {
        // Paths that are no text are the one thing that cannot be written; `remember` and `sane` keep them out.
        if let Ok(text) = serde_json::to_string(&self.clone().sane()) {
            storage.set_string(KEY, text);
        }
    }

    fn parse(text: &str) -> Self {
        let stored: Value = serde_json::from_str(text).unwrap_or_default();
        let mut prefs = Self::default();
        // Usually everything fits; one by one only to lose as little as possible.
        match serde_json::from_value(stored.clone()) {
            Ok(whole) => prefs = whole,
            Err(_) => {
                let mut merged = serde_json::to_value(&prefs).unwrap_or_default();
                for (pointer, value) in leaves(&stored) {
                    let Some(place) = merged.pointer_mut(&pointer) else { continue };
                    let before = std::mem::replace(place, value);
                    match serde_json::from_value(merged.clone()) {
                        Ok(better) => prefs = better,
                        Err(_) => {
                            if let Some(place) = merged.pointer_mut(&pointer) {
                                *place = before;
                            }
                        }
                    }
                }
            }
        }
        prefs.sane()
    }

    /// Brings every number into its range and leaves out what cannot be written.
    fn sane(mut self) -> Self {
        let within = |value: f32, low: f32, high: f32, usual: f32| {
            if value.is_finite() { value.clamp(low, high) } else { usual }
        };
        let usual = Self::default();
        self.version = VERSION;
        self.ui_scale = theme::allowed_scale(self.ui_scale);
        for (value, usual) in self.look.background.iter_mut().zip(usual.look.background) {
            *value = within(*value, 0.0, 1.0, usual);
        }
        self.look.frusta_size = within(self.look.frusta_size, 0.05, 20.0, usual.look.frusta_size);
        self.look.fov_degrees = within(self.look.fov_degrees, 5.0, 150.0, usual.look.fov_degrees);
        self.navigation.speed = within(self.navigation.speed, 0.01, 100.0, usual.navigation.speed);
        for folder in [&mut self.folders.open, &mut self.folders.export, &mut self.folders.pictures] {
            if folder.as_ref().is_some_and(|path| path.to_str().is_none()) {
                *folder = None;
            }
        }
        self.recent.truncate(MAX_RECENT);
        self
    }

    /// What was opened last, newest first.
    pub(crate) fn recent(&self) -> &[Recent] {
        &self.recent
    }

    /// Puts a path in front of the recent ones, and its folder where the next dialog begins.
    pub(crate) fn remember(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // A path that is no text cannot be stored as JSON.
        if path.to_str().is_none() {
            return;
        }
        self.folders.open = path.parent().map(Path::to_owned);
        self.recent.retain(|recent| recent.path != path);
        self.recent.insert(0, Recent::new(path));
        self.recent.truncate(MAX_RECENT);
    }

    /// Takes a path out of the recent ones.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.recent.retain(|recent| recent.path != path);
    }

    /// Marks which recent files were found gone, as [`files::find_missing`](super::files::find_missing) tells.
    pub(crate) fn mark_missing(&mut self, missing: &[PathBuf]) {
        for recent in &mut self.recent {
            recent.missing = missing.contains(&recent.path);
        }
    }
}

/// Every value that is no object, with where it is. A number list such as a colour is one value.
fn leaves(value: &Value) -> Vec<(String, Value)> {
    let Value::Object(fields) = value else { return vec![(String::new(), value.clone())] };
    let mut found = Vec::new();
    for (name, field) in fields {
        let name = name.replace('~', "~0").replace('/', "~1");
        found.extend(leaves(field).into_iter().map(|(rest, leaf)| (format!("/{name}{rest}"), leaf)));
    }
    found
}

fn write_recent<S: Serializer>(recent: &[Recent], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(recent.iter().map(|recent| &recent.path))
}

/// Leaves out what is no path and what is there twice.
fn read_recent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Recent>, D::Error> {
    let mut recent: Vec<Recent> = Vec::new();
    for value in Vec::<Value>::deserialize(deserializer)? {
        let Some(path) = value.as_str().filter(|path| !path.is_empty()).map(PathBuf::from) else { continue };
        if recent.iter().all(|known| known.path != path) {
            recent.push(Recent::new(path));
        }
    }
    Ok(recent)
}

#[cfg(test)]
mod tests {
    use super::{KEY, MAX_RECENT, Prefs, Recent, Theme};
    use eframe::Storage;
    use std::path::{Path, PathBuf};

    #[derive(Default)]
    struct Kept(Option<String>);

    impl Storage for Kept {
        fn get_string(&self, key: &str) -> Option<String> {
            assert_eq!(key, KEY);
            self.0.clone()
        }
        fn set_string(&mut self, key: &str, value: String) {
            assert_eq!(key, KEY);
            self.0 = Some(value);
        }
        fn remove_string(&mut self, _: &str) {
            self.0 = None;
        }
        fn flush(&mut self) {}
    }

    fn changed() -> Prefs {
        let mut prefs = Prefs { theme: Theme::Light, ui_scale: 1.5, reduced_motion: true, ..Prefs::default() };
        prefs.panels.bottom = false;
        prefs.look.background = [0.25, 0.5, 1.0];
        prefs.look.fov_degrees = 70.0;
        prefs.navigation.speed = 2.5;
        prefs.folders.export = Some("/tmp/out".into());
        prefs.remember(Path::new("/data/garden"));
        prefs.remember(Path::new("/data/room \"a\" ü.ply"));
        prefs
    }

    #[test]
    fn come_back_as_they_were() {
        let mut storage = Kept::default();
        changed().save(&mut storage);
        assert_eq!(Prefs::load(Some(&storage)), changed());
        assert_eq!(Prefs::load(None), Prefs::default());
        assert_eq!(Prefs::load(Some(&Kept::default())), Prefs::default());
    }

    #[test]
    fn damage_costs_only_what_is_damaged() {
        for text in ["", "{", "null", "[1,2]", "\"x\"", "{\"theme\":", "3"] {
            assert_eq!(Prefs::parse(text), Prefs::default(), "{text}");
        }
        let text = r#"{"version":"new","theme":"sepia","ui_scale":1.5,"reduced_motion":3,
            "recent":["/a",7,"","/b","/a"],"panels":{"side":false,"bottom":"no"},
            "look":{"background":[1,2],"fov_degrees":70,"grid":null},"navigation":[],"folders":{"open":"/data"}}"#;
        let mut expected = Prefs { ui_scale: 1.5, ..Prefs::default() };
        expected.recent = ["/a", "/b"].map(|path| Recent::new(path.into())).to_vec();
        expected.panels.side = false;
        expected.look.fov_degrees = 70.0;
        expected.folders.open = Some("/data".into());
        assert_eq!(Prefs::parse(text), expected);
    }

    #[test]
    fn an_older_or_newer_layout_is_read() {
        let older = Prefs::parse(r#"{"theme":"dark"}"#);
        assert_eq!(older, Prefs { theme: Theme::Dark, ..Prefs::default() });
        let newer = Prefs::parse(r#"{"version":9,"theme":"dark","ui_scale":2.0,"galaxy":{"size":3}}"#);
        assert_eq!(newer, Prefs { theme: Theme::Dark, ui_scale: 2.0, ..Prefs::default() });
    }

    #[test]
    fn numbers_are_brought_into_their_range() {
        let text = r#"{"ui_scale":1e30,"look":{"background":[-1,0.5,9],"frusta_size":0,"fov_degrees":1000},
            "navigation":{"speed":-3}}"#;
        let prefs = Prefs::parse(text);
        assert_eq!(prefs.ui_scale, 3.0);
        assert_eq!(prefs.look.background, [0.0, 0.5, 1.0]);
        assert_eq!((prefs.look.frusta_size, prefs.look.fov_degrees, prefs.navigation.speed), (0.05, 150.0, 0.01));
    }

    #[test]
    fn recent_files_are_few_newest_first_and_once() {
        let mut prefs = Prefs::default();
        for i in 0..30 {
            prefs.remember(&PathBuf::from(format!("/data/{i}.ply")));
        }
        prefs.remember(Path::new("/data/20.ply"));
        assert_eq!(prefs.recent().len(), MAX_RECENT);
        let newest: Vec<String> = prefs.recent().iter().take(3).map(Recent::name).collect();
        assert_eq!(newest, ["20.ply", "29.ply", "28.ply"]);
        assert_eq!(prefs.folders.open, Some("/data".into()));
        prefs.mark_missing(&["/data/28.ply".into()]);
        assert_eq!(prefs.recent().iter().filter(|recent| recent.missing).count(), 1);
        prefs.forget(Path::new("/data/20.ply"));
        assert_eq!(prefs.recent()[0].name(), "29.ply");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_does_not_keep_the_rest_from_being_written() {
        use std::os::unix::ffi::OsStrExt;
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"/data/\xff"));
        let mut prefs = changed();
        prefs.remember(odd);
        prefs.folders.pictures = Some(odd.into());
        let mut storage = Kept::default();
        prefs.save(&mut storage);
        assert_eq!(Prefs::load(Some(&storage)), changed());
    }

    #[test]
    fn long_folders_are_cut_at_their_start() {
        let folder = Recent::new(format!("/{}/end/a.ply", "x".repeat(80)).into()).folder();
        assert!(folder.starts_with('…') && folder.ends_with("/end") && folder.chars().count() == 41, "{folder}");
        assert_eq!(Recent::new("/data/a.ply".into()).folder(), "/data");
    }
}
