//! A trained scene as it will be stored: the integers that training has settled on, and the rest quantized for it.

use std::path::Path;

use serde_json::Value;

use super::Trainer;
use crate::archive::{Archive, ArchiveColumn, Codec as Stored, Quantize, Table};
use crate::atomic;
use crate::codec::{Codec, Coded, Linear};
use crate::error::Result;
use crate::params::Column;
use crate::schedule::Rounding;
use crate::settings::{RestCodec, Settings};

/// Bytes per splat that a file is planned with; the rest is seen to at the end.
const PLANNED_BYTES: f64 = 9.5;
/// How much smaller than asked for a file may be.
const TOLERANCE: f64 = 0.03;
/// Encodings tried to meet a size.
const MOST_TRIES: usize = 8;

/// How many splats a file of so many megabytes may hold.
pub(super) fn splats_for(megabytes: f32) -> usize {
    (f64::from(megabytes) * 1e6 / PLANNED_BYTES).max(1.0) as usize
}

impl Trainer {
    /// The scene as it is stored, or the part of it in `rows`. Columns whose rounding was trained keep the very integers
    /// that training saw.
    ///
    /// # Errors
    /// Device errors; those of [`Archive::quantize_with`].
    pub fn archive(&mut self, settings: &Settings, quality: f32, rows: Option<&[u32]>) -> Result<Archive> {
        let all = self.cloud()?;
        let cloud = rows.map(|rows| all.gather(rows)).unwrap_or(all);
        let phase = self.schedule.at(self.step.max(1)).finished();
        let (mut given, mut tables) = (Vec::new(), Vec::new());
        for column in self.params.columns() {
            let Some(coded) = column.coded.as_ref().filter(|_| phase.rounding(1) == Rounding::On) else { continue };
            let width = column.spec.width as usize;
            let mut stored = column.values.read(&self.gpu)?;
            if let Some(rows) = rows {
                let row = |&row: &u32| stored[row as usize * width..][..width].iter().copied();
                stored = rows.iter().flat_map(row).collect();
            }
            given.push(match &column.spec.codec {
                Codec::Plain => continue,
                Codec::Steps(_) => self.in_steps(column, coded, &stored)?,
                Codec::Linear(linear) => {
                    let table = self.decoder_table(column, coded, linear)?;
                    let codec = Stored::Linear { table: table.name.clone() };
                    tables.push(table);
                    let integers = stored.iter().map(|q| q.round_ties_even() as i32).collect();
                    ArchiveColumn::integers(column.spec.name, linear.width as usize, codec, width, integers)
                }
            });
        }
        if settings.codec.rest == RestCodec::Float {
            let rest = cloud.columns().into_iter().filter(|(name, ..)| given.iter().all(|column| column.name != *name));
            let rest: Vec<ArchiveColumn> =
                rest.map(|(name, width, values)| ArchiveColumn::floats(name, width, values.to_vec())).collect();
            given.extend(rest);
        }
        let mut archive = Archive::quantize_with(&cloud, &Quantize { quality }, given, tables)?;
        archive.meta.insert("program".into(), concat!("splat ", env!("CARGO_PKG_VERSION")).into());
        archive.meta.insert("recipe".into(), settings.train.recipe.as_str().into());
        archive.meta.insert("steps".into(), self.step.into());
        archive.meta.insert("seed".into(), settings.train.seed.into());
        archive.meta.insert("settings".into(), Value::String(settings.changes_to_toml()));
        Ok(archive)
    }

    /// Writes the scene compressed, of the size that was asked for if one was. Returns what a person should know.
    ///
    /// # Errors
    /// As [`Trainer::archive`]; [`crate::Error::Io`].
    pub fn write_archive(&mut self, path: &Path, settings: &Settings) -> Result<Option<String>> {
        let target = f64::from(settings.output.target_mb) * 1e6;
        let (bytes, doubt) = if target > 0.0 {
            self.fitted(settings, target)?
        } else {
            (self.archive(settings, settings.output.quality, None)?.to_bytes()?, None)
        };
        atomic::write(path, &bytes)?;
        Ok(doubt)
    }

    /// A file of `target` bytes, at most 3 % less: without its least influential splats if all are too many, and more
    /// finely quantized if there is room.
    fn fitted(&mut self, settings: &Settings, target: f64) -> Result<(Vec<u8>, Option<String>)> {
        let fits = |bytes: &[u8]| {
            let share = bytes.len() as f64 / target;
            (1.0 - TOLERANCE..=1.0).contains(&share)
        };
        let mut bytes = self.archive(settings, settings.output.quality, None)?.to_bytes()?;
        if bytes.len() as f64 > target {
            let influence = self.influence()?;
            let mut order: Vec<u32> = (0..influence.len() as u32).collect();
            order.sort_by(|&a, &b| influence[b as usize].total_cmp(&influence[a as usize]).then(a.cmp(&b)));
            let mut kept = order.len();
            for _ in 0..MOST_TRIES {
                kept = ((kept as f64 * (1.0 - 0.4 * TOLERANCE) * target / bytes.len() as f64) as usize)
                    .clamp(1, order.len());
                let mut rows = order[..kept].to_vec();
                rows.sort_unstable();
                bytes = self.archive(settings, settings.output.quality, Some(&rows))?.to_bytes()?;
                if fits(&bytes) {
                    break;
                }
            }
        } else if !fits(&bytes) {
            // Bytes grow with the logarithm of quality: halve the interval.
            let (mut low, mut high) = (settings.output.quality, 64.0_f32);
            for _ in 0..MOST_TRIES {
                let quality = (low * high).sqrt();
                let finer = self.archive(settings, quality, None)?.to_bytes()?;
                let is_too_large = finer.len() as f64 > target;
                *(if is_too_large { &mut high } else { &mut low }) = quality;
                if !is_too_large {
                    bytes = finer;
                }
                if fits(&bytes) {
                    break;
                }
            }
        }
        let doubt = (!fits(&bytes)).then(|| {
            format!(
                "the compressed file has {:.3} MB instead of {:.3}: {}",
                bytes.len() as f64 / 1e6,
                target / 1e6,
                if (bytes.len() as f64) < target {
                    "raise density.max_splats to use the room"
                } else {
                    "it holds one splat"
                }
            )
        });
        Ok((bytes, doubt))
    }

    fn in_steps(&self, column: &Column, coded: &Coded, stored: &[f32]) -> Result<ArchiveColumn> {
        let step = coded.table(&self.gpu)?.first().copied().unwrap_or(1.0);
        let width = column.spec.width as usize;
        let codec = Stored::Steps { steps: vec![step; width], zeros: vec![0.0; width] };
        let integers = stored.iter().map(|value| (value / step).round_ties_even() as i32).collect();
        Ok(ArchiveColumn::integers(column.spec.name, width, codec, width, integers))
    }

    /// The decoder in the order of the archive: a row per latent, then the biases.
    fn decoder_table(&self, column: &Column, coded: &Coded, linear: &Linear) -> Result<Table> {
        let (width, latents) = (linear.width as usize, linear.latents as usize);
        let table = coded.table(&self.gpu)?;
        let by_latent = (0..latents).flat_map(|j| (0..width).map(move |c| c * latents + j));
        let mut values: Vec<f32> = by_latent.map(|at| table[at]).collect();
        values.extend(&table[width * latents..]);
        Ok(Table { name: format!("{} decoder", column.spec.name), rows: latents + 1, width, values })
    }
}
