//! Leaving out the rows of a file that nobody can draw.

use super::rows::Kept;
use super::source::{SplatInfo, SplatSource, for_each_block};
use crate::error::Result;
use crate::scene::SplatCloud;
use crate::scene::io::ply::OnProgress;

/// A source without some of its rows.
struct Checked {
    source: Box<dyn SplatSource>,
    kept: Kept,
    info: SplatInfo,
}

impl SplatSource for Checked {
    fn info(&self) -> &SplatInfo {
        &self.info
    }

    fn rows(&self, rows: &[u32]) -> Result<SplatCloud> {
        let mut cloud = self.source.rows(&self.kept.in_file(rows))?;
        cloud.dropped = self.info.dropped;
        Ok(cloud)
    }
}

/// Whether all values of a splat are finite and its quaternion has a length.
pub(super) fn can_be_drawn(cloud: &SplatCloud, row: usize) -> bool {
    let width = cloud.sh_width();
    let length: f32 = cloud.quats[row].iter().map(|c| c * c).sum();
    let rest = &cloud.sh_rest[row * width..][..width];
    let values = cloud.means[row].iter().chain(&cloud.sh0[row]).chain(&cloud.log_scales[row]).chain(rest);
    length > 0.0
        && length.is_finite()
        && cloud.opacity_logits[row].is_finite()
        && values.into_iter().all(|v| v.is_finite())
}

/// The same splats without those that have a NaN, an infinite value or a quaternion of length zero. For formats that
/// store floats: all rows are decoded once to see.
pub(super) fn checked(source: Box<dyn SplatSource>, progress: OnProgress<'_>) -> Result<Box<dyn SplatSource>> {
    let mut kept = Kept::default();
    for_each_block(source.as_ref(), None, progress, &mut |first, block| {
        (0..block.len()).filter(|&row| !can_be_drawn(block, row)).for_each(|row| kept.leave_out(first + row));
        Ok(())
    })?;
    if kept.dropped() == 0 {
        return Ok(source);
    }
    let info = source.info();
    let dropped = info.dropped + kept.dropped();
    let info = SplatInfo { count: info.count - kept.dropped(), dropped, ..info.clone() };
    Ok(Box::new(Checked { source, kept, info }))
}
