// How much light still passes to each pixel of a lane, and whether any of it is worth going on for.
//: repeat J PIXELS_PER_LANE
var<private> t$J: f32;
//: end

fn lane_is_alive() -> bool {
    var most = 0.0;
    //: repeat J PIXELS_PER_LANE
    most = max(most, t$J);
    //: end
    return most >= TRANSMITTANCE_MIN;
}
