//! A look at the splats of a run while it goes on.
//!
//! A listener asks by raising a flag. At the end of a step the trainer records a copy of the column values into
//! buffers of their own and leaves them in a slot where the latest wins. The queue orders the copy behind that step
//! and before the next, so training neither waits nor changes; nobody asking costs one look at the flag.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::codec::{Coded, decode};
use crate::error::Result;
use crate::gpu::Pass;
use crate::gpu::{Gpu, Readback, lock};
use crate::params::{Column, Params};
use crate::scene::{CloudColumn, Motion, SplatCloud};
use crate::schedule::Phase;

/// Column values on their way to the host.
pub struct Preview {
    /// Steps done when they were copied.
    pub step: u64,
    /// Steps since each splat was made, or since the run was resumed. [N]
    pub ages: Arc<Vec<u32>>,
    gpu: Arc<Gpu>,
    columns: Vec<(&'static str, Readback)>,
    kind: Kind,
}

/// What the values alone do not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Degree of the spherical harmonics; where it is 0, those above are not copied.
    pub(crate) sh_degree: u8,
    /// Whether splats are trained with the anti-aliased projection.
    pub(crate) antialiased: bool,
    /// How they move.
    pub(crate) motion: Option<Motion>,
}

impl Preview {
    /// Records the copy of the values as they would be in a file written in this phase, of as many rows as there are
    /// `births`; returns at once.
    pub(crate) fn begin(gpu: &Arc<Gpu>, params: &Params, phase: &Phase, births: &[u32], kind: Kind) -> Self {
        let step = phase.step;
        let phase = phase.finished();
        let coded = || params.columns().iter().filter_map(|column| column.coded.as_ref());
        if coded().next().is_some() {
            let mut pass = Pass::new(gpu, "preview");
            coded().for_each(Coded::set_stale);
            decode(&mut pass, params, &phase);
            pass.submit();
            // What training had decoded may have been noisier.
            coded().for_each(Coded::set_stale);
        }
        let wanted = |column: &&Column| kind.sh_degree > 0 || column.spec.name != "shN";
        let read = |column: &Column| {
            let values = column.decoded(&phase);
            (column.spec.name, values.begin_read_head(gpu, births.len() as u64))
        };
        let columns = params.columns().iter().filter(wanted).map(read);
        let ages = births.iter().map(|&birth| (step as u32).saturating_sub(birth)).collect();
        Self { step, ages: Arc::new(ages), columns: columns.collect(), gpu: Arc::clone(gpu), kind }
    }

    /// Waits for the copy. Rows that recent steps did not see are as they were last seen.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn cloud(self) -> Result<SplatCloud> {
        let Self { gpu, ages, columns, kind: Kind { sh_degree, antialiased, motion }, .. } = self;
        let rows = ages.len();
        let mut cloud = SplatCloud { sh_degree, antialiased, motion, ..SplatCloud::default() };
        let moves = motion.map(|motion| motion.columns()).unwrap_or_default();
        for (name, values) in columns {
            let mut values = values.finish(&gpu)?;
            match name {
                "means" => cloud.means = values.as_chunks().0.to_vec(),
                "quats" => cloud.quats = values.as_chunks().0.to_vec(),
                "log_scales" => cloud.log_scales = values.as_chunks().0.to_vec(),
                "opacity_logits" => cloud.opacity_logits = values,
                "sh0" => cloud.sh0 = values.as_chunks().0.to_vec(),
                "shN" => cloud.sh_rest = values,
                // Columns of recipes that nobody but their trainer knows have no place in a cloud.
                _ => {
                    let Some(column) = moves.iter().find(|column| column.name == name) else { continue };
                    let width = column.width as usize;
                    // Rows behind the head rest.
                    values.resize(rows * width, 0.0);
                    cloud.more.push(CloudColumn { name, width, values });
                }
            }
        }
        Ok(cloud)
    }
}

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preview").field("step", &self.step).finish_non_exhaustive()
    }
}

/// Where a run leaves its latest preview.
pub struct PreviewSlot {
    wanted: AtomicBool,
    latest: Mutex<Option<Preview>>,
    notify: Box<dyn Fn() + Send + Sync>,
}

impl PreviewSlot {
    /// An empty slot. `notify` is called on the training thread whenever a preview has been left.
    pub fn new(notify: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { wanted: AtomicBool::new(false), latest: Mutex::new(None), notify: Box::new(notify) })
    }

    /// Asks for a preview after the current step.
    pub fn request(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Takes what was left last.
    pub fn take(&self) -> Option<Preview> {
        lock(&self.latest).take()
    }

    /// Whether somebody asked since the last preview.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Leaves a preview in place of an earlier one.
    pub(crate) fn put(&self, preview: Preview) {
        self.wanted.store(false, Ordering::Relaxed);
        *lock(&self.latest) = Some(preview);
        (self.notify)();
    }
}

impl fmt::Debug for PreviewSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviewSlot").field("wanted", &self.is_wanted()).finish_non_exhaustive()
    }
}
