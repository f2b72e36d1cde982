//! What to do when no graphics adapter can be used: the window opens all the same and says how to get a driver.

use egui::{RichText, Ui};

/// One thing to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// For whom.
    pub(crate) when: &'static str,
    /// What to do.
    pub(crate) what: &'static str,
    /// A command that does it.
    pub(crate) command: Option<&'static str>,
}

const LINUX: &[Step] = &[
    Step {
        when: "Debian, Ubuntu",
        what: "Install the Vulkan drivers for AMD and Intel, with a software adapter for everything else:",
        command: Some("sudo apt install mesa-vulkan-drivers"),
    },
    Step {
        when: "Fedora",
        what: "Install the Vulkan drivers:",
        command: Some("sudo dnf install mesa-vulkan-drivers vulkan-loader"),
    },
    Step {
        when: "Arch",
        what: "Install the loader and a software adapter, and vulkan-radeon or vulkan-intel for the card:",
        command: Some("sudo pacman -S vulkan-icd-loader vulkan-swrast"),
    },
    Step { when: "NVIDIA", what: "Install the driver of NVIDIA from your distribution, then restart.", command: None },
    Step {
        when: "Containers",
        what: "Pass the card on (--device /dev/dri, or --gpus all), or install the software adapter inside.",
        command: None,
    },
];

const WINDOWS: &[Step] = &[
    Step {
        when: "Any card",
        what: "Install the newest driver from NVIDIA, AMD or Intel; the one of Windows Update may lack Vulkan.",
        command: None,
    },
    Step {
        when: "Without a card",
        what: "Windows has a software adapter for DirectX 12; install the optional feature Graphics Tools.",
        command: None,
    },
];

const MACOS: &[Step] = &[
    Step { when: "Any Mac", what: "Update macOS: Splat uses Metal, which macOS brings with it.", command: None },
    Step { when: "Virtual machines", what: "Turn on graphics acceleration for the machine.", command: None },
];

const OTHER: &[Step] =
    &[Step { when: "Any system", what: "Install a driver for Vulkan, with its loader.", command: None }];

/// What to try on an operating system, as [`std::env::consts::OS`] names it.
pub(crate) fn steps(os: &str) -> &'static [Step] {
    match os {
        "linux" => LINUX,
        "windows" => WINDOWS,
        "macos" => MACOS,
        _ => OTHER,
    }
}

/// Shows what is wrong and what to try.
pub(crate) fn show(ui: &mut Ui, problem: &str) {
    ui.heading("No graphics adapter can be used");
    ui.label(problem);
    ui.label("Splat trains and draws on a graphics card, or slowly on the processor; either needs a driver.");
    ui.add_space(8.0);
    for step in steps(std::env::consts::OS) {
        ui.strong(step.when);
        ui.label(step.what);
        if let Some(command) = step.command {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(command).code());
                let copy = ui.small_button("Copy").accessible_name(format!("Copy: {command}"));
                if copy.clicked() {
                    ui.ctx().copy_text(command.to_owned());
                }
            });
        }
        ui.add_space(6.0);
    }
    ui.weak("Then start Splat again. `splat info --gpu` lists the adapters it finds.");
}

#[cfg(test)]
mod tests {
    use super::steps;
    use egui::OutputCommand;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[test]
    fn every_system_has_something_to_try() {
        for os in ["linux", "windows", "macos", "freebsd"] {
            assert!(!steps(os).is_empty(), "{os}");
        }
        assert_ne!(steps("linux"), steps("windows"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn commands_can_be_copied() {
        let mut harness = Harness::builder()
            .with_size([700.0, 900.0])
            .build_ui(|ui| super::show(ui, "no Vulkan, Metal or DirectX 12 adapter was found"));
        harness.run();
        harness.get_by_label_contains("no Vulkan");
        harness.get_by_label("Copy: sudo apt install mesa-vulkan-drivers").click();
        let mut copied = false;
        for _ in 0..4 {
            harness.step();
            copied |= harness.output().platform_output.commands.iter().any(
                |command| matches!(command, OutputCommand::CopyText(text) if text.contains("mesa-vulkan-drivers")),
            );
        }
        assert!(copied);
    }
}
