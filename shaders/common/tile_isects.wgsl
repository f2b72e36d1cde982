// import: common/tile_lanes
// The depth-sorted intersections of a tile, for all kernels that walk along them.
@group(0) @binding(1) var<storage, read> isect_offsets: array<u32>;
@group(0) @binding(2) var<storage, read> row_of_isect: array<u32>;
@group(0) @binding(3) var<storage, read> projected: array<vec4f>;

// How many splats are looked at between looks at whether all pixels are finished: looking costs a tenth of a blend.
const SPLATS_PER_LOOK: u32 = 4u;

// First and one-past-last intersection of a tile of the band; none for those of surplus workgroups.
fn isects_of(tile: u32) -> vec2u {
    if (tile < (frame.band.y - frame.band.x) * frame.size.z) {
        return vec2u(isect_offsets[tile], isect_offsets[tile + 1u]);
    }
    return vec2u(0u);
}
