//! `splat`: train, judge, render and export 3D Gaussian splatting scenes from posed photos.
//!
//! The command line is under `cli`; everything it does is done by `splat-core`.

mod cli;
#[cfg(feature = "gui")]
mod gui;

use std::process::ExitCode;

fn main() -> ExitCode {
    quiet_mesa();
    cli::main()
}

/// Mesa complains twice on stderr when XDG_RUNTIME_DIR is missing, as it is in containers and over ssh,
/// although it needs it for nothing we do.
fn quiet_mesa() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: no other thread exists yet.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}
