//! The flags of `splat export`.

use std::path::PathBuf;

use splat_core::formats::{FORMATS, FormatRow};

use super::GpuArgs;

/// Write a scene as a file that other viewers open.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Formats:\n{}\nExamples:
  splat export runs/fox fox.ply
  splat export fox.ply small.ply --sh-degree 0 --check
  splat export runs/fox fine.splatz --quality 2 --check
  splat export runs/dance dance.splatv --check
  splat export runs/dance frames/dance.ply --frames 120", writable()))]
pub(crate) struct ExportArgs {
    /// A run folder or a splat file of any readable format.
    #[arg(value_name = "RUN|FILE")]
    pub(crate) target: PathBuf,
    /// The file to write; its extension chooses the format.
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Replace the file.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Highest degree of view-dependent colour to keep, 0 to 3.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=3), default_value = "3")]
    pub(crate) sh_degree: u8,
    /// Version of the SPZ format, 3 or 4.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(3..=4), default_value = "3")]
    pub(crate) spz_version: u8,
    /// Rounds of clustering for the view-dependent colours of SOG, 1 to 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100), default_value = "10")]
    pub(crate) sog_sh_iters: u32,
    /// How finely .splatz quantizes, from 0.0625 to 64; every step is inversely proportional to it. The integers that a
    /// run was trained with stay as they are.
    #[arg(long, value_name = "Q", value_parser = quality)]
    pub(crate) quality: Option<f32>,
    /// Write a scene that moves as it is at a time, 0 to 1 for its first to its last photo. Formats that cannot hold
    /// motion get time 0 without it.
    #[arg(long, value_name = "T", value_parser = time, conflicts_with = "frames")]
    pub(crate) time: Option<f64>,
    /// Write a scene that moves as so many files, OUT_0000 and so on, each as it is at one time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000), conflicts_with = "check")]
    pub(crate) frames: Option<u32>,
    /// Render the written file and what it was written from, and print how much they differ.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,
}

fn time(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|time| (0.0..=1.0).contains(time)).ok_or_else(|| "choose one from 0 to 1".to_owned())
}

fn quality(text: &str) -> Result<f32, String> {
    let range = 1.0 / 16.0..=64.0;
    text.parse().ok().filter(|value| range.contains(value)).ok_or_else(|| "choose one from 0.0625 to 64".to_owned())
}

/// The formats that can be written, a line each.
fn writable() -> String {
    let row = |row: &FormatRow| format!("  .{:<14} {}: {}\n", row.extensions[0], row.name, row.about);
    FORMATS.iter().filter(|row| row.write.is_some()).map(row).collect()
}
