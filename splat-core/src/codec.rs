//! How a column is stored: quantization as a property of the column, decided by a recipe, applied by the `decode` stage,
//! and known to nobody else.
//!
//! A plain column is stored as it is used. Coded columns are stored as numbers that will be rounded to integers in a
//! file, and training sees what rounding does to the picture: first as noise of the same size, later as rounding itself,
//! whose gradient passes unchanged (straight through). The few numbers that turn integers back into values, the
//! *decoder*, are shared by all rows and trained with them.

use bytemuck::{Pod, Zeroable};

use crate::error::Result;
use crate::gpu::{Buf, Gpu, Pass};
use crate::optim::{BETA1, BETA2, EPSILON, bias_correction};
use crate::params::{ChunkRange, Column, Params, RowBuf};
use crate::schedule::{Phase, Rounding};
use crate::stage::Scratch;

/// How a column is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Codec {
    /// As it is used.
    #[default]
    Plain,
    /// As itself, and rounded to multiples of one step for the whole column.
    Steps(Steps),
    /// As latents, of which the values are a linear function [Girish 2024, EAGLES].
    Linear(Linear),
}

/// One learned step for a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// The step at the start.
    pub step: f32,
    /// Learning rate of its logarithm.
    pub rate: f64,
    /// Weight of the mean number of bits per splat.
    pub bits_weight: f32,
}

/// A linear decoder for a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Latents per row.
    pub latents: u32,
    /// Values per row when decoded.
    pub width: u32,
    /// Whether the matrix is a fixed cosine basis times a learned gain per value, or learned throughout.
    pub gains: bool,
    /// The decoder at the start: gains and biases `[2, width]`, or matrix and biases `[width, latents]`, `[width]`.
    pub decoder: Vec<f32>,
    /// Its learning rate.
    pub rate: f64,
    /// The learning rate of latents is divided by the norm of the decoder, so that values move equally fast whatever
    /// the decoder's size [Girish 2024; static-quantized.md §2.2].
    pub normed: bool,
}

/// Rows are dealt to so many sums, which bounds the work of one invocation.
const STEP_BLOCKS: u32 = 1024;
const TABLE_BLOCKS: u32 = 256;
/// On CPUs few blocks suffice, and adding them up counts.
const TABLE_BLOCKS_SERIAL: u32 = 64;
/// Rows that an invocation decodes together on CPUs, where loading the decoder is most of the work.
const ROWS_SERIAL: u32 = 4;

fn table_blocks(gpu: &Gpu) -> u32 {
    if gpu.profile().serial_lanes { TABLE_BLOCKS_SERIAL } else { TABLE_BLOCKS }
}

fn rows_per_lane(gpu: &Gpu) -> u32 {
    if gpu.profile().serial_lanes { ROWS_SERIAL } else { 1 }
}
/// Share of the running mean of magnitudes kept at each update.
const MEMORY: f32 = 0.9;

impl Codec {
    /// Stored values per row, for `decoded` values per row.
    pub fn stored_width(&self, decoded: u32) -> u32 {
        match self {
            Codec::Plain | Codec::Steps(_) => decoded,
            Codec::Linear(linear) => linear.latents,
        }
    }

    /// Values per row when decoded, for `stored` values per row.
    pub fn decoded_width(&self, stored: u32) -> u32 {
        match self {
            Codec::Plain | Codec::Steps(_) => stored,
            Codec::Linear(linear) => linear.width,
        }
    }
}

/// A decoder on the device, and the values it gave.
#[derive(Debug)]
pub struct Coded {
    /// Decoded values. [N, decoded width]
    decoded: RowBuf<f32>,
    /// Their gradients, where they are not those of the stored values. [N, decoded width]
    grads: Option<RowBuf<f32>>,
    /// What is learned: see [`Linear::decoder`]; for steps the logarithm of the step.
    decoder: Buf<f32>,
    moments: Buf<[f32; 2]>,
    /// What kernels decode by: matrix and biases `[width, latents]`, `[width]`; or the step.
    table: Buf<f32>,
    /// Factor on the learning rate of the stored values, running means of the magnitudes of stored numbers.
    stats: Buf<f32>,
    parts: Buf<f32>,
    /// Stands in for the list of visible rows where that is not looked at.
    no_order: Buf<u32>,
    /// Whether stored values changed since they were decoded, for columns that are not updated in every step.
    stale: std::sync::atomic::AtomicBool,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct CodesUniform {
    rows: [u32; 4],
    update: u32,
    column: u32,
    _pad: [u32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct LearnUniform {
    rows: u32,
    rate: f32,
    epsilon: f32,
    memory: f32,
    beta1: f32,
    beta2: f32,
    bits_weight: f32,
    _pad: u32,
}

impl Coded {
    /// Buffers for a coded column; none for a plain one.
    pub(crate) fn new(
        gpu: &Gpu,
        codec: &Codec,
        stored: u32,
        rows: u64,
        rows_per_chunk: u64,
        trainable: bool,
    ) -> Option<Self> {
        let width = codec.decoded_width(stored);
        let (decoder, table, stats, parts, own_grads) = match codec {
            Codec::Plain => return None,
            Codec::Steps(steps) => (vec![steps.step.ln()], 1, 2, 2 * STEP_BLOCKS, false),
            Codec::Linear(linear) => {
                let table = width * (linear.latents + 1);
                let parts = table_blocks(gpu) * (table + linear.latents);
                (linear.decoder.clone(), table, 1 + linear.latents, parts, true)
            }
        };
        let row_buf = |label| RowBuf::new(gpu, label, rows, width, rows_per_chunk);
        Some(Coded {
            decoded: row_buf("decoded"),
            grads: (trainable && own_grads).then(|| row_buf("decoded grads")),
            moments: Buf::new(gpu, "decoder moments", decoder.len() as u64),
            decoder: Buf::from_slice(gpu, "decoder", &decoder),
            table: Buf::new(gpu, "decoder table", u64::from(table)),
            stats: Buf::new(gpu, "decoder stats", u64::from(stats)),
            parts: Buf::new(gpu, "decoder parts", if trainable { u64::from(parts) } else { 0 }),
            no_order: Buf::new(gpu, "no order", 4),
            stale: true.into(),
        })
    }

    /// Room for another number of rows; the decoder stays.
    pub(crate) fn resized(&self, gpu: &Gpu, rows: u64, width: u32, rows_per_chunk: u64) -> Self {
        let row_buf = |label| RowBuf::new(gpu, label, rows, width, rows_per_chunk);
        Coded {
            decoded: row_buf("decoded"),
            grads: self.grads.as_ref().map(|_| row_buf("decoded grads")),
            decoder: self.decoder.clone(),
            moments: self.moments.clone(),
            table: self.table.clone(),
            stats: self.stats.clone(),
            parts: self.parts.clone(),
            no_order: self.no_order.clone(),
            stale: true.into(),
        }
    }

    /// Decoded values.
    pub fn decoded(&self) -> &RowBuf<f32> {
        &self.decoded
    }

    /// Gradients of the decoded values, where they are not those of the stored ones.
    pub fn grads(&self) -> Option<&RowBuf<f32>> {
        self.grads.as_ref()
    }

    /// The factor on the learning rate of the stored values.
    pub(crate) fn rate_factor(&self) -> &Buf<f32> {
        &self.stats
    }

    /// What stored numbers are decoded by, and how large they are, for the rate loss.
    pub(crate) fn table_and_stats(&self) -> (&Buf<f32>, &Buf<f32>) {
        (&self.table, &self.stats)
    }

    /// Says that stored values changed outside of the optimizer.
    pub(crate) fn set_stale(&self) {
        self.stale.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Decoder, moments and running means, for checkpoints.
    pub(crate) fn state(&self, gpu: &Gpu) -> Result<[Vec<f32>; 3]> {
        Ok([self.decoder.read(gpu)?, self.moments.read(gpu)?.into_iter().flatten().collect(), self.stats.read(gpu)?])
    }

    /// Lengths of what [`Coded::state`] gives.
    pub(crate) fn state_lengths(&self) -> [u64; 3] {
        [self.decoder.len(), 2 * self.moments.len(), self.stats.len()]
    }

    /// Puts a state back.
    pub(crate) fn restore(&self, gpu: &Gpu, [decoder, moments, stats]: &[Vec<f32>; 3]) {
        self.decoder.write(gpu, 0, decoder);
        self.moments.cast::<f32>().write(gpu, 0, moments);
        self.stats.write(gpu, 0, stats);
        self.set_stale();
    }

    /// What stored numbers are decoded by: matrix and biases `[width, latents]`, `[width]`, or the step.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn table(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        self.table.read(gpu)
    }
}

/// The number that names a column's noise, equal on every machine.
fn noise_of(params: &Params, column: &Column) -> u32 {
    params.columns().iter().position(|other| std::ptr::eq(other, column)).unwrap_or(0) as u32
}

fn codes(rounding: Rounding) -> u32 {
    match rounding {
        Rounding::Off => 0,
        Rounding::Noise => 1,
        Rounding::On => 2,
    }
}

fn codes_uniform(params: &Params, column: &Column, phase: &Phase, chunk: &ChunkRange) -> CodesUniform {
    CodesUniform {
        rows: [chunk.first, chunk.rows, params.rows() as u32, column.spec.width],
        update: (phase.step.saturating_sub(1) / u64::from(column.spec.every)) as u32,
        column: noise_of(params, column),
        _pad: [0; 2],
    }
}

/// Records what follows from decoders that were restored, or never used.
pub(crate) fn refresh_tables(pass: &mut Pass<'_>, params: &Params) {
    for column in params.columns() {
        if let Some(coded) = &column.coded {
            learn(pass, params, column, coded, None);
        }
    }
}

/// Records the decoding of every coded column that this phase reads decoded and that changed.
pub fn decode(pass: &mut Pass<'_>, params: &Params, phase: &Phase) {
    use std::sync::atomic::Ordering::Relaxed;
    for column in params.columns() {
        let Some(coded) = &column.coded else { continue };
        let every = u64::from(column.spec.every);
        // Between two updates of a column its decoded values stay.
        let is_due = (phase.step.saturating_sub(1)).is_multiple_of(every);
        let is_stale = coded.stale.swap(false, Relaxed);
        if !is_stale && !is_due {
            continue;
        }
        pass.stage("decode.decode");
        if is_stale {
            // The table follows from the decoder, which may have been restored or never been used.
            learn(pass, params, column, coded, None);
        }
        let rounding = phase.rounding(column.spec.every);
        for chunk in params.chunks_of(column) {
            let uniform = codes_uniform(params, column, phase, &chunk);
            let buffers = [
                ("values", column.values.bind(&chunk)),
                ("table", coded.table.bind()),
                ("decoded", coded.decoded.bind(&chunk)),
            ];
            let gpu = pass.gpu();
            match &column.spec.codec {
                Codec::Plain => {}
                Codec::Steps(_) => {
                    if rounding == Rounding::Off {
                        continue;
                    }
                    let kernel = gpu.kernel("decode/steps", &[("CODES", codes(rounding))]);
                    let items = u64::from(chunk.rows) * u64::from(column.spec.width);
                    kernel.run(pass, gpu.profile().flat_groups(items), &uniform, &buffers);
                }
                Codec::Linear(linear) => {
                    let constants = [
                        ("WIDTH", linear.width),
                        ("LATENTS", linear.latents),
                        ("CODES", codes(rounding)),
                        ("ROWS", rows_per_lane(gpu)),
                    ];
                    let kernel = gpu.kernel("decode/linear", &constants);
                    let items = chunk.rows.div_ceil(rows_per_lane(gpu));
                    kernel.run(pass, gpu.profile().flat_groups(u64::from(items)), &uniform, &buffers);
                }
            }
        }
    }
}

/// Records the way back: from gradients of decoded values to those of stored values, and of decoders.
pub fn decode_bwd(pass: &mut Pass<'_>, params: &Params, phase: &Phase, scratch: &Scratch) {
    for column in params.columns() {
        let Some(coded) = &column.coded else { continue };
        if !phase.step.is_multiple_of(u64::from(column.spec.every)) {
            continue;
        }
        pass.stage("decode.decode_bwd");
        let gpu = pass.gpu();
        let rounding = phase.rounding(column.spec.every);
        match &column.spec.codec {
            Codec::Plain => {}
            Codec::Steps(_) => {
                if rounding == Rounding::Off {
                    continue;
                }
                let constants = [("BLOCKS", STEP_BLOCKS), ("WIDTH", column.spec.width), ("CODES", codes(rounding))];
                let kernel = gpu.kernel("decode/steps_bwd", &constants);
                for chunk in params.chunks_of(column) {
                    kernel.run(
                        pass,
                        gpu.profile().flat_groups(u64::from(STEP_BLOCKS)),
                        &codes_uniform(params, column, phase, &chunk),
                        &[
                            ("order", scratch.order.bind()),
                            ("values", column.values.bind(&chunk)),
                            ("table", coded.table.bind()),
                            ("grads", column.grads().bind(&chunk)),
                            ("parts", coded.parts.bind()),
                        ],
                    );
                }
            }
            Codec::Linear(linear) => {
                let Some(grad_decoded) = &coded.grads else { continue };
                let sizes = [("WIDTH", linear.width), ("LATENTS", linear.latents)];
                let [width, latents] = sizes;
                let back = gpu.kernel("decode/linear_bwd", &[width, latents, ("ROWS", rows_per_lane(gpu))]);
                let outputs = if linear.width.is_multiple_of(3) { 3 } else { 1 };
                let constants =
                    [width, latents, ("BLOCKS", table_blocks(gpu)), ("CODES", codes(rounding)), ("OUTPUTS", outputs)];
                let table = gpu.kernel("decode/table_bwd", &constants);
                for chunk in params.chunks_of(column) {
                    let uniform = codes_uniform(params, column, phase, &chunk);
                    back.run(
                        pass,
                        gpu.profile().flat_groups(params.rows()),
                        &uniform,
                        &[
                            ("order", scratch.order.bind()),
                            ("table", coded.table.bind()),
                            ("grad_decoded", grad_decoded.bind(&chunk)),
                            ("grads", column.grads().bind(&chunk)),
                        ],
                    );
                    let items = u64::from(table_blocks(gpu)) * u64::from((linear.width / outputs).max(linear.latents));
                    table.run(
                        pass,
                        gpu.profile().flat_groups(items),
                        &uniform,
                        &[
                            ("order", scratch.order.bind()),
                            ("values", column.values.bind(&chunk)),
                            ("grad_decoded", grad_decoded.bind(&chunk)),
                            ("parts", coded.parts.bind()),
                        ],
                    );
                }
            }
        }
    }
}

/// Records the update of every decoder that is due, and clears the gradients of decoded values.
pub(crate) fn learn_decoders(pass: &mut Pass<'_>, params: &Params, phase: &Phase, scratch: &Scratch) {
    for column in params.columns() {
        let Some(coded) = &column.coded else { continue };
        let is_due = phase.step.is_multiple_of(u64::from(column.spec.every));
        let learns = match column.spec.codec {
            Codec::Plain => false,
            Codec::Steps(_) => phase.rounding(column.spec.every) != Rounding::Off,
            Codec::Linear(_) => true,
        };
        if is_due && learns {
            pass.stage("optim.decoders");
            learn(pass, params, column, coded, Some((phase, scratch)));
            if let Some(grads) = &coded.grads {
                grads.clear(pass);
            }
        }
    }
}

/// One update of a decoder, or without a phase only of what follows from it.
fn learn(pass: &mut Pass<'_>, params: &Params, column: &Column, coded: &Coded, update: Option<(&Phase, &Scratch)>) {
    let gpu = pass.gpu();
    let count = update.map_or(1, |(phase, _)| phase.step / u64::from(column.spec.every)).max(1);
    let (rate, bits_weight) = match &column.spec.codec {
        Codec::Plain => return,
        Codec::Steps(steps) => (steps.rate, steps.bits_weight),
        Codec::Linear(linear) => (linear.rate, 0.0),
    };
    let uniform = LearnUniform {
        rows: params.rows() as u32,
        rate: (rate * bias_correction(count)) as f32,
        epsilon: (EPSILON * (1.0 - BETA2.powf(count as f64)).sqrt()) as f32,
        memory: MEMORY,
        beta1: BETA1 as f32,
        beta2: BETA2 as f32,
        bits_weight: bits_weight * column.spec.width as f32,
        _pad: 0,
    };
    let updates = ("UPDATES", u32::from(update.is_some()));
    let order = update.map_or(&coded.no_order, |(_, scratch)| &scratch.order);
    let kernel = match &column.spec.codec {
        Codec::Linear(linear) => gpu.kernel(
            "decode/learn_table",
            &[
                ("WIDTH", linear.width),
                ("LATENTS", linear.latents),
                ("BLOCKS", table_blocks(gpu)),
                ("GAINS", u32::from(linear.gains)),
                ("NORMED", u32::from(linear.normed)),
                updates,
            ],
        ),
        _ => gpu.kernel("decode/learn_steps", &[("WIDTH", column.spec.width), ("BLOCKS", STEP_BLOCKS), updates]),
    };
    kernel.run(
        pass,
        1,
        &uniform,
        &[
            ("order", order.bind()),
            ("parts", coded.parts.bind()),
            ("decoder", coded.decoder.bind()),
            ("moments", coded.moments.bind()),
            ("table", coded.table.bind()),
            ("stats", coded.stats.bind()),
        ],
    );
}

impl Linear {
    /// Latents whose decoded values are nearest to `values` and that are shortest among those, by the normal equations
    /// of the smaller side.
    ///
    /// `table` is what [`Coded::table`] gives. [N, width] → [N, latents]
    pub fn encode(&self, table: &[f32], values: &[f32]) -> Vec<f32> {
        let (width, latents) = (self.width as usize, self.latents as usize);
        let matrix = |c: usize, j: usize| f64::from(table[c * latents + j]);
        // q = Mᵀ (M Mᵀ)⁻¹ d for more latents than values, (Mᵀ M)⁻¹ Mᵀ d otherwise.
        let wide = latents >= width;
        let size = latents.min(width);
        let inner = |a: usize, b: usize| -> f64 {
            if wide {
                (0..latents).map(|j| matrix(a, j) * matrix(b, j)).sum()
            } else {
                (0..width).map(|c| matrix(c, a) * matrix(c, b)).sum()
            }
        };
        let mut gram: Vec<f64> = (0..size * size).map(|k| inner(k / size, k % size)).collect();
        let trace: f64 = (0..size).map(|k| gram[k * size + k]).sum();
        (0..size).for_each(|k| gram[k * size + k] += 1e-9 * trace.max(1e-30));
        let encode_row = |row: &[f32]| -> Vec<f32> {
            let offset: Vec<f64> =
                (0..width).map(|c| f64::from(row[c]) - f64::from(table[width * latents + c])).collect();
            let right: Vec<f64> = if wide {
                offset.clone()
            } else {
                (0..latents).map(|j| (0..width).map(|c| matrix(c, j) * offset[c]).sum()).collect()
            };
            let solved = solve(&gram, &right);
            if wide {
                (0..latents).map(|j| (0..width).map(|c| matrix(c, j) * solved[c]).sum::<f64>() as f32).collect()
            } else {
                solved.into_iter().map(|value| value as f32).collect()
            }
        };
        values.chunks_exact(width).flat_map(encode_row).collect()
    }
}

/// Solves a small symmetric positive definite system by elimination.
fn solve(matrix: &[f64], right: &[f64]) -> Vec<f64> {
    let n = right.len();
    let mut a = matrix.to_vec();
    let mut x = right.to_vec();
    for pivot in 0..n {
        let scale = a[pivot * n + pivot];
        for row in pivot + 1..n {
            let factor = a[row * n + pivot] / scale;
            for column in pivot..n {
                a[row * n + column] -= factor * a[pivot * n + column];
            }
            x[row] -= factor * x[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| a[row * n + column] * x[column]).sum();
        x[row] = (x[row] - known) / a[row * n + row];
    }
    x
}
