//! A trained scene as it will be stored: the integers that training has settled on, and the rest quantized for it.

use serde_json::Value;

use super::Trainer;
use crate::archive::{Archive, ArchiveColumn, Codec as Stored, Quantize, Table};
use crate::codec::{Codec, Coded, Linear};
use crate::error::Result;
use crate::params::Column;
use crate::schedule::Rounding;
use crate::settings::{RestCodec, Settings};

impl Trainer {
    /// The scene as it is stored. Columns whose rounding was trained keep the very integers that training saw.
    ///
    /// # Errors
    /// Device errors; those of [`Archive::quantize_with`].
    pub fn archive(&mut self, settings: &Settings, quality: f32) -> Result<Archive> {
        let cloud = self.cloud()?;
        let phase = self.schedule.at(self.step.max(1)).finished();
        let (mut given, mut tables) = (Vec::new(), Vec::new());
        for column in self.params.columns() {
            let Some(coded) = column.coded.as_ref().filter(|_| phase.rounding(1) == Rounding::On) else { continue };
            let stored = column.values.read(&self.gpu)?;
            given.push(match &column.spec.codec {
                Codec::Plain => continue,
                Codec::Steps(_) => self.in_steps(column, coded, &stored)?,
                Codec::Linear(linear) => {
                    let table = self.decoder_table(column, coded, linear)?;
                    let codec = Stored::Linear { table: table.name.clone() };
                    tables.push(table);
                    let integers = stored.iter().map(|q| q.round_ties_even() as i32).collect();
                    let (name, width) = (column.spec.name, linear.width as usize);
                    ArchiveColumn::integers(name, width, codec, linear.latents as usize, integers)
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
        archive.meta.insert("recipe".into(), settings.train.recipe.as_str().into());
        archive.meta.insert("steps".into(), self.step.into());
        archive.meta.insert("seed".into(), settings.train.seed.into());
        archive.meta.insert("settings".into(), Value::String(settings.to_toml()));
        Ok(archive)
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
