//! `splat completions` and `splat man`, both generated from the argument definitions.

use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Args;
use super::output;

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "splat", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Prints the first manual page, or writes all of them.
pub(crate) fn pages(folder: Option<&Path>) -> Result<u8> {
    if let Some(folder) = folder {
        let write = || {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(Args::command(), folder)
        };
        write().with_context(|| format!("{}: cannot write manual pages", folder.display()))?;
        return Ok(0);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page)?;
    output::print(&String::from_utf8_lossy(&page))?;
    Ok(0)
}
