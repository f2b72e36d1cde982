//! The bar at the bottom: what the mouse does on the left, numbers on the right, and what there is to know about the
//! program and the adapter behind a click.

use egui::{Align, Grid, Label, Layout, Popup, Ui};

use crate::cli::output::{bytes, thousands};

/// What the bar shows; what is not known is left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Status<'a> {
    /// What mouse and keys do now, or why the last shortcut did nothing.
    pub(crate) hint: &'a str,
    /// Work under way, such as reading a file.
    pub(crate) busy: Option<&'a str>,
    /// Name of the adapter.
    pub(crate) adapter: Option<&'a str>,
    /// What else is known about it, as name and value.
    pub(crate) details: &'a [(&'a str, String)],
    /// Pixels of the picture.
    pub(crate) resolution: Option<[u32; 2]>,
    /// Milliseconds the picture took.
    pub(crate) frame_ms: Option<f64>,
    /// Splats that are not deleted.
    pub(crate) splats: Option<usize>,
    /// Memory in use on the adapter.
    pub(crate) memory: Option<u64>,
}

/// Shows the bar.
pub(crate) fn show(ui: &mut Ui, status: &Status<'_>) {
    ui.horizontal(|ui| {
        // The numbers first, so that a long hint is cut and not they.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let adapter = status.adapter.unwrap_or("no adapter");
            let button = ui.small_button(adapter).on_hover_text("About Splat and the adapter");
            Popup::menu(&button).show(|ui| about(ui, status));
            let numbers = [
                status.memory.map(|memory| (bytes(memory), "Memory in use on the adapter")),
                status.splats.map(|splats| (format!("{} splats", thousands(splats as u64)), "Splats in the scene")),
                status.frame_ms.map(|ms| (milliseconds(ms), "Time to draw the picture")),
                status.resolution.map(|[width, height]| (format!("{width}×{height}"), "Pixels of the picture")),
            ];
            for (text, help) in numbers.into_iter().flatten() {
                ui.separator();
                ui.label(text).on_hover_text(help);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if let Some(busy) = status.busy {
                    ui.spinner();
                    ui.label(busy);
                }
                ui.add(Label::new(status.hint).truncate());
            });
        });
    });
}

fn milliseconds(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

fn about(ui: &mut Ui, status: &Status<'_>) {
    ui.set_min_width(280.0);
    ui.strong(concat!("Splat ", env!("CARGO_PKG_VERSION")));
    ui.weak(env!("CARGO_PKG_DESCRIPTION"));
    ui.weak(concat!("Free software: ", env!("CARGO_PKG_LICENSE")));
    ui.separator();
    Grid::new("about").num_columns(2).show(ui, |ui| {
        for (name, value) in status.details {
            ui.weak(*name);
            ui.label(value);
            ui.end_row();
        }
    });
    if ui.button("Copy for a report").clicked() {
        let mut text =
            format!("Splat {}, {} {}\n", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
        for (name, value) in status.details {
            text.push_str(&format!("{name}: {value}\n"));
        }
        ui.ctx().copy_text(text);
    }
}

#[cfg(test)]
mod tests {
    use super::Status;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[test]
    fn numbers_and_details_are_shown() {
        let mut harness = Harness::new_ui(|ui| {
            let details = [("Driver", "Mesa 25".to_owned()), ("Profile", "cpu8".to_owned())];
            let status = Status {
                hint: "Orbit: left drag",
                busy: Some("Reading garden.ply"),
                adapter: Some("llvmpipe"),
                details: &details,
                resolution: Some([1280, 720]),
                frame_ms: Some(4.26),
                splats: Some(1_234_567),
                memory: Some(5 << 29),
            };
            super::show(ui, &status);
        });
        harness.run_ok();
        for text in ["Orbit: left drag", "Reading garden.ply", "1280×720", "4.3 ms", "1,234,567 splats", "2.50 GiB"] {
            harness.get_by_label(text);
        }
        harness.get_by_label("llvmpipe").click();
        harness.run_ok();
        harness.get_by_label("Mesa 25");
        harness.get_by_label_contains(env!("CARGO_PKG_VERSION"));
        harness.get_by_label("Copy for a report");
    }

    #[test]
    fn nothing_known_leaves_only_the_hint() {
        let mut harness = Harness::builder()
            .with_size([260.0, 40.0])
            .build_ui(|ui| super::show(ui, &Status { hint: "Drop a folder", ..Status::default() }));
        harness.run();
        harness.get_by_label("Drop a folder");
        harness.get_by_label("no adapter");
        assert!(harness.query_by_label_contains("splats").is_none());
    }
}
