//! The window. `app.rs` holds the state and carries out [`action::Action`]s; everything else either makes actions
//! (menus, panels, shortcuts), shows state (panels, overlays), or works on threads of its own (worker, jobs, session).
//!
//! The window's thread only draws and listens: reading files, drawing splats and training happen elsewhere.

mod action;
mod app;
mod commands;
mod compare;
mod dialogs;
mod display;
mod export_dialog;
mod files;
mod guard;
mod jobs;
mod loss;
mod menu;
mod nav;
mod no_adapter;
mod open;
mod overlay;
mod painter;
mod palette;
mod panels;
mod parts;
mod prefs;
mod running;
mod scores;
mod shortcuts;
mod status;
mod tasks;
mod theme;
mod thumbnails;
mod timeline;
mod toasts;
mod training;
#[cfg(test)]
mod walk;
mod welcome;
mod worker;

use anyhow::{Result, anyhow};
use splat_core::Error;
use splat_core::gpu::GpuOptions;

use crate::cli::args::ViewArgs;
use app::App;

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When the system has no display, or no adapter that can show a window.
pub(crate) fn run(args: &ViewArgs) -> Result<u8> {
    if cfg!(target_os = "linux")
        && ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].iter().all(|name| std::env::var_os(name).is_none())
    {
        let problem = "no display: neither WAYLAND_DISPLAY nor DISPLAY is set".into();
        let remedy = "start it from a desktop, or use a command such as `splat train` (see `splat --help`)".into();
        return Err(Error::Settings { problem, remedy }.into());
    }
    let profile = args.gpu.profile.clone().filter(|profile| profile != "auto");
    let gpu = GpuOptions { adapter: args.gpu.device.clone(), profile, ..GpuOptions::default() };
    let open = args.target.clone();
    let loss = loss::Loss::from_env()?;
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Splat")
            .with_app_id("splat")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([720.0, 480.0])
            .with_drag_and_drop(true),
        renderer: eframe::Renderer::Wgpu,
        // Costs a software adapter time for every pixel, and nothing here has gradients that would show bands.
        dithering: false,
        ..eframe::NativeOptions::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |context| {
        let app = App::new(&context.egui_ctx, context.storage, gpu)?;
        let app = match &context.wgpu_render_state {
            Some(state) => app.drawn_by(state),
            None => app,
        };
        let app = match loss {
            Some(loss) => app.losing(loss),
            None => app,
        };
        Ok(Box::new(match open {
            Some(path) => app.opening(path),
            None => app,
        }))
    });
    eframe::run_native("splat", options, create).map_err(|error| match error {
        eframe::Error::Wgpu(error) => Error::NoAdapter {
            problem: format!("no adapter can show a window: {error}"),
            remedy: "install a graphics driver, then run `splat info --gpu`".into(),
        }
        .into(),
        error => anyhow!("cannot open a window: {error}"),
    })?;
    Ok(0)
}
