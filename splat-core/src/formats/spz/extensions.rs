//! Records behind the streams of an SPZ file; the one about axes is understood.

use glam::DQuat;

use crate::edit::Similarity;
use crate::formats::values::Flip;
use crate::scene::SplatCloud;

/// The record that names the frame.
const COORDINATE_SYSTEM: u32 = 0xADBE_0003;

/// The way from the frame of a file to ours: x right, y down, z forward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    /// Whether y and z have changed places, as in frames with z up.
    z_is_vertical: bool,
    flip: Flip,
}

impl Frame {
    /// The frame of a code: counted from 1, bit 0 is x right, bit 1 up, bit 2 forward; with bit 3, y is the axis
    /// forward and z the vertical one.
    fn new(code: u32) -> Option<Self> {
        let bits = code.checked_sub(1).filter(|&bits| bits < 16)?;
        let [right, up, forward, z_is_vertical] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        // A quarter turn about x makes (x, y, z) into (x, -z, y): up becomes down.
        Some(Frame { z_is_vertical, flip: Flip::new(!right, up != z_is_vertical, !forward) })
    }

    /// Changes splats of the file into ours.
    pub(super) fn apply(&self, cloud: &mut SplatCloud) {
        if self.z_is_vertical {
            let rotation = DQuat::from_rotation_x(std::f64::consts::FRAC_PI_2);
            Similarity { rotation, ..Similarity::IDENTITY }.transform_cloud(cloud);
        }
        self.flip.apply(cloud);
    }
}

/// The frame that the records name, if one does. Other records are skipped.
pub(super) fn frame(mut records: &[u8], notes: &mut Vec<String>) -> Option<Frame> {
    let mut found = None;
    while let Some((head, rest)) = records.split_first_chunk::<8>() {
        let [a, b, c, d, lengths @ ..] = *head;
        let (kind, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(lengths));
        let Some((payload, next)) = rest.split_at_checked(length as usize) else {
            notes.push("an extension of the file is longer than the file: it was ignored".to_owned());
            return found;
        };
        match (kind, payload.first_chunk::<4>()) {
            (COORDINATE_SYSTEM, Some(code)) => {
                let code = u32::from_le_bytes(*code);
                found = Frame::new(code);
                if found.is_none() && code != 0 {
                    notes.push(format!("the file names an unknown frame ({code}): its axes were kept"));
                }
            }
            _ => notes.push(format!("an extension of the file (0x{kind:08X}) was skipped")),
        }
        records = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Frame, frame};
    use crate::formats::values::tests::{distance, sample};

    /// Where a point one unit right, two up and three forward stands in each frame.
    #[test]
    fn every_frame_leads_to_ours() {
        for code in 1..=16_u32 {
            let bits = code - 1;
            let sign = |bit: u32| if bits & bit != 0 { 1.0 } else { -1.0 };
            let (right, up, forward) = (sign(1), 2.0 * sign(2), 3.0 * sign(4));
            let mut cloud = sample(1, 3);
            cloud.means[0] = if bits & 8 == 0 { [right, up, forward] } else { [right, forward, up] };
            Frame::new(code).unwrap().apply(&mut cloud);
            assert!(distance(&cloud.means[0], &[1.0, -2.0, 3.0]) < 1e-6, "frame {code}: {:?}", cloud.means[0]);
        }
        assert_eq!((Frame::new(0), Frame::new(17)), (None, None));
    }

    #[test]
    fn records_are_walked_and_never_trusted() {
        let record = |kind: u32, payload: &[u8]| {
            [&kind.to_le_bytes()[..], &(payload.len() as u32).to_le_bytes(), payload].concat()
        };
        let axes = record(super::COORDINATE_SYSTEM, &4_u32.to_le_bytes());
        let mut notes = Vec::new();
        let both = [record(0xADBE_0002, &[0; 12]), axes.clone()].concat();
        assert_eq!(frame(&both, &mut notes), Frame::new(4));
        assert_eq!(notes.len(), 1);
        for cut in 0..axes.len() {
            assert_eq!(frame(&axes[..cut], &mut notes), None);
        }
        assert_eq!(frame(&record(super::COORDINATE_SYSTEM, &99_u32.to_le_bytes()), &mut notes), None);
        assert!(notes.last().unwrap().contains("99"));
        assert_eq!(frame(&[0xff; 64], &mut notes), None);
    }
}
