//! Everything trainable: a table of named columns, one row per splat.
//!
//! Optimizer, density control, checkpoints and exporters loop over columns and know no method by
//! name. The population changes in one way only, by [`Params::apply`] of a [`RowEdit`]: new row *i*
//! copies old row `src[i]`, values and optimizer moments alike.
//!
//! A column is stored in chunks of rows when it is larger than one binding of the adapter may be. Some columns only the
//! first rows have, the head of the table: what most splats would hold as zeros costs the others nothing.

mod edit;

use sha2::{Digest, Sha256};

use crate::codec::{Codec, Coded, refresh_tables};
use crate::error::Result;
use crate::gpu::{Binding, Buf, Gpu, Pass, Readback};
use crate::scene::SplatCloud;
use crate::schedule::{Phase, Rate, Rounding};

pub use edit::{ColumnWrite, RowEdit};

/// SHA-256 over columns in the order of the table: their names and values.
#[derive(Default)]
pub(crate) struct ColumnHash(Sha256);

impl ColumnHash {
    /// Adds a whole column.
    pub(crate) fn add(&mut self, name: &str, values: &[f32]) {
        self.0.update(name);
        self.0.update(bytemuck::cast_slice(values));
    }

    /// The hash so far, in hexadecimal.
    pub(crate) fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// SHA-256 over the values of all columns of finished splats, equal to that of the table that trained them
/// ([`Trainer::params_sha256`](crate::train::Trainer::params_sha256)).
pub fn params_sha256(cloud: &SplatCloud) -> String {
    let mut hash = ColumnHash::default();
    for (name, _, values) in cloud.columns() {
        hash.add(name, values);
    }
    hash.hex()
}

/// What a stage asks for when it adds a column.
#[derive(Clone, Debug)]
pub struct ColumnSpec {
    /// Name, as used in files and edits.
    pub name: &'static str,
    /// Stored values per splat.
    pub width: u32,
    /// How values are stored.
    pub codec: Codec,
    /// Learning rate over the run.
    pub rate: Rate,
    /// How many leading values of a row are trained in a phase.
    pub active: fn(&Phase, u32) -> u32,
    /// The column is updated in every so-many-th step; its moments count those only.
    pub every: u32,
    /// Whether gradients also arrive for rows that no view shows, so that no step may be skipped.
    pub dense: bool,
    /// Whether only the rows of the head have it ([`Params::head`]); the others are as if it were zero.
    pub head: bool,
    /// Values are drawn to zero by this share of the learning rate in every update. Adam moves a value by the mean of its
    /// gradient over their root mean square: where that is less, the value stays zero.
    pub shrink: f32,
}

impl ColumnSpec {
    /// Values per splat when decoded.
    pub fn decoded_width(&self) -> u32 {
        self.codec.decoded_width(self.width)
    }
}

/// Kernels may read and write rows by so many: four rows of any width are whole vectors of four.
pub const ROW_BLOCK: u64 = 4;

/// Rows of equal width in one or more buffers, each with room for whole blocks of rows.
#[derive(Clone, Debug)]
pub struct RowBuf<T> {
    chunks: Vec<Buf<T>>,
    rows_per_chunk: u64,
    rows: u64,
    width: u32,
}

impl<T: bytemuck::Pod> RowBuf<T> {
    /// Allocates zeroed rows.
    pub fn new(gpu: &Gpu, label: &str, rows: u64, width: u32, rows_per_chunk: u64) -> Self {
        let count = rows.div_ceil(rows_per_chunk).max(1);
        let chunk = |index: u64| {
            let chunk_rows = rows_per_chunk.min(rows - index * rows_per_chunk);
            let room = chunk_rows.next_multiple_of(ROW_BLOCK) * u64::from(width);
            Buf::with_room(gpu, label, chunk_rows * u64::from(width), room)
        };
        let chunks = (0..count).map(chunk).collect();
        RowBuf { chunks, rows_per_chunk, rows, width }
    }

    /// One chunk as a kernel argument.
    pub fn bind(&self, chunk: &ChunkRange) -> Binding<'_> {
        self.chunks[chunk.index].bind()
    }

    /// One chunk as a kernel argument; the last where there are fewer, for kernels that know from
    /// [`RowBuf::rows_in`] that none of its rows is meant.
    pub fn bind_head(&self, chunk: &ChunkRange) -> Binding<'_> {
        self.chunks[chunk.index.min(self.chunks.len() - 1)].bind()
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The rows of a chunk of the table that are among these, the first of that chunk.
    pub fn rows_in(&self, chunk: &ChunkRange) -> u32 {
        self.rows.saturating_sub(u64::from(chunk.first)).min(u64::from(chunk.rows)) as u32
    }

    /// Records a copy of the rows from `first` on into the same rows of `to`, which is cut into the same chunks.
    pub fn copy_from_row(&self, pass: &mut Pass<'_>, to: &RowBuf<T>, first: u64) {
        for chunk in chunk_ranges(self.rows, self.rows_per_chunk) {
            let before = first.saturating_sub(u64::from(chunk.first)).min(u64::from(chunk.rows));
            let width = u64::from(self.width);
            let range = before * width..u64::from(chunk.rows) * width;
            pass.copy_range(&self.chunks[chunk.index], &to.chunks[chunk.index], range);
        }
    }

    /// Records the clearing of all rows.
    pub fn clear(&self, pass: &mut Pass<'_>) {
        for chunk in &self.chunks {
            pass.clear(chunk);
        }
    }

    /// Writes all rows.
    pub fn write(&self, gpu: &Gpu, values: &[T]) {
        let per_chunk = (self.rows_per_chunk * u64::from(self.width)) as usize;
        for (chunk, part) in self.chunks.iter().zip(values.chunks(per_chunk)) {
            chunk.write(gpu, 0, part);
        }
    }

    /// Records a copy of all rows to the host.
    pub fn begin_read(&self, gpu: &Gpu) -> Readback {
        self.begin_read_head(gpu, self.rows)
    }

    /// Records a copy of the first `rows` rows to the host, or of all if there are fewer.
    pub fn begin_read_head(&self, gpu: &Gpu, rows: u64) -> Readback {
        let bytes = u64::from(self.width) * size_of::<T>() as u64;
        let pieces = chunk_ranges(rows.min(self.rows), self.rows_per_chunk)
            .map(|range| (self.chunks[range.index].raw(), 0, u64::from(range.rows) * bytes));
        Readback::begin(gpu, &pieces.collect::<Vec<_>>())
    }

    /// Reads all rows back.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn read(&self, gpu: &Gpu) -> Result<Vec<T>> {
        self.begin_read(gpu).finish(gpu)
    }
}

/// The rows of one chunk.
#[derive(Clone, Copy, Debug)]
pub struct ChunkRange {
    /// Number of the chunk.
    pub index: usize,
    /// First row.
    pub first: u32,
    /// Rows in the chunk.
    pub rows: u32,
}

/// Gradient and optimizer state of a column.
#[derive(Debug)]
pub struct Training {
    /// Gradients, added to by backward stages, cleared by the optimizer. [N, width]
    pub grads: RowBuf<f32>,
    /// Adam's m and v, side by side. [N, width, 2]
    pub moments: RowBuf<[f32; 2]>,
}

/// One trainable quantity.
#[derive(Debug)]
pub struct Column {
    /// Name, width, rate.
    pub spec: ColumnSpec,
    /// Stored values. [N, width]
    pub values: RowBuf<f32>,
    /// Absent when the table is only rendered.
    pub training: Option<Training>,
    /// Decoded values; absent for plain columns, which are their own decoding.
    pub coded: Option<Coded>,
}

/// How far rows have been brought, for the columns that are updated together.
#[derive(Debug)]
pub struct Clock {
    /// Steps from one update to the next.
    pub every: u32,
    /// Number of the last update of each row, counted in updates. [N]
    pub last: Buf<u32>,
}

/// The table of columns.
#[derive(Debug)]
pub struct Params {
    columns: Vec<Column>,
    rows: u64,
    head: u64,
    rows_per_chunk: u64,
    clocks: Vec<Clock>,
}

const NEW_ROW_FRESH: u32 = 0x8000_0000;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct GatherUniform {
    new_first: u32,
    new_rows: u32,
    old_first: u32,
    old_rows: u32,
    width: u32,
    restart_fresh: u32,
    fresh_value: u32,
    _pad: u32,
}

impl Params {
    /// Allocates a table of zeros; `trainable` adds gradients and moments. All rows are of the head.
    pub fn new(gpu: &Gpu, specs: Vec<ColumnSpec>, rows: u64, trainable: bool) -> Self {
        Self::with_head(gpu, specs, rows, rows, trainable)
    }

    /// Allocates a table of zeros of which the first `head` rows have all columns.
    ///
    /// # Panics
    /// When the head is longer than the table: a bug of ours.
    pub fn with_head(gpu: &Gpu, specs: Vec<ColumnSpec>, rows: u64, head: u64, trainable: bool) -> Self {
        assert!(head <= rows, "a head of {head} rows in a table of {rows}");
        // The widest thing a kernel binds of a column is its moments.
        let per_value = if trainable { 8 } else { 4 };
        let bytes = |spec: &ColumnSpec| u64::from(spec.width * per_value).max(4 * u64::from(spec.decoded_width()));
        let bytes_per_row = specs.iter().map(bytes).max().unwrap_or(4);
        let fitting = gpu.info().max_binding_bytes / bytes_per_row;
        let rows_per_chunk = (fitting / ROW_BLOCK * ROW_BLOCK).max(ROW_BLOCK);
        let mut periods: Vec<u32> = specs.iter().map(|spec| spec.every).collect();
        periods.sort_unstable();
        periods.dedup();
        let clocks =
            periods.into_iter().map(|every| Clock { every, last: Buf::new(gpu, "last update", rows) }).collect();
        let rows_of = |spec: &ColumnSpec| if spec.head { head } else { rows };
        let columns =
            specs.into_iter().map(|spec| Column::new(gpu, rows_of(&spec), spec, rows_per_chunk, trainable)).collect();
        Params { columns, rows, head, rows_per_chunk, clocks }
    }

    /// Number of splats.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that have all columns; they come first.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// All columns, in a fixed order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// A column by name.
    ///
    /// # Panics
    /// When no stage added it: a bug of ours.
    pub fn column(&self, name: &str) -> &Column {
        self.columns.iter().find(|column| column.spec.name == name).unwrap_or_else(|| panic!("no column {name}"))
    }

    /// Rows of a full chunk; per-row buffers that are bound next to columns use the same.
    pub fn rows_per_chunk(&self) -> u64 {
        self.rows_per_chunk
    }

    /// The clocks columns run on.
    pub fn clocks(&self) -> &[Clock] {
        &self.clocks
    }

    /// The clock of columns that are updated in every `every`-th step.
    ///
    /// # Panics
    /// When no column runs on it: a bug of ours.
    pub fn clock(&self, every: u32) -> &Clock {
        self.clocks.iter().find(|clock| clock.every == every).unwrap_or_else(|| panic!("no clock of {every} steps"))
    }

    /// Says that every row has been brought up to `step`.
    pub fn set_clocks(&self, gpu: &Gpu, step: u64) {
        for clock in &self.clocks {
            let updates = (step / u64::from(clock.every)) as u32;
            clock.last.write(gpu, 0, &vec![updates; self.rows as usize]);
        }
    }

    /// Decoded values as a column stores them, by its decoder as it is now.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub(crate) fn encode(&self, gpu: &Gpu, name: &str, decoded: &[f32]) -> Result<Vec<f32>> {
        let column = self.column(name);
        match (&column.spec.codec, &column.coded) {
            (Codec::Linear(linear), Some(coded)) => {
                let mut pass = Pass::new(gpu, "params.encode");
                refresh_tables(&mut pass, self);
                pass.submit();
                Ok(linear.encode(&coded.table(gpu)?, decoded))
            }
            _ => Ok(decoded.to_vec()),
        }
    }

    /// Whether a column exists.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.spec.name == name)
    }

    /// The row ranges kernels are dispatched for.
    pub fn chunks(&self) -> impl Iterator<Item = ChunkRange> + use<> {
        chunk_ranges(self.rows, self.rows_per_chunk)
    }

    /// The row ranges of one column.
    pub fn chunks_of(&self, column: &Column) -> impl Iterator<Item = ChunkRange> + use<> {
        chunk_ranges(column.values.rows, self.rows_per_chunk)
    }

    /// Changes the population: values and moments move together, fresh rows lose their moments. Rows of the head come
    /// first before and after.
    ///
    /// `step` is the step up to which all rows are settled.
    ///
    /// # Panics
    /// When the edit is not valid for this table: a bug of ours.
    pub fn apply(&mut self, gpu: &Gpu, edit: &RowEdit, step: u64) {
        let head = edit.src.iter().filter(|&&row| u64::from(row) < self.head).count() as u64;
        self.apply_with_head(gpu, edit, head, step);
    }

    /// As [`Params::apply`], and only the first `head` of the new rows are of the head.
    ///
    /// # Panics
    /// When the edit is not valid for this table: a bug of ours.
    pub fn apply_with_head(&mut self, gpu: &Gpu, edit: &RowEdit, head: u64, step: u64) {
        let width_of = |name: &str| {
            self.columns.iter().find(|column| column.spec.name == name).map(|column| column.spec.width as usize)
        };
        assert!(edit.is_valid(self.rows as usize, width_of), "invalid row edit");
        let of_head = edit.src.iter().take_while(|&&row| u64::from(row) < self.head).count() as u64;
        assert!(head <= of_head, "a head of {head} rows, of which {of_head} come from one");
        let table_rows = edit.src.len() as u64;
        let packed: Vec<u32> = edit
            .src
            .iter()
            .zip(&edit.fresh)
            .map(|(&row, &fresh)| row | if fresh { NEW_ROW_FRESH } else { 0 })
            .collect();
        let src = Buf::from_slice(gpu, "src", &packed);
        let (old_rows, per_chunk) = (self.rows, self.rows_per_chunk);
        let gather = |old: &RowBuf<f32>, new: &RowBuf<f32>, width: u32, restart: Option<u32>| {
            gather_rows(gpu, &src, old, new, width, restart)
        };
        for column in &mut self.columns {
            let width = column.spec.width;
            let rows = if column.spec.head { head } else { table_rows };
            let values = RowBuf::new(gpu, column.spec.name, rows, width, per_chunk);
            gather(&column.values, &values, width, None);
            column.values = values;
            let decoded_width = column.spec.codec.decoded_width(width);
            column.coded = column.coded.as_ref().map(|coded| coded.resized(gpu, rows, decoded_width, per_chunk));
            if let Some(training) = &mut column.training {
                // Gradients are zero between steps; only their number changes.
                training.grads = RowBuf::new(gpu, "grads", rows, width, per_chunk);
                let moments = RowBuf::new(gpu, "moments", rows, width, per_chunk);
                gather(&training.moments.as_floats(), &moments.as_floats(), 2 * width, Some(0));
                training.moments = moments;
            }
        }
        debug_assert!(old_rows == self.rows);
        for clock in &mut self.clocks {
            clock.last = Buf::new(gpu, "last update", table_rows);
        }
        (self.rows, self.head) = (table_rows, head);
        self.set_clocks(gpu, step);
        for write in &edit.writes {
            self.write_rows(gpu, write);
        }
    }

    fn write_rows(&self, gpu: &Gpu, write: &ColumnWrite) {
        if write.rows.is_empty() {
            return;
        }
        let column = self.column(write.column);
        self.replace_rows(gpu, &column.values, column.spec.width, &write.rows, &write.values);
        if let (true, Some(training)) = (write.fresh, &column.training) {
            let width = 2 * column.spec.width;
            let zeros = vec![0.0; write.rows.len() * width as usize];
            self.replace_rows(gpu, &training.moments.as_floats(), width, &write.rows, &zeros);
        }
    }

    fn replace_rows(&self, gpu: &Gpu, target: &RowBuf<f32>, width: u32, row_numbers: &[u32], values: &[f32]) {
        let kernel = gpu.kernel("params/write_rows", &[]);
        let rows = Buf::from_slice(gpu, "write rows", row_numbers);
        let replacements = Buf::from_slice(gpu, "write values", values);
        let mut pass = Pass::new(gpu, "params.write_rows");
        for chunk in chunk_ranges(target.rows, target.rows_per_chunk) {
            let uniform = [chunk.first, chunk.rows, width, row_numbers.len() as u32];
            kernel.run(
                &mut pass,
                gpu.profile().flat_groups(values.len() as u64),
                &uniform,
                &[("rows", rows.bind()), ("replacements", replacements.bind()), ("values", target.bind(&chunk))],
            );
        }
        pass.submit();
    }
}

impl RowBuf<[f32; 2]> {
    /// The same buffers seen as twice as many floats.
    fn as_floats(&self) -> RowBuf<f32> {
        RowBuf {
            chunks: self.chunks.iter().map(Buf::cast).collect(),
            rows_per_chunk: self.rows_per_chunk,
            rows: self.rows,
            width: 2 * self.width,
        }
    }
}

impl Column {
    fn new(gpu: &Gpu, rows: u64, spec: ColumnSpec, rows_per_chunk: u64, trainable: bool) -> Self {
        let values = RowBuf::new(gpu, spec.name, rows, spec.width, rows_per_chunk);
        let training = trainable.then(|| Training {
            grads: RowBuf::new(gpu, "grads", rows, spec.width, rows_per_chunk),
            moments: RowBuf::new(gpu, "moments", rows, spec.width, rows_per_chunk),
        });
        let coded = Coded::new(gpu, &spec.codec, spec.width, rows, rows_per_chunk, trainable);
        Column { spec, values, training, coded }
    }

    /// The values that stages read in a phase: decoded, or as stored while nothing is rounded.
    pub fn decoded(&self, phase: &Phase) -> &RowBuf<f32> {
        match &self.coded {
            Some(coded) if self.is_decoded(phase) => coded.decoded(),
            _ => &self.values,
        }
    }

    /// The values that density control looks at: decoded, but as stored where that is only rounded, so that what it
    /// writes back does not round what it left alone.
    pub(crate) fn decoded_unrounded(&self, phase: &Phase) -> &RowBuf<f32> {
        match self.spec.codec {
            Codec::Plain | Codec::Steps(_) => &self.values,
            Codec::Linear(_) => self.decoded(phase),
        }
    }

    /// Whether the values read in a phase are others than those stored.
    pub(crate) fn is_decoded(&self, phase: &Phase) -> bool {
        match self.spec.codec {
            Codec::Plain => false,
            Codec::Steps(_) => phase.rounding(self.spec.every) != Rounding::Off,
            Codec::Linear(_) => true,
        }
    }

    /// Gradients of the values that stages read.
    ///
    /// # Panics
    /// When the table was made for rendering only: a bug of ours.
    pub fn decoded_grads(&self) -> &RowBuf<f32> {
        self.coded.as_ref().and_then(Coded::grads).unwrap_or_else(|| self.grads())
    }

    /// Gradient buffers.
    ///
    /// # Panics
    /// When the table was made for rendering only: a bug of ours.
    pub fn grads(&self) -> &RowBuf<f32> {
        &self.training.as_ref().unwrap_or_else(|| panic!("column {} is not trained", self.spec.name)).grads
    }
}

fn chunk_ranges(rows: u64, rows_per_chunk: u64) -> impl Iterator<Item = ChunkRange> + use<> {
    (0..rows.div_ceil(rows_per_chunk)).map(move |index| {
        let first = index * rows_per_chunk;
        ChunkRange { index: index as usize, first: first as u32, rows: rows_per_chunk.min(rows - first) as u32 }
    })
}

fn gather_rows(gpu: &Gpu, src: &Buf<u32>, old: &RowBuf<f32>, new: &RowBuf<f32>, width: u32, restart: Option<u32>) {
    let kernel = gpu.kernel("params/gather_rows", &[]);
    let mut pass = Pass::new(gpu, "params.gather_rows");
    for to in chunk_ranges(new.rows, new.rows_per_chunk) {
        for from in chunk_ranges(old.rows, old.rows_per_chunk) {
            let uniform = GatherUniform {
                new_first: to.first,
                new_rows: to.rows,
                old_first: from.first,
                old_rows: from.rows,
                width,
                restart_fresh: u32::from(restart.is_some()),
                fresh_value: restart.unwrap_or(0),
                _pad: 0,
            };
            kernel.run(
                &mut pass,
                gpu.profile().flat_groups(u64::from(to.rows) * u64::from(width)),
                &uniform,
                &[("src", src.bind()), ("old_values", old.bind(&from)), ("new_values", new.bind(&to))],
            );
        }
    }
    pass.submit();
}
