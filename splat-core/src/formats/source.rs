//! Splats that can be read in any order, a few at a time.

use super::Format;
use crate::camera_path::Sphere;
use crate::error::Result;
use crate::parallel::in_order;
use crate::scene::io::ply::{ExtraProperty, OnProgress};
use crate::scene::{Motion, SplatCloud};

/// Splats that are decoded at a time: a few megabytes at the highest SH degree.
pub const BLOCK: usize = 1 << 14;

/// Splats that memory is asked for at once, whatever a file promises.
const MOST_RESERVED: usize = 1 << 22;

/// What is known about splats before they are decoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SplatInfo {
    /// The format they were stored in; none for splats in memory.
    pub format: Option<Format>,
    /// How many rows can be asked for.
    pub count: usize,
    /// Degree of their spherical harmonics, 0 to 3.
    pub sh_degree: u8,
    /// Whether they were trained with the anti-aliased (mip) projection.
    pub antialiased: bool,
    /// How they move.
    pub motion: Option<Motion>,
    /// Bytes of the file that say so, where the format keeps them apart.
    pub motion_bytes: Option<u64>,
    /// Rows left out, because a value was NaN or a quaternion zero.
    pub dropped: usize,
    /// What a person should know: what of the file was not understood or had to be cut.
    pub notes: Vec<String>,
}

/// Splats that can be read in any order.
pub trait SplatSource: Send + Sync {
    /// What is known about them.
    fn info(&self) -> &SplatInfo;

    /// Decodes these rows, in this order; each is below [`SplatInfo::count`].
    ///
    /// # Errors
    /// What is wrong with the file.
    fn rows(&self, rows: &[u32]) -> Result<SplatCloud>;

    /// Decodes `count` rows from `first` on; override it where neighbours are cheaper to read together.
    ///
    /// # Errors
    /// As [`SplatSource::rows`].
    fn range(&self, first: usize, count: usize) -> Result<SplatCloud> {
        let rows: Vec<u32> = (first..first + count).map(|row| row as u32).collect();
        self.rows(&rows)
    }

    /// Further properties of each splat, which a [`SplatCloud`] does not hold.
    fn extras(&self) -> &[ExtraProperty] {
        &[]
    }

    /// The values of [`SplatSource::extras`] for these rows: row after row, little-endian, without gaps.
    ///
    /// # Errors
    /// As [`SplatSource::rows`].
    fn extra_rows(&self, rows: &[u32]) -> Result<Vec<u8>> {
        debug_assert!(self.extras().is_empty(), "extras without values for {} rows", rows.len());
        Ok(Vec::new())
    }
}

/// Splats in memory.
pub struct InMemory<'a> {
    cloud: &'a SplatCloud,
    info: SplatInfo,
}

impl SplatCloud {
    /// These splats as a source to write from.
    pub fn source(&self) -> InMemory<'_> {
        let info = SplatInfo {
            count: self.len(),
            sh_degree: self.sh_degree,
            antialiased: self.antialiased,
            motion: self.motion,
            dropped: self.dropped,
            ..SplatInfo::default()
        };
        InMemory { cloud: self, info }
    }
}

impl SplatSource for InMemory<'_> {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        Ok(self.cloud.gather(rows))
    }
}

/// Splats that move, as they are at one time.
pub(super) struct AtTime<'a> {
    moving: &'a dyn SplatSource,
    time: f64,
    info: SplatInfo,
}

impl<'a> AtTime<'a> {
    /// At a time from 0 to 1.
    pub(super) fn new(moving: &'a dyn SplatSource, time: f64) -> Self {
        AtTime { moving, time, info: SplatInfo { motion: None, motion_bytes: None, ..moving.info().clone() } }
    }
}

impl SplatSource for AtTime<'_> {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        Ok(self.moving.rows(rows)?.at(self.time))
    }

    fn range(&self, first: usize, count: usize) -> Result<SplatCloud> {
        Ok(self.moving.range(first, count)?.at(self.time))
    }

    fn extras(&self) -> &[ExtraProperty] {
        self.moving.extras()
    }

    fn extra_rows(&self, rows: &[u32]) -> Result<Vec<u8>> {
        self.moving.extra_rows(rows)
    }
}

/// Splats without the view dependence above a degree.
pub(super) struct AtDegree<'a> {
    source: &'a dyn SplatSource,
    info: SplatInfo,
}

impl<'a> AtDegree<'a> {
    /// At most of this degree.
    pub(super) fn new(source: &'a dyn SplatSource, degree: u8) -> Self {
        let info = source.info();
        AtDegree { source, info: SplatInfo { sh_degree: info.sh_degree.min(degree), ..info.clone() } }
    }

    fn limited(&self, mut cloud: SplatCloud) -> SplatCloud {
        cloud.limit_sh_degree(self.info.sh_degree);
        cloud
    }
}

impl SplatSource for AtDegree<'_> {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        Ok(self.limited(self.source.rows(rows)?))
    }

    fn range(&self, first: usize, count: usize) -> Result<SplatCloud> {
        Ok(self.limited(self.source.range(first, count)?))
    }
}

/// Visits all splats in blocks, in the given order or as they come; the first row of a block is told with it. Blocks are
/// decoded ahead, on all cores.
///
/// # Errors
/// What reading, `visit` or `progress` return.
pub fn for_each_block(
    source: &dyn SplatSource,
    order: Option<&[u32]>,
    progress: OnProgress<'_>,
    visit: &mut dyn FnMut(usize, &SplatCloud) -> Result<()>,
) -> Result<()> {
    let count = order.map_or(source.info().count, <[u32]>::len);
    let length = |block: usize| BLOCK.min(count - block * BLOCK);
    let decode = |block: usize| match order {
        Some(order) => source.rows(&order[block * BLOCK..][..length(block)]),
        None => source.range(block * BLOCK, length(block)),
    };
    in_order(count.div_ceil(BLOCK), decode, |block, cloud| {
        visit(block * BLOCK, &cloud)?;
        progress((block * BLOCK + length(block)) as f64 / count as f64)
    })
}

/// All splats at once.
///
/// # Errors
/// What reading or `progress` return.
pub fn read_all(source: &dyn SplatSource, progress: OnProgress<'_>) -> Result<SplatCloud> {
    let info = source.info();
    let mut all = SplatCloud {
        sh_degree: info.sh_degree,
        antialiased: info.antialiased,
        dropped: info.dropped,
        ..SplatCloud::default()
    };
    all.reserve(info.count.min(MOST_RESERVED));
    for_each_block(source, None, progress, &mut |_, block| {
        all.append(block);
        Ok(())
    })?;
    Ok(all)
}

/// Where most of the splats are, in the middle of the clip if they move.
pub(super) fn sphere(source: &dyn SplatSource, progress: OnProgress<'_>) -> Result<Sphere> {
    let mut places = SplatCloud::default();
    for_each_block(&AtTime::new(source, 0.5), None, progress, &mut |_, block| {
        places.means.extend_from_slice(&block.means);
        places.opacity_logits.extend_from_slice(&block.opacity_logits);
        Ok(())
    })?;
    Ok(Sphere::of_splats(&places))
}
