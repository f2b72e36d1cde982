//! `splat`: train, judge, render and export 3D Gaussian splatting scenes from posed photos.
//!
//! The command line is under `cli`; everything it does is done by `splat-core`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
