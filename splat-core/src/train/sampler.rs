//! Which photos a step looks at, over which background, and its pixels.
//!
//! Every photo is shown once per round; rounds are shuffled from the seed and their number, so that
//! the choice at a step does not depend on how the run got there.

use std::sync::Arc;

use super::Pick;
use crate::density::rng::Rng;
use crate::error::Result;
use crate::gpu::{Buf, Gpu};
use crate::scene::{Dataset, Photo, PhotoLoader, View};
use crate::schedule::{Phase, Schedule};
use crate::settings::{Background, Settings};
use crate::stage::Target;

/// Photos announced to the loader threads ahead of their step.
const LOOK_AHEAD: u64 = 8;
/// Keeps the streams of random numbers for views and backgrounds apart from density control's.
const VIEW_STREAM: u64 = 0x7669_6577;
const BACKGROUND_STREAM: u64 = 0x6261_636b;

pub(super) struct Sampler {
    loader: PhotoLoader,
    views: Vec<Arc<View>>,
    seed: u64,
    background: Background,
    has_alpha: bool,
    /// Photos per step.
    batch: u64,
    target: Option<Target>,
}

impl Sampler {
    pub(super) fn new(settings: &Settings, dataset: &Dataset) -> Self {
        Sampler {
            loader: PhotoLoader::new(settings.data.loader_threads as usize, (settings.data.cache_mib as usize) << 20),
            views: dataset.train.iter().cloned().map(Arc::new).collect(),
            seed: settings.train.seed,
            background: settings.model.background,
            has_alpha: dataset.has_alpha,
            batch: u64::from(settings.train.batch),
            target: None,
        }
    }

    /// Number of the draw that gives the `nth` photo of a step, counted from 0.
    fn draw(&self, step: u64, nth: u32) -> u64 {
        (step - 1) * self.batch + u64::from(nth)
    }

    /// Photo number of a draw: a Fisher–Yates shuffle per round.
    fn index(&self, draw: u64) -> usize {
        let count = self.views.len();
        let (round, place) = (draw / count as u64, (draw % count as u64) as usize);
        let rng = Rng::new(self.seed ^ VIEW_STREAM, round as u32);
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, (rng.bits(i, 0) % (i as u64 + 1)) as usize);
        }
        order[place]
    }

    fn size(&self, view: &View, phase: &Phase) -> (u32, u32) {
        let scaled = |size: u32| ((f64::from(size) * phase.resolution).round() as u32).clamp(1, size.max(1));
        (scaled(view.width), scaled(view.height))
    }

    /// All views at the resolution of a phase.
    pub(super) fn views(&self, phase: Phase) -> impl Iterator<Item = View> {
        self.views.iter().map(move |view| {
            let (width, height) = self.size(view, &phase);
            view.resized(width, height)
        })
    }

    /// Resolution of the first photo that a phase shows.
    pub(super) fn resolution(&self, phase: &Phase) -> (u32, u32) {
        self.size(&self.views[self.index(self.draw(phase.step, 0))], phase)
    }

    fn background(&self, draw: u64) -> [f32; 3] {
        match self.background {
            Background::White => [1.0; 3],
            Background::Auto | Background::Random if self.has_alpha || self.background == Background::Random => {
                let rng = Rng::new(self.seed ^ BACKGROUND_STREAM, draw as u32 + 1);
                std::array::from_fn(|channel| rng.uniform(channel, 0) as f32)
            }
            Background::Black | Background::Auto | Background::Random => [0.0; 3],
        }
    }

    /// Uploads the `nth` photo of a step, counted from 0.
    pub(super) fn pick(&mut self, gpu: &Gpu, schedule: &Schedule, phase: &Phase, nth: u32) -> Result<Pick<'_>> {
        let draw = self.draw(phase.step, nth);
        let last = (draw + LOOK_AHEAD).min(phase.steps * self.batch - 1);
        self.loader.prefetch((draw..=last).map(|draw| {
            let view = Arc::clone(&self.views[self.index(draw)]);
            let (width, height) = self.size(&view, &schedule.at(draw / self.batch + 1));
            (view, width, height)
        }));
        let view = &self.views[self.index(draw)];
        let (width, height) = self.size(view, phase);
        let photo = self.loader.get(view, width, height)?;
        let background = self.background(draw);
        let view = view.resized(width, height);
        let target = upload(gpu, self.target.take(), &photo, background);
        Ok(Pick { view, target: self.target.insert(target) })
    }
}

fn upload(gpu: &Gpu, old: Option<Target>, photo: &Photo, background: [f32; 3]) -> Target {
    let pixels = photo.rgba.len() as u64 / 4;
    let mask_words = photo.mask.as_ref().map_or(0, |_| pixels.div_ceil(4));
    let (old_photo, old_mask) = old.map_or((None, None), |old| (Some(old.photo), Some(old.mask)));
    let room = |old: Option<Buf<u32>>, label: &str, words: u64| {
        old.filter(|old| old.len() >= words).unwrap_or_else(|| Buf::new(gpu, label, words))
    };
    let target = Target {
        photo: room(old_photo, "photo", pixels),
        mask: room(old_mask, "mask", mask_words),
        has_mask: photo.mask.is_some(),
        background,
    };
    target.photo.write(gpu, 0, &bytemuck::pod_collect_to_vec::<u8, u32>(&photo.rgba));
    if let Some(mask) = &photo.mask {
        let mut padded = mask.clone();
        padded.resize(mask_words as usize * 4, 0);
        target.mask.write(gpu, 0, &bytemuck::pod_collect_to_vec::<u8, u32>(&padded));
    }
    target
}
