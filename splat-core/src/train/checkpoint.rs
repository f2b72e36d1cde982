//! A trainer on disk: the step, the columns with their moments, and what density control has seen.
//!
//! Layout, little-endian: magic, version, step, rows, rows of the head, number of columns; per column name, width,
//! values, moments, and for coded columns the decoder, its moments, its statistics; last updates by clock; statistics;
//! per loss the length of its state and that; SHA-256 of everything before. Everything else follows from settings and
//! data set, which the run folder holds.

use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Trainer;
use crate::codec::Coded;
use crate::density::Observation;
use crate::error::{Error, Result};
use crate::params::Params;

const MAGIC: &[u8; 8] = b"SPLATCKP";
const VERSION: u32 = 4;
/// No adapter trains more; a header that says so is damaged.
const MOST_ROWS: u64 = 1 << 31;
/// Most numbers per splat that a loss keeps; again, more is damage.
const MOST_STATE: u64 = 16;

fn damaged(problem: impl Into<String>) -> Error {
    Error::input(Path::new("checkpoint"), problem, "delete this checkpoint; an earlier one will be used")
}

struct Sealed<'a> {
    to: &'a mut dyn Write,
    hash: Sha256,
}

impl Sealed<'_> {
    fn put<T: bytemuck::Pod>(&mut self, values: &[T]) -> Result<()> {
        let bytes = bytemuck::cast_slice(values);
        self.hash.update(bytes);
        self.to.write_all(bytes).map_err(|source| Error::io(Path::new("checkpoint"), "write", source))
    }
}

struct Opened<'a> {
    from: &'a mut dyn Read,
    hash: Sha256,
}

impl Opened<'_> {
    fn take<T: bytemuck::Pod>(&mut self, count: u64) -> Result<Vec<T>> {
        // Grows with what is really there, whatever the header claims.
        let wanted = count * size_of::<T>() as u64;
        let mut bytes = Vec::new();
        let got = Read::take(&mut *self.from, wanted)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::io(Path::new("checkpoint"), "read", source))?;
        if got as u64 != wanted {
            return Err(damaged(format!("ends after {got} of {wanted} bytes of a block")));
        }
        self.hash.update(&bytes);
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    fn number<T: bytemuck::Pod>(&mut self) -> Result<T> {
        self.take::<T>(1)?.first().copied().ok_or_else(|| damaged("is empty"))
    }
}

impl Trainer {
    /// Writes the state after the last step.
    ///
    /// # Errors
    /// Device and write errors.
    pub fn save(&mut self, to: &mut dyn Write) -> Result<()> {
        self.land_all()?;
        let mut file = Sealed { to, hash: Sha256::new() };
        file.put(MAGIC)?;
        file.put(&[VERSION])?;
        file.put(&[self.step, self.params.rows(), self.params.head(), self.params.columns().len() as u64])?;
        for column in self.params.columns() {
            let mut name = [0_u8; 32];
            name[..column.spec.name.len()].copy_from_slice(column.spec.name.as_bytes());
            file.put(&name)?;
            file.put(&[column.spec.width])?;
            file.put(&column.values.read(&self.gpu)?)?;
            if let Some(training) = &column.training {
                file.put(&training.moments.read(&self.gpu)?)?;
            }
            if let Some(coded) = &column.coded {
                for part in coded.state(&self.gpu)? {
                    file.put(&part)?;
                }
            }
        }
        for clock in self.params.clocks() {
            file.put(&clock.last.read(&self.gpu)?)?;
        }
        file.put(&self.observation.values(&self.gpu)?)?;
        for loss in &self.losses {
            let state = loss.state();
            file.put(&[state.len() as u64])?;
            file.put(&state)?;
        }
        let seal = file.hash.finalize();
        to.write_all(&seal).map_err(|source| Error::io(Path::new("checkpoint"), "write", source))
    }

    /// Puts a saved state back. On an error the trainer is as it was before.
    ///
    /// # Errors
    /// [`Error::Input`] for a damaged file or one of another recipe.
    pub fn restore(&mut self, from: &mut dyn Read) -> Result<()> {
        self.land_all()?;
        let mut file = Opened { from, hash: Sha256::new() };
        if file.take::<u8>(8)? != MAGIC {
            return Err(damaged("is not a checkpoint"));
        }
        let version = file.number::<u32>()?;
        if version != VERSION {
            return Err(damaged(format!("has version {version}, this program reads {VERSION}")));
        }
        let (step, rows) = (file.number::<u64>()?, file.number::<u64>()?);
        let (head, columns) = (file.number::<u64>()?, file.number::<u64>()?);
        if rows > MOST_ROWS
            || head > rows
            || step > self.schedule.steps
            || columns != self.params.columns().len() as u64
        {
            return Err(damaged(format!("claims step {step}, {rows} splats, {columns} columns")));
        }
        let mut loaded = Vec::new();
        for column in self.params.columns() {
            let name = file.take::<u8>(32)?;
            let width = file.number::<u32>()?;
            let found = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
            if found != column.spec.name || width != column.spec.width {
                return Err(damaged(format!(
                    "has column {found} of width {width} where {} of width {} was expected",
                    column.spec.name, column.spec.width
                )));
            }
            let held = if column.spec.head { head } else { rows };
            let values = file.take::<f32>(held * u64::from(width))?;
            let moments = file.take::<[f32; 2]>(held * u64::from(width))?;
            let mut coded = [Vec::new(), Vec::new(), Vec::new()];
            if let Some(lengths) = column.coded.as_ref().map(Coded::state_lengths) {
                for (part, length) in coded.iter_mut().zip(lengths) {
                    *part = file.take::<f32>(length)?;
                }
            }
            loaded.push((values, moments, coded));
        }
        let mut clocks = Vec::new();
        for _ in self.params.clocks() {
            clocks.push(file.take::<u32>(rows)?);
        }
        let statistics = file.take::<f32>(3 * rows)?;
        let mut states = Vec::new();
        for loss in &self.losses {
            let length = file.number::<u64>()?;
            if length > MOST_STATE * rows {
                return Err(damaged(format!("claims {length} numbers of the {} loss", loss.name())));
            }
            states.push(file.take::<u32>(length)?);
        }
        let expected = file.hash.clone().finalize();
        if file.take::<u8>(32)? != expected.as_slice() {
            return Err(damaged("does not match its checksum"));
        }
        for (loss, state) in self.losses.iter_mut().zip(&states) {
            loss.restore(&self.gpu, state)?;
        }
        self.params = Params::with_head(&self.gpu, super::columns(&self.model, self.batch), rows, head, true);
        self.births = vec![step as u32; rows as usize];
        for (column, (values, moments, state)) in self.params.columns().iter().zip(&loaded) {
            column.values.write(&self.gpu, values);
            if let Some(training) = &column.training {
                training.moments.write(&self.gpu, moments);
            }
            if let Some(coded) = &column.coded {
                coded.restore(&self.gpu, state);
            }
        }
        for (clock, last) in self.params.clocks().iter().zip(&clocks) {
            clock.last.write(&self.gpu, 0, last);
        }
        self.observation = Observation::new(&self.gpu, rows);
        self.observation.restore(&self.gpu, &statistics);
        self.capacity.rows = self.capacity.rows.max(rows);
        self.scratch = None;
        self.step = step;
        self.gpu.check()
    }
}
