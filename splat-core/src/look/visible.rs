//! Which splats to show when an adapter cannot hold them all.

use crate::scene::SplatCloud;

/// The rows of the `count` splats that cover most: opacity times the area of the largest cross section, in their
/// order.
pub fn most_visible(cloud: &SplatCloud, count: usize) -> Vec<u32> {
    let covers = |row: usize| {
        let [a, b, c] = cloud.log_scales[row];
        // The two largest of three add up to the sum less the smallest.
        let area = a + b + c - a.min(b).min(c);
        area - (-cloud.opacity_logits[row]).exp().ln_1p()
    };
    if count >= cloud.len() {
        return (0..cloud.len() as u32).collect();
    }
    let mut rows: Vec<(f32, u32)> = (0..cloud.len()).map(|row| (covers(row), row as u32)).collect();
    // Ties go to the earlier row, so that the choice is the same every time.
    rows.select_nth_unstable_by(count, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    rows.truncate(count);
    let mut rows: Vec<u32> = rows.into_iter().map(|(_, row)| row).collect();
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::most_visible;
    use crate::scene::SplatCloud;

    #[test]
    fn large_and_opaque_splats_come_first_in_their_order() {
        let cloud = SplatCloud {
            means: vec![[0.0; 3]; 4],
            // The last is long but thin and the first wide; the second is as wide and nearly transparent.
            log_scales: vec![[0.0, 0.0, -9.0], [0.0, 0.0, -9.0], [-3.0; 3], [1.0, -9.0, -9.0]],
            opacity_logits: vec![2.0, -9.0, 2.0, 2.0],
            ..SplatCloud::default()
        };
        assert_eq!(most_visible(&cloud, 2), [0, 2]);
        assert_eq!(most_visible(&cloud, 1), [0]);
        assert_eq!(most_visible(&cloud, 9), [0, 1, 2, 3]);
        assert!(most_visible(&cloud, 0).is_empty());
    }
}
