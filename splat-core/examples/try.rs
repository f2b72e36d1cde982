#![allow(missing_docs)]
use splat_core::{gpu::*, scene::*, settings::*, train::*};
use std::sync::Arc;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let steps: u64 = args[2].parse().unwrap();
    let mut sets: Vec<(String, String)> =
        vec![("train.steps".into(), args[2].clone()), ("data.max_resolution".into(), args[3].clone())];
    for a in &args[4..] {
        let (k, v) = a.split_once('=').unwrap();
        sets.push((k.into(), v.into()));
    }
    let settings = Settings::resolve("default", None, &sets).unwrap();
    let data = Arc::new(
        Dataset::load(
            &args[1],
            &LoadOptions { max_resolution: settings.data.max_resolution, test_every: 8, images: None },
        )
        .unwrap(),
    );
    let gpu = Gpu::new(&GpuOptions { profile: std::env::var("PROFILE").ok(), ..Default::default() }).unwrap();
    println!("{:?}", gpu.info());
    println!(
        "train {} test {} points {} extent {} {}",
        data.train.len(),
        data.test.len(),
        data.points.len(),
        data.extent(),
        data.split
    );
    let mut t = Trainer::new(gpu.clone(), &settings, data.clone()).unwrap();
    println!("splats {}", t.splats());
    let prof = std::env::var_os("PROF").is_some();
    let start = std::time::Instant::now();
    let mut since = std::time::Instant::now();
    let mut at = 0;
    let every = std::env::var("EVERY").ok().and_then(|v| v.parse().ok()).unwrap_or(100u64);
    for i in 0..steps {
        if prof && i == steps - 20 {
            t.set_profiling(true);
        }
        let r = t.step().unwrap();
        if r.step % every == 0 || r.step == 1 {
            println!(
                "{} loss {:?} splats {} res {:?} {:.2} steps/s total {:.1}s mem {} MiB",
                r.step,
                t.loss(),
                r.splats,
                r.resolution,
                (r.step - at) as f64 / since.elapsed().as_secs_f64(),
                start.elapsed().as_secs_f64(),
                gpu.peak_bytes() >> 20
            );
            since = std::time::Instant::now();
            at = r.step;
        }
    }
    if prof {
        for (k, v) in t.take_profile() {
            println!("{k:30} {:.2} ms", v / 20.0);
        }
    }
    t.finish().unwrap();
    let mut i = 0;
    let e = t
        .evaluate(&mut |v, p, img| {
            let gt = splat_core::metrics::photo_over(p, [1.0; 3]);
            let path = format!("/tmp/out/{i}.ppm");
            std::fs::create_dir_all("/tmp/out").unwrap();
            i += 1;
            let (w, h) = (v.width as usize, v.height as usize);
            let mut b = format!("P6\n{} {}\n255\n", 2 * w, h).into_bytes();
            for y in 0..h {
                for im in [&gt.rgba, &img.rgba] {
                    for x in 0..w {
                        b.extend_from_slice(&im[4 * (y * w + x)..4 * (y * w + x) + 3]);
                    }
                }
            }
            std::fs::write(path, b).unwrap();
            Ok(())
        })
        .unwrap();
    println!(
        "psnr {:.3} ssim {:.4} splats {} time {:.1} sha {}",
        e.psnr,
        e.ssim,
        e.splats,
        start.elapsed().as_secs_f64(),
        t.params_sha256().unwrap()
    );
    if let Some(path) = std::env::var_os("PLY") {
        write_splats(std::path::Path::new(&path), &t.cloud().unwrap(), &[]).unwrap();
    }
}
