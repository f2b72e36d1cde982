//! `splat settings`: the settings table for people, as text, Markdown or TOML.

use anyhow::Result;
use splat_core::settings::Settings;

use super::args::SettingsArgs;
use super::output;

/// Prints the table.
pub(crate) fn run(args: &SettingsArgs) -> Result<u8> {
    let settings = Settings::resolve(&args.preset, None, &[])?;
    output::print(&match (args.markdown, args.toml) {
        (true, _) => as_markdown(&settings),
        (_, true) => settings.to_toml(),
        _ => as_text(&settings),
    })?;
    Ok(0)
}

/// Two lines per setting.
fn as_text(settings: &Settings) -> String {
    let mut text = String::new();
    for (section, rows) in settings.sections() {
        text.push_str(&format!("[{}] {}\n", section.name, section.about.trim()));
        for (field, value) in rows {
            let (key, allowed) = (field.key(), field.allowed());
            text.push_str(&format!("  {key} = {value}  {allowed}\n      {}\n", field.doc.trim()));
        }
    }
    text.push_str("Presets (--preset NAME):\n");
    for preset in Settings::PRESETS {
        text.push_str(&format!("  {:<8} {}\n", preset.name, preset.about()));
    }
    text
}

/// A table per section.
fn as_markdown(settings: &Settings) -> String {
    let mut text = String::from(
        "# Settings\n\nWritten by `splat settings --markdown`. Set any of them with `--set section.key=value` or in a \
         TOML file given to `--config`.\n",
    );
    for (section, rows) in settings.sections() {
        text.push_str(&format!("\n## {}\n\n{}\n\n", section.name, section.about.trim()));
        text.push_str("| key | default | allowed | meaning |\n|---|---|---|---|\n");
        for (field, value) in rows {
            // A bar would end the cell.
            let (key, allowed) = (field.key(), field.allowed().replace('|', "\\|"));
            text.push_str(&format!("| `{key}` | `{value}` | {allowed} | {} |\n", field.doc.trim()));
        }
    }
    text.push_str("\n## Presets\n\n| preset | meaning |\n|---|---|\n");
    for preset in Settings::PRESETS {
        text.push_str(&format!("| `{}` | {} |\n", preset.name, preset.about()));
    }
    text
}
