#![allow(missing_docs)]
use splat_core::gpu::{Profile, shader::{SOURCES, Source}};
fn main() {
    for (name, _) in SOURCES.iter().filter(|(n, t)| t.contains("fn main(") && !n.starts_with("common/")) {
        for p in Profile::ALL {
            let s = Source::expand(name, &p, &[("DEPTH",1),("ABS_GRAD",1),("SLOT_FLOATS",12),("BINS",16),("DROPS",1),("FIRST_PASS",1),("SH_ROWS",15),("SH_STRIDE",45),("DENSE",0),("PIECES",1),("PIECE",45),("UPDATES",1)]);
            match s.parse() { Err(e) => { println!("{name} {}: {e}", p.name); }
              Ok(m) => { let mut v = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::SUBGROUP); v.subgroup_stages(naga::valid::ShaderStages::COMPUTE); v.subgroup_operations(naga::valid::SubgroupOperationSet::all());
                if let Err(e) = v.validate(&m) { println!("{name} {}: {}", p.name, e.emit_to_string(&s.text)); } } }
        }
    }
}
