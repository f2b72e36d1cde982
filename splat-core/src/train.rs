//! The training loop: pick a view, walk the model forward and back, optimize, now and then refine.
//!
//! Everything a step depends on is a function of its number (view order, background, schedule) or
//! lives in [`Params`], so a checkpoint is the columns and the step, and a run that was interrupted
//! ends in the same bytes. Steps are submitted ahead of the device; nothing is awaited inside one.

mod archive;
mod checkpoint;
mod flight;
mod rest;
mod sampler;

use std::sync::Arc;

use self::flight::{Flight, Flights, Landed};
use self::sampler::Sampler;
use crate::codec::{Coded, decode};
use crate::density::{Density, Observation, Observed, Rows, Scores, wander};
use crate::error::{Error, Result};
use crate::gpu::layout::counter;
use crate::gpu::{Gpu, Pass, Profiler};
use crate::loss::{Loss, LossBuffers};
use crate::metrics::{Evaluation, ViewScore};
use crate::model::{Model, RasterOptions, Scene, ViewRenderer, frame_uniform};
use crate::optim::Adam;
use crate::params::{ColumnHash, ColumnSpec, Params, RowEdit};
use crate::preview::{Kind, Preview};
use crate::recipe::{Context, Parts, recipe};
use crate::render::{EachView, auto_near, score_view, to_image, upload_cloud};
use crate::scene::{Dataset, SplatCloud, View, colour, initial_points, nearest_distances};
use crate::schedule::{Phase, Schedule};
use crate::settings::{CoarseCurve, Settings};
use crate::stage::rasterize::Capacity;
use crate::stage::{Frame, Scratch, Target};

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// Steps done so far.
    pub step: u64,
    /// Splats now.
    pub splats: usize,
    /// Whether the population changed.
    pub refined: bool,
    /// Resolution that was trained.
    pub resolution: (u32, u32),
}

/// A scene in training.
pub struct Trainer {
    gpu: Arc<Gpu>,
    dataset: Arc<Dataset>,
    schedule: Schedule,
    options: RasterOptions,
    evaluation_background: [f32; 3],
    model: Model,
    losses: Vec<Box<dyn Loss>>,
    loss_buffers: Arc<LossBuffers>,
    density: Box<dyn Density>,
    seed: u64,
    extent: f64,
    params: Params,
    adam: Adam,
    observation: Observation,
    scratch: Option<Scratch>,
    capacity: Capacity,
    sampler: Sampler,
    /// Photos per step.
    batch: u32,
    flights: Flights,
    step: u64,
    loss: Option<f32>,
    profiler: Option<Profiler>,
    views: ViewRenderer,
    /// Step at which each splat was made; nothing is trained by it.
    births: Vec<u32>,
}

/// Most splats when the user does not say: what the photos can pin down, and the adapter can train.
pub fn auto_max_splats(dataset: &Dataset, software: bool) -> usize {
    let pixels: f64 = dataset.train.iter().map(|view| f64::from(view.width) * f64::from(view.height)).sum();
    let (pixels_per_splat, least, most) =
        if software { (100.0, 10_000.0, 60_000.0) } else { (250.0, 50_000.0, 3_000_000.0) };
    (pixels / pixels_per_splat).clamp(least, most) as usize
}

fn schedule_of(settings: &Settings) -> Schedule {
    Schedule {
        steps: settings.train.steps,
        coarse_start: f64::from(settings.schedule.coarse_start),
        coarse_until: f64::from(settings.schedule.coarse_until),
        coarse_levels: settings.schedule.coarse_levels,
        cosine: settings.schedule.coarse_curve == CoarseCurve::Cosine,
        sh_degree: settings.model.sh_degree,
        sh_start: f64::from(settings.model.sh_start),
        sh_interval: f64::from(settings.model.sh_interval),
        sh_every: settings.model.sh_every,
        motion_start: f64::from(settings.flow.start),
        noise_start: f64::from(settings.codec.noise_start),
        round_start: f64::from(settings.codec.round_start),
    }
}

impl Trainer {
    /// Prepares a run at step 0.
    ///
    /// # Errors
    /// [`Error::Input`] for a scene that cannot be trained, [`Error::OutOfMemory`].
    pub fn new(gpu: Arc<Gpu>, settings: &Settings, dataset: Arc<Dataset>) -> Result<Trainer> {
        if dataset.train.is_empty() {
            return Err(Error::input(
                &dataset.root,
                "no training views",
                "a scene needs at least one posed image that is not held out",
            ));
        }
        let extent = dataset.extent();
        let cloud = initial_cloud(settings, &dataset);
        let software = gpu.info().device_type == "Cpu";
        let max_splats = match settings.density.max_splats {
            0 if settings.output.target_mb > 0.0 => archive::splats_for(settings.output.target_mb),
            0 => auto_max_splats(&dataset, software),
            given => given as usize,
        };
        let capacity = starting_capacity(&dataset, cloud.len() as u64);
        let loss_buffers = Arc::new(LossBuffers::new(&gpu, capacity.pixels));
        let context = Context {
            settings,
            times: dataset.times.as_ref(),
            gpu: &gpu,
            extent,
            initial_splats: cloud.len(),
            max_splats,
            loss_buffers: loss_buffers.clone(),
        };
        let Parts { model, losses, density } = (recipe(settings.train.recipe, context.times).build)(&context);
        let capacity = Capacity { with_abs_grad: density.needs_abs_grad(), ..capacity };
        let capacity = Capacity { isects: capacity.isects.min(Scratch::max_isects(&gpu, &capacity)), ..capacity };
        let batch = settings.train.batch;
        let params = Params::new(&gpu, columns(&model, batch), cloud.len() as u64, true);
        upload_cloud(&gpu, &params, &cloud)?;
        let near = if settings.raster.near > 0.0 { settings.raster.near } else { auto_near(extent) };
        let schedule = schedule_of(settings);
        let trainer = Trainer {
            schedule,
            options: RasterOptions { antialias: settings.raster.antialias, near },
            evaluation_background: settings.model.evaluation_background(dataset.has_alpha),
            adam: Adam::new(&gpu, &params, schedule.steps),
            observation: Observation::new(&gpu, params.rows()),
            sampler: Sampler::new(settings, &dataset),
            batch,
            flights: Flights::new(&gpu),
            seed: settings.train.seed,
            scratch: None,
            step: 0,
            loss: None,
            profiler: None,
            views: ViewRenderer::new(),
            births: vec![0; cloud.len()],
            gpu,
            dataset,
            model,
            losses,
            loss_buffers,
            density,
            extent,
            params,
            capacity,
        };
        trainer.gpu.check()?;
        Ok(trainer)
    }

    /// Steps done so far.
    pub fn step_index(&self) -> u64 {
        self.step
    }

    /// Latest loss that has come back from the device.
    pub fn loss(&self) -> Option<f32> {
        self.loss
    }

    /// Splats now.
    pub fn splats(&self) -> usize {
        self.params.rows() as usize
    }

    /// The table, for tests and exporters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// How views are drawn.
    pub fn raster_options(&self) -> RasterOptions {
        self.options
    }

    /// Times every stage on the device from now on; steps are then no longer submitted ahead.
    pub fn set_profiling(&mut self, on: bool) {
        self.profiler = if on { Profiler::new(&self.gpu) } else { None };
    }

    /// Milliseconds per stage since profiling began or since the last call.
    pub fn take_profile(&mut self) -> std::collections::BTreeMap<&'static str, f64> {
        self.profiler.as_mut().map(Profiler::take).unwrap_or_default()
    }

    /// Starts with room for this many intersections (tests: results must not depend on it).
    pub fn set_isect_capacity(&mut self, isects: u64) {
        self.capacity.isects = isects;
        self.scratch = None;
    }

    /// Records and submits the next step; changes the population when it is due.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss is no longer finite; device and photo errors.
    pub fn step(&mut self) -> Result<StepReport> {
        let goal = self.step + 1;
        // A step that ran out of room changed nothing; it and those behind it are done again.
        while self.step < goal {
            if self.flights.is_full() {
                self.land_one()?;
                continue;
            }
            self.submit_step()?;
        }
        let phase = self.schedule.at(goal);
        let refined = self.density.is_due(goal as u32, self.schedule.steps as u32) && self.refine(goal)?;
        let refined = self.come_to_rest(&phase)? || refined;
        let resolution = self.sampler.resolution(&phase);
        Ok(StepReport { step: self.step, splats: self.splats(), refined, resolution })
    }

    fn submit_step(&mut self) -> Result<()> {
        let phase = self.schedule.at(self.step + 1);
        if self.scratch.is_none() {
            self.scratch = Some(Scratch::new(&self.gpu, self.capacity, self.params.rows_per_chunk())?);
        }
        for nth in 0..self.batch {
            self.submit_view(phase, nth)?;
        }
        self.step = phase.step;
        if let Some(profiler) = &mut self.profiler {
            profiler.collect(&self.gpu)?;
        }
        Ok(())
    }

    // Adds the gradients of one photo of a step; after the last one, takes the step.
    fn submit_view(&mut self, phase: Phase, nth: u32) -> Result<()> {
        let pick = self.sampler.pick(&self.gpu, &self.schedule, &phase, nth)?;
        let gpu = Arc::clone(&self.gpu);
        let Some(scratch) = &self.scratch else { return Ok(()) };
        let mut pass = Pass::profiled(&gpu, "step", self.profiler.as_mut());
        let is_last = nth + 1 == self.batch;
        // Density control sees the last photo of each step: those before it would be counted twice where one behind them
        // did not fit and the step is repeated.
        let observes = is_last && self.density.observes(phase.step as u32, phase.steps as u32);
        let mut frame = Frame {
            with_abs_grad: observes && self.density.needs_abs_grad(),
            target: Some(pick.target),
            ..Frame::new(
                frame_uniform(&pick.view, &self.options, self.params.rows(), scratch.capacity.isects),
                phase,
                scratch,
            )
        };
        self.model.forward(&mut pass, &self.params, &mut frame);
        for loss in &self.losses {
            loss.add(&mut pass, &self.params, &mut frame);
        }
        self.model.backward(&mut pass, &self.params, &mut frame);
        if observes {
            self.observation.add(&mut pass, &frame);
        }
        if !is_last {
            pass.submit();
            return Ok(());
        }
        self.adam.step(&mut pass, &self.params, &phase, scratch);
        let noise = self.density.noise(phase.step as u32, phase.steps as u32);
        if noise > 0.0 {
            let rate = self.params.column("means").spec.rate.at(phase.step, phase.steps);
            wander(&mut pass, &self.params, &frame, noise * rate as f32, self.seed);
        }
        let pixels = u64::from(pick.view.width) * u64::from(pick.view.height);
        self.flights.depart(pass, Flight { step: phase.step, pixels }, &scratch.counters, &self.loss_buffers.parts);
        Ok(())
    }

    // Waits for the oldest step and looks at what it reports.
    fn land_one(&mut self) -> Result<()> {
        let Some(Landed { flight, counters, loss_parts }) = self.flights.land(&self.gpu)? else { return Ok(()) };
        if counters[counter::OVERFLOW as usize] != 0 {
            return self.make_room(flight.step, counters[counter::NEEDED as usize]);
        }
        if let Some(parts) = loss_parts {
            let loss = LossBuffers::mean(&parts, flight.pixels);
            if !loss.is_finite() {
                return Err(Error::Diverged { step: flight.step, stage: self.first_bad_stage()? });
            }
            self.loss = Some(loss);
        }
        Ok(())
    }

    // Lands everything; afterwards all steps up to `step_index` have taken effect.
    fn land_all(&mut self) -> Result<()> {
        let goal = self.step;
        loop {
            while !self.flights.is_empty() {
                self.land_one()?;
            }
            if self.step >= goal {
                return Ok(());
            }
            self.submit_step()?;
        }
    }

    fn make_room(&mut self, failed_step: u64, needed: u32) -> Result<()> {
        // Steps behind the failed one saw the sticky flag and did nothing either. The most that any
        // of them needed is known only now.
        let mut most = needed;
        while let Some(landed) = self.flights.land(&self.gpu)? {
            most = most.max(landed.counters[counter::NEEDED as usize]);
        }
        if let Some(scratch) = self.scratch.take() {
            self.capacity = scratch.grown(&self.gpu, most)?;
        }
        self.step = failed_step - 1;
        Ok(())
    }

    fn first_bad_stage(&self) -> Result<String> {
        let is_bad = |values: &[f32]| values.iter().any(|value| !value.is_finite());
        for column in self.params.columns() {
            if is_bad(&column.values.read(&self.gpu)?) {
                return Ok(format!("column {}", column.spec.name));
            }
        }
        let Some(scratch) = &self.scratch else { return Ok("loss".into()) };
        if is_bad(&scratch.features.read(&self.gpu)?) {
            return Ok("sh".into());
        }
        let rendered = scratch.rendered.read(&self.gpu)?;
        Ok(if is_bad(rendered.as_flattened()) { "rasterize" } else { "loss" }.into())
    }

    fn refine(&mut self, step: u64) -> Result<bool> {
        self.land_all()?;
        self.adam.settle(&self.gpu, &self.params, step);
        let (now, total) = (step as u32, self.schedule.steps as u32);
        let influence = if self.density.needs_influence(now, total) { self.influence()? } else { Vec::new() };
        let phase = self.schedule.at(step).finished();
        self.set_stale();
        let mut pass = Pass::new(&self.gpu, "refine");
        decode(&mut pass, &self.params, &phase);
        pass.submit();
        let read = |name: &str| self.params.column(name).decoded_unrounded(&phase).read(&self.gpu);
        let (means, quats, log_scales, opacity_logits) =
            (read("means")?, read("quats")?, read("log_scales")?, read("opacity_logits")?);
        let observed = self.observation.read(&self.gpu)?;
        let Observed { grad, abs_grad, count } = &observed;
        let rows = Rows { means: &means, quats: &quats, log_scales: &log_scales, opacity_logits: &opacity_logits };
        let scores = Scores { grad, abs_grad, count, influence: &influence };
        let edit = self.density.refine(now, total, &rows, &scores, self.extent as f32, self.seed);
        let mut edit = edit.map(|edit| edit.head_first(self.params.head()));
        if let Some(edit) = &mut edit {
            self.apply(edit, None, step)?;
        }
        self.set_stale();
        let is_judged = !self.density.keeps_scores(now, total);
        if is_judged || edit.is_some() {
            self.observation = Observation::new(&self.gpu, self.params.rows());
        }
        if let (false, Some(edit)) = (is_judged, &edit) {
            self.observation.restore(&self.gpu, &observed.gathered(&edit.src));
        }
        Ok(edit.is_some())
    }

    /// Applies an edit to the settled table, of whose rows only so many are of the head if that is said. What it
    /// writes is encoded as the columns are.
    fn apply(&mut self, edit: &mut RowEdit, head: Option<u64>, step: u64) -> Result<()> {
        for write in &mut edit.writes {
            write.values = self.params.encode(&self.gpu, write.column, &write.values)?;
        }
        // Drop what depends on the population before the copies are made, to keep the peak low.
        self.observation = Observation::new(&self.gpu, 0);
        let rows = edit.src.len() as u64;
        if rows > self.capacity.rows {
            // Growth comes in small portions; room for an eighth more saves most reallocations.
            self.capacity.rows = rows + rows / 8;
            self.scratch = None;
        }
        let birth = |(&row, &fresh): (&u32, &bool)| if fresh { step as u32 } else { self.births[row as usize] };
        self.births = edit.src.iter().zip(&edit.fresh).map(birth).collect();
        match head {
            Some(head) => self.params.apply_with_head(&self.gpu, edit, head, step),
            None => self.params.apply(&self.gpu, edit, step),
        }
        self.losses.iter_mut().try_for_each(|loss| loss.population_changed(&self.gpu, &self.params))
    }

    /// Renders all held-out views as they are now and scores them. Training is not affected.
    ///
    /// # Errors
    /// Photo and device errors, and what `each` returns.
    pub fn evaluate(&mut self, each: EachView<'_>) -> Result<Evaluation> {
        self.land_all()?;
        // All that lasts is in the columns; two sets of buffers at once would only raise the peak.
        self.scratch = None;
        let phase = self.schedule.at(self.step.max(1)).finished();
        self.set_stale();
        let dataset = Arc::clone(&self.dataset);
        let mut scores: Vec<ViewScore> = Vec::with_capacity(dataset.test.len());
        for view in &dataset.test {
            let scene =
                Scene { gpu: &self.gpu, model: &self.model, params: &self.params, phase, options: self.options };
            let rendered = self.views.render(&scene, view, false)?;
            let image = to_image(&rendered.pixels, view.width, view.height, self.evaluation_background);
            scores.push(score_view(view, &image, self.evaluation_background, each)?);
        }
        self.set_stale();
        self.views = ViewRenderer::new();
        Ok(Evaluation::of(scores, self.splats()))
    }

    // What is decoded next must be decoded anew, since it was decoded for another purpose.
    fn set_stale(&self) {
        self.params.columns().iter().filter_map(|column| column.coded.as_ref()).for_each(Coded::set_stale);
    }

    /// The part of each splat in the training views as they are trained now, by row ([`ViewRenderer::influence`]).
    /// Photos are not loaded, masks not looked at, and training is not affected.
    ///
    /// # Errors
    /// Device errors.
    pub fn influence(&mut self) -> Result<Vec<f32>> {
        self.land_all()?;
        // As for an evaluation: one set of buffers at a time.
        self.scratch = None;
        let trained = self.schedule.at(self.step.max(1));
        self.set_stale();
        let phase = Phase { resolution: trained.resolution, ..trained.finished() };
        let scene = Scene { gpu: &self.gpu, model: &self.model, params: &self.params, phase, options: self.options };
        let influence = self.views.influence(&scene, self.sampler.views(trained));
        self.set_stale();
        self.views = ViewRenderer::new();
        influence
    }

    /// Brings every row up to the last step. Call once, after the last step.
    ///
    /// # Errors
    /// Device errors.
    pub fn finish(&mut self) -> Result<()> {
        self.land_all()?;
        self.adam.settle(&self.gpu, &self.params, self.step);
        self.gpu.wait()
    }

    /// Records a copy of the splats as the steps submitted so far leave them; waits for nothing.
    pub fn preview(&self) -> Preview {
        self.preview_of(self.births.len(), self.schedule.sh_degree as u8)
    }

    /// The first `rows` splats, with spherical harmonics up to the degree of the table, or to 0.
    fn preview_of(&self, rows: usize, sh_degree: u8) -> Preview {
        let kind = Kind { sh_degree, antialiased: self.options.antialias, motion: self.model.motion() };
        let phase = Phase { step: self.step, ..self.schedule.at(self.step.max(1)) };
        Preview::begin(&self.gpu, &self.params, &phase, &self.births[..rows], kind)
    }

    /// The splats as they are now.
    ///
    /// # Errors
    /// Device errors.
    pub fn cloud(&mut self) -> Result<SplatCloud> {
        self.land_all()?;
        self.preview().cloud()
    }

    /// SHA-256 over the values of all columns: equal for equal scenes.
    ///
    /// # Errors
    /// Device errors.
    pub fn params_sha256(&mut self) -> Result<String> {
        self.land_all()?;
        let mut hash = ColumnHash::default();
        for column in self.params.columns() {
            hash.add(column.spec.name, &column.values.read(&self.gpu)?);
            if let Some(coded) = &column.coded {
                coded.state(&self.gpu)?.iter().for_each(|values| hash.add("decoder", values));
            }
        }
        Ok(hash.hex())
    }
}

/// The columns of a model. Over several photos a row may get gradients though the last one does not show it, so then
/// none is skipped.
fn columns(model: &Model, batch: u32) -> Vec<ColumnSpec> {
    let spec = |spec: ColumnSpec| ColumnSpec { dense: spec.dense || batch > 1, ..spec };
    model.columns().into_iter().map(spec).collect()
}

fn starting_capacity(dataset: &Dataset, rows: u64) -> Capacity {
    let empty = Capacity::training(rows, (2 * rows).max(1024));
    dataset.train.iter().fold(empty, |capacity, view| capacity.with_image(view.width, view.height))
}

/// What a run starts from: one splat per point, round, as large as the gap to its neighbours [Kerbl 2023, §5.1].
pub fn initial_cloud(settings: &Settings, dataset: &Dataset) -> SplatCloud {
    let points = initial_points(dataset, settings.init.random_points as usize, settings.train.seed);
    let distances = nearest_distances(&points);
    let rows = crate::stage::sh::sh_rows(settings.model.sh_degree) as usize;
    let logit = (settings.init.opacity / (1.0 - settings.init.opacity)).ln();
    SplatCloud {
        means: points.iter().map(|point| point.position).collect(),
        quats: vec![[1.0, 0.0, 0.0, 0.0]; points.len()],
        log_scales: distances.iter().map(|distance| [(distance * settings.init.scale).ln(); 3]).collect(),
        opacity_logits: vec![logit; points.len()],
        sh0: points.iter().map(|point| point.rgb.map(|byte| colour::sh0(f32::from(byte) / 255.0))).collect(),
        sh_rest: vec![0.0; points.len() * rows * 3],
        sh_degree: settings.model.sh_degree as u8,
        antialiased: settings.raster.antialias,
        ..SplatCloud::default()
    }
}

/// A photo's view at the resolution of a step, and its pixels on the device.
struct Pick<'a> {
    view: View,
    target: &'a Target,
}
