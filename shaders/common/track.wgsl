// What the losses on motion are told of a chunk of rows; twin of `TrackUniform` in loss/tracks.rs.
struct Track {
    rows: vec4u,      // first row of the chunk, those of its rows that may move, rows in all, those of them that may move
    weights: vec2f,   // what they mean the kernel says
    time: f32,        // from −½ to ½
    _a: u32,
}
@group(0) @binding(0) var<uniform> track: Track;
