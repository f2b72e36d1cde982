//! The order along a Z-curve, in which neighbours in space are neighbours in the file [Morton 1966].

/// Bits per axis.
const BITS: u32 = 21;

/// Spreads the lowest 21 bits so that two free bits follow each.
fn spread(value: u32) -> u64 {
    let mut x = u64::from(value) & 0x1f_ffff;
    x = (x | (x << 32)) & 0x001f_0000_0000_ffff;
    x = (x | (x << 16)) & 0x001f_0000_ff00_00ff;
    x = (x | (x << 8)) & 0x100f_00f0_0f00_f00f;
    x = (x | (x << 4)) & 0x10c3_0c30_c30c_30c3;
    (x | (x << 2)) & 0x1249_2492_4924_9249
}

/// The place on the curve of a cell, 21 bits per axis; x varies fastest.
pub fn code(cell: [u32; 3]) -> u64 {
    spread(cell[0]) | spread(cell[1]) << 1 | spread(cell[2]) << 2
}

/// The order of `positions` along the curve through their bounding box; equal places keep their order.
pub fn order(positions: &[[f32; 3]]) -> Vec<u32> {
    order_of(positions.to_vec())
}

/// [`order`] of positions that nobody needs any more: they are sorted in their own memory, 12 bytes each.
pub fn order_of(positions: Vec<[f32; 3]>) -> Vec<u32> {
    let mut low = [f32::INFINITY; 3];
    let mut high = [f32::NEG_INFINITY; 3];
    for position in &positions {
        for axis in 0..3 {
            low[axis] = low[axis].min(position[axis]);
            high[axis] = high[axis].max(position[axis]);
        }
    }
    let top = f64::from((1_u32 << BITS) - 1);
    let cell = |position: &[f32; 3]| {
        std::array::from_fn(|axis| {
            let width = f64::from(high[axis]) - f64::from(low[axis]);
            let share = if width > 0.0 { (f64::from(position[axis]) - f64::from(low[axis])) / width } else { 0.0 };
            (share * top) as u32
        })
    };
    let place = |(row, position): (usize, [f32; 3])| {
        let code = code(cell(&position));
        [(code >> 32) as u32, code as u32, row as u32]
    };
    let mut places: Vec<[u32; 3]> = positions.into_iter().enumerate().map(place).collect();
    places.sort_unstable();
    places.into_iter().map(|[_, _, row]| row).collect()
}

#[cfg(test)]
mod tests {
    use super::{code, order};

    #[test]
    fn bits_of_the_axes_take_turns() {
        assert_eq!(code([1, 0, 0]), 1);
        assert_eq!(code([0, 1, 0]), 2);
        assert_eq!(code([0, 0, 1]), 4);
        assert_eq!(code([3, 0, 0]), 0b1001);
        assert_eq!(code([0x1f_ffff; 3]), (1 << 63) - 1);
    }

    #[test]
    fn neighbours_in_space_are_neighbours_in_the_order() {
        let corner = |i: u32| [(i & 1) as f32, (i >> 1 & 1) as f32, (i >> 2 & 1) as f32];
        let shuffled: Vec<[f32; 3]> = [5, 2, 7, 0, 3, 6, 1, 4].map(corner).to_vec();
        assert_eq!(order(&shuffled), [3, 6, 1, 4, 7, 0, 5, 2]);
        assert_eq!(order(&[[1.0; 3]; 3]), [0, 1, 2]);
        assert!(order(&[]).is_empty());
    }
}
