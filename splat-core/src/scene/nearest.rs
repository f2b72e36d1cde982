//! The points nearest to a point.

/// Square of the distance of two points.
pub(crate) fn squared_distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// A balanced tree stored in place: the middle of every range splits it along the axis of largest spread.
pub(crate) struct KdTree {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    position: [f32; 3],
    index: u32,
    axis: u8,
}

impl KdTree {
    /// The tree of these points, which are numbered from 0.
    pub(crate) fn new(positions: &[[f32; 3]]) -> Self {
        let mut nodes: Vec<Node> =
            positions.iter().zip(0..).map(|(&position, index)| Node { position, index, axis: 0 }).collect();
        Self::split(&mut nodes);
        Self { nodes }
    }

    fn split(nodes: &mut [Node]) {
        if nodes.len() < 2 {
            return;
        }
        let mut low = [f32::INFINITY; 3];
        let mut high = [f32::NEG_INFINITY; 3];
        for node in nodes.iter() {
            for axis in 0..3 {
                low[axis] = low[axis].min(node.position[axis]);
                high[axis] = high[axis].max(node.position[axis]);
            }
        }
        let spread = |axis: &usize| high[*axis] - low[*axis];
        let axis = (0..3).max_by(|a, b| spread(a).total_cmp(&spread(b))).unwrap_or(0);
        let middle = nodes.len() / 2;
        let (left, node, right) =
            nodes.select_nth_unstable_by(middle, |a, b| a.position[axis].total_cmp(&b.position[axis]));
        node.axis = axis as u8;
        Self::split(left);
        Self::split(right);
    }

    /// The `COUNT` points nearest to `query` other than `own`: squared distances, ascending, and numbers. Where there are
    /// fewer points, infinity.
    pub(crate) fn nearest<const COUNT: usize>(&self, query: [f32; 3], own: u32) -> [(f32, u32); COUNT] {
        let mut best = [(f32::INFINITY, u32::MAX); COUNT];
        Self::search(&self.nodes, query, own, &mut best);
        best
    }

    fn search<const COUNT: usize>(nodes: &[Node], query: [f32; 3], own: u32, best: &mut [(f32, u32); COUNT]) {
        let middle = nodes.len() / 2;
        let Some(node) = nodes.get(middle) else {
            return;
        };
        if node.index != own {
            let distance = squared_distance(node.position, query);
            if distance < best[COUNT - 1].0 {
                best[COUNT - 1] = (distance, node.index);
                best.sort_by(|a, b| a.0.total_cmp(&b.0));
            }
        }
        let axis = usize::from(node.axis);
        let gap = query[axis] - node.position[axis];
        let (left, right) = nodes.split_at(middle);
        let right = right.get(1..).unwrap_or_default();
        let (near, far) = if gap < 0.0 { (left, right) } else { (right, left) };
        Self::search(near, query, own, best);
        // Strictly less, so that a pile of equal points is not walked through once enough of them are found.
        if gap * gap < best[COUNT - 1].0 {
            Self::search(far, query, own, best);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KdTree, squared_distance};

    #[test]
    fn the_nearest_are_those_that_a_search_of_all_finds() {
        let number = |i: u32| (f64::from(i) * 12.9898).sin() * 43_758.545;
        let points: Vec<[f32; 3]> =
            (0..500).map(|i| [0, 1, 2].map(|k| number(3 * i + k).rem_euclid(1.0) as f32)).collect();
        let tree = KdTree::new(&points);
        for (own, &query) in points.iter().enumerate() {
            let mut all: Vec<f32> = points
                .iter()
                .enumerate()
                .filter(|&(at, _)| at != own)
                .map(|(_, &p)| squared_distance(p, query))
                .collect();
            all.sort_by(f32::total_cmp);
            let found = tree.nearest::<8>(query, own as u32);
            assert_eq!(found.map(|(square, _)| square), all[..8]);
            assert!(found.iter().all(|&(square, at)| squared_distance(points[at as usize], query) == square));
        }
    }

    #[test]
    fn where_there_are_too_few_the_rest_is_far() {
        let found = KdTree::new(&[[0.0; 3], [1.0, 0.0, 0.0]]).nearest::<3>([0.0; 3], 0);
        assert_eq!(found, [(1.0, 1), (f32::INFINITY, u32::MAX), (f32::INFINITY, u32::MAX)]);
    }
}
