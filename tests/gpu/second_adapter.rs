//! The same suite over another driver: SwiftShader has subgroups of four and hence profile `min`.
//! What passes on two drivers rarely depends on luck.

use std::path::PathBuf;
use std::process::Command;

/// Where Debian's chromium keeps it; `SPLAT_SWIFTSHADER_ICD` overrides.
const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";
/// Set in the child, so that it does not start a child of its own.
const INNER: &str = "SPLAT_SECOND_ADAPTER";

#[test]
fn swiftshader_passes_the_same_suite() {
    if std::env::var_os(INNER).is_some() {
        return;
    }
    let icd = std::env::var_os("SPLAT_SWIFTSHADER_ICD").map_or_else(|| PathBuf::from(SWIFTSHADER), PathBuf::from);
    if !icd.is_file() {
        eprintln!("skipped: swiftshader_passes_the_same_suite: {} is not installed", icd.display());
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["gpu::min", "--test-threads=2"])
        .env(INNER, "1")
        .env("VK_DRIVER_FILES", &icd)
        .env("VK_ICD_FILENAMES", &icd)
        .env("SPLAT_REQUIRE_GPU", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let passed = text.lines().filter(|line| line.starts_with("test gpu::min::") && line.ends_with("ok")).count();
    assert!(passed > 10, "only {passed} tests ran:\n{text}");
}
