//! The device handle: adapter choice, limits, execution profile and memory accounting.
//!
//! The application makes one [`Gpu`] and hands it to everything that computes; nothing here is global.
//! A [`Profile`] fixes how a tile is mapped to lanes. It is chosen once, by a self-test that runs on
//! the device, and recorded with every result, because another profile may give other last bits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::kernel::Kernel;
use super::shader::Source;
use crate::error::{Error, Result};

/// How rasterization maps onto the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name used in settings and run headers: `sg32`, `sg64`, `cpu8` or `min`.
    pub name: &'static str,
    /// Invocations that share one 8×16 tile.
    pub lanes: u32,
    /// Whether those invocations are one subgroup that can shuffle.
    pub subgroups: bool,
    /// Tiles one workgroup of the blend kernels serves.
    pub tiles_per_group: u32,
    /// Workgroup size of flat (per-row, per-pixel) kernels.
    pub workgroup: u32,
    /// Upper bound on the workgroups of a flat dispatch; kernels stride over the rest.
    pub max_flat_groups: u32,
    /// Elements one invocation sums serially in a prefix scan.
    pub scan_fan: u32,
    /// Whether lanes do best with serial work of their own (CPUs), rather than side by side on
    /// neighbouring memory.
    pub serial_lanes: bool,
}

impl Profile {
    /// Every profile, most specific first.
    pub const ALL: [Profile; 4] = [
        Profile {
            name: "cpu8",
            lanes: 8,
            subgroups: true,
            tiles_per_group: 1,
            workgroup: 64,
            max_flat_groups: 256,
            scan_fan: 256,
            serial_lanes: true,
        },
        Profile {
            name: "sg32",
            lanes: 32,
            subgroups: true,
            tiles_per_group: 4,
            workgroup: 128,
            max_flat_groups: u32::MAX,
            scan_fan: 64,
            serial_lanes: false,
        },
        Profile {
            name: "sg64",
            lanes: 64,
            subgroups: true,
            tiles_per_group: 4,
            workgroup: 128,
            max_flat_groups: u32::MAX,
            scan_fan: 64,
            serial_lanes: false,
        },
        Profile {
            name: "min",
            lanes: 32,
            subgroups: false,
            tiles_per_group: 1,
            workgroup: 64,
            max_flat_groups: u32::MAX,
            scan_fan: 64,
            serial_lanes: false,
        },
    ];

    /// Looks a profile up by name.
    pub fn named(name: &str) -> Option<Profile> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// Workgroups for a flat kernel over `items`, at least one so that empty scenes still dispatch.
    pub fn flat_groups(&self, items: u64) -> u32 {
        let groups = items.div_ceil(u64::from(self.workgroup)).max(1);
        u32::try_from(groups).unwrap_or(u32::MAX).min(self.max_flat_groups)
    }
}

/// What to ask for when opening a device.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Part of an adapter's name, or its number in [`Gpu::adapters`]; `None` takes the fastest kind.
    pub adapter: Option<String>,
    /// A profile name; `None` or `auto` lets the self-test decide.
    pub profile: Option<String>,
    /// Pretend the adapter cannot bind more than this many bytes (tests of chunking).
    pub max_binding_bytes: Option<u64>,
}

/// One adapter of this machine.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AdapterSummary {
    /// Name as the driver gives it.
    pub name: String,
    /// Graphics interface, such as `vulkan`.
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `Cpu`, …
    pub device_type: String,
    /// Driver name and version.
    pub driver: String,
}

/// What was opened, as recorded in run headers.
#[derive(Clone, Debug, serde::Serialize)]
pub struct GpuInfo {
    /// Name as the driver gives it.
    pub adapter: String,
    /// Graphics interface, such as `vulkan`.
    pub backend: String,
    /// Driver name and version.
    pub driver: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `Cpu`, …
    pub device_type: String,
    /// Execution profile, see [`Profile`].
    pub profile: &'static str,
    /// Subgroup size reported by the adapter (smallest, largest).
    pub subgroup_size: (u32, u32),
    /// Largest storage binding in bytes.
    pub max_binding_bytes: u64,
    /// Storage buffers one kernel may bind.
    pub max_storage_buffers: u32,
    /// Whether GPU time stamps are available.
    pub timestamps: bool,
    /// Adapter, driver, profile and shader hash in one line: equal fingerprints promise equal bits.
    pub fingerprint: String,
}

/// What a bind group holds: the number of its kernel, then buffer, offset and size by binding.
pub(crate) type BindKey = (u64, Vec<(wgpu::Buffer, u64, u64)>);

/// Bytes allocated on the device, now and at most, and the bind groups made of those buffers.
///
/// Steps bind the same buffers again and again, and some drivers never give the memory of a bind
/// group back. So groups are kept, until any buffer goes: they would keep its memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryMeter {
    now: AtomicU64,
    peak: AtomicU64,
    bind_groups: Mutex<HashMap<BindKey, wgpu::BindGroup>>,
}

impl MemoryMeter {
    pub(crate) fn add(&self, bytes: u64) {
        let now = self.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, bytes: u64) {
        self.now.fetch_sub(bytes, Ordering::Relaxed);
        lock(&self.bind_groups).clear();
    }

    /// The bind group of a key, made if it is new.
    pub(crate) fn bind_group(&self, key: BindKey, make: impl FnOnce(&BindKey) -> wgpu::BindGroup) -> wgpu::BindGroup {
        let mut groups = lock(&self.bind_groups);
        if let Some(group) = groups.get(&key) {
            return group.clone();
        }
        let group = make(&key);
        groups.insert(key, group.clone());
        group
    }
}

/// An open device with its queue, limits, profile and compiled kernels.
pub struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    info: GpuInfo,
    profile: Profile,
    pub(crate) memory: Arc<MemoryMeter>,
    kernels: Mutex<HashMap<String, Arc<Kernel>>>,
    kernel_count: AtomicU64,
    pub(crate) rings: Mutex<Vec<wgpu::Buffer>>,
    pub(crate) uniform_alignment: u32,
    failure: Arc<Mutex<Option<Failure>>>,
}

#[derive(Clone, Debug)]
enum Failure {
    Lost(String),
    OutOfMemory(String),
    Invalid(String),
}

/// Takes a lock even if another thread panicked while holding it: the data behind our locks is
/// replaced whole, never left half-written.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu").field("info", &self.info).finish_non_exhaustive()
    }
}

fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    // The API validates our calls at record time already; driver layers and the extra dispatch that
    // checks indirect arguments would only slow release builds down.
    descriptor.flags = wgpu::InstanceFlags::empty();
    wgpu::Instance::new(descriptor)
}

fn all_adapters() -> Vec<wgpu::Adapter> {
    let instance = instance();
    pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()))
}

fn summarize(adapter: &wgpu::Adapter) -> AdapterSummary {
    let info = adapter.get_info();
    AdapterSummary {
        name: info.name,
        backend: info.backend.to_string(),
        device_type: format!("{:?}", info.device_type),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
    }
}

fn speed_rank(adapter: &wgpu::Adapter) -> u32 {
    match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

const DRIVER_REMEDY: &str = "install a Vulkan driver (on Debian or Ubuntu without a GPU: \
     `sudo apt-get install mesa-vulkan-drivers`), then run `splat info --gpu`";

fn choose_adapter(wanted: Option<&str>) -> Result<wgpu::Adapter> {
    let mut adapters = all_adapters();
    adapters.sort_by_key(speed_rank);
    let Some(wanted) = wanted else {
        return adapters.into_iter().next().ok_or_else(|| Error::NoAdapter {
            problem: "no Vulkan, Metal or DirectX 12 adapter was found".into(),
            remedy: DRIVER_REMEDY.into(),
        });
    };
    let names: Vec<String> = adapters.iter().map(|adapter| adapter.get_info().name).collect();
    let position = wanted.parse::<usize>().ok().filter(|&i| i < names.len()).or_else(|| {
        let wanted = wanted.to_lowercase();
        names.iter().position(|name| name.to_lowercase().contains(&wanted))
    });
    match position {
        Some(index) => Ok(adapters.swap_remove(index)),
        None if names.is_empty() => {
            Err(Error::NoAdapter { problem: "no adapter was found".into(), remedy: DRIVER_REMEDY.into() })
        }
        None => Err(Error::NoAdapter {
            problem: format!("no adapter matches \"{wanted}\" (found: {})", names.join(", ")),
            remedy: "pass a number or a part of one of these names to --device".into(),
        }),
    }
}

/// Storage buffers per kernel that every profile can count on (WebGPU's default).
pub const PORTABLE_STORAGE_BUFFERS: u32 = 8;

impl Gpu {
    /// Lists the adapters of this machine, fastest kind first.
    pub fn adapters() -> Vec<AdapterSummary> {
        let mut adapters = all_adapters();
        adapters.sort_by_key(speed_rank);
        adapters.iter().map(summarize).collect()
    }

    /// Opens an adapter and picks its profile.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] when nothing fits, with what to install or which names exist.
    pub fn new(options: &GpuOptions) -> Result<Arc<Gpu>> {
        let adapter = choose_adapter(options.adapter.as_deref())?;
        let summary = summarize(&adapter);
        let available = adapter.features();
        let wanted = wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY;
        let features = available & wanted;
        let limits = adapter.limits();
        if limits.max_storage_buffers_per_shader_stage < PORTABLE_STORAGE_BUFFERS
            || limits.max_compute_invocations_per_workgroup < 256
        {
            return Err(Error::NoAdapter {
                problem: format!("{}: compute limits are below WebGPU's defaults", summary.name),
                remedy: "choose another adapter with --device, or update the driver".into(),
            });
        }
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("splat"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        }))
        .map_err(|source| Error::NoAdapter {
            problem: format!("{}: {source}", summary.name),
            remedy: DRIVER_REMEDY.into(),
        })?;
        let failure = Arc::new(Mutex::new(None));
        watch_for_failures(&device, &failure);

        let info = adapter.get_info();
        let mut gpu = Gpu {
            uniform_alignment: limits.min_uniform_buffer_offset_alignment.max(16),
            info: GpuInfo {
                adapter: summary.name,
                backend: summary.backend,
                driver: summary.driver,
                device_type: summary.device_type,
                profile: "min",
                subgroup_size: (info.subgroup_min_size, info.subgroup_max_size),
                max_binding_bytes: options
                    .max_binding_bytes
                    .unwrap_or(u64::MAX)
                    .min(limits.max_storage_buffer_binding_size)
                    .min(limits.max_buffer_size),
                max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
                timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
                fingerprint: String::new(),
            },
            device,
            queue,
            profile: Profile::ALL[3],
            memory: Arc::default(),
            kernels: Mutex::default(),
            kernel_count: AtomicU64::new(0),
            rings: Mutex::default(),
            failure,
        };
        gpu.profile = gpu.choose_profile(options.profile.as_deref(), features)?;
        gpu.info.profile = gpu.profile.name;
        gpu.info.fingerprint = format!(
            "{} | {} | {} | {} | shaders {:016x}",
            gpu.info.adapter,
            gpu.info.driver,
            gpu.info.backend,
            gpu.profile.name,
            super::shader::sources_hash()
        );
        Ok(Arc::new(gpu))
    }

    /// What was opened.
    pub fn info(&self) -> &GpuInfo {
        &self.info
    }

    /// How kernels are mapped to this adapter.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Largest number of device bytes that our buffers held at one time.
    pub fn peak_bytes(&self) -> u64 {
        self.memory.peak.load(Ordering::Relaxed)
    }

    /// Device bytes that our buffers hold now.
    pub fn used_bytes(&self) -> u64 {
        self.memory.now.load(Ordering::Relaxed)
    }

    /// A number no other kernel of this device has.
    pub(super) fn next_kernel_id(&self) -> u64 {
        self.kernel_count.fetch_add(1, Ordering::Relaxed)
    }

    /// Compiles a kernel, or returns it if it was compiled before with the same constants.
    pub fn kernel(&self, name: &str, constants: &[(&str, u32)]) -> Arc<Kernel> {
        let source = Source::expand(name, &self.profile, constants);
        let key = source.text.clone();
        if let Some(kernel) = lock(&self.kernels).get(&key) {
            return Arc::clone(kernel);
        }
        let kernel = Arc::new(Kernel::compile(self, name, &source));
        lock(&self.kernels).insert(key, Arc::clone(&kernel));
        kernel
    }

    /// Reports a failure of the device since it was opened, if any.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] or [`Error::OutOfMemory`].
    pub fn check(&self) -> Result<()> {
        let refused = matches!(*lock(&self.failure), Some(Failure::Invalid(_)));
        if refused {
            // A lost device refuses commands before it says that it is lost.
            let _ = self.device.poll(wgpu::PollType::Poll);
        }
        match lock(&self.failure).clone() {
            None => Ok(()),
            Some(Failure::Lost(problem)) => Err(Error::DeviceLost { problem }),
            Some(Failure::Invalid(problem)) => {
                Err(Error::DeviceLost { problem: format!("the device refused a command: {problem}") })
            }
            Some(Failure::OutOfMemory(what)) => Err(out_of_memory(what)),
        }
    }

    /// Gives the device up as a driver does that is updated or reset: work under way ends, everything later fails. For
    /// trying out what happens then.
    pub fn lose(&self) {
        self.device.destroy();
    }

    /// Runs `allocate`; when the device has no memory left for it, that is an error of this call alone and the device
    /// stays usable. What was made must not be written to before this returns.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn allocating<T>(&self, allocate: impl FnOnce() -> T) -> Result<T> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let made = allocate();
        match pollster::block_on(scope.pop()) {
            None => Ok(made),
            Some(error) => Err(out_of_memory(error.to_string())),
        }
    }

    /// Blocks until everything submitted so far is done.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn wait(&self) -> Result<()> {
        self.wait_for(None)
    }

    pub(crate) fn wait_for(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let waited = self.device.poll(wgpu::PollType::Wait { submission_index: submission, timeout: None });
        self.check()?;
        waited.map(|_| ()).map_err(|source| Error::DeviceLost { problem: source.to_string() })
    }

    fn choose_profile(&self, wanted: Option<&str>, features: wgpu::Features) -> Result<Profile> {
        let subgroups = features.contains(wgpu::Features::SUBGROUP);
        let runs = |profile: &Profile| {
            !profile.subgroups || (subgroups && super::selftest::subgroup_matches(self, profile.lanes))
        };
        match wanted.filter(|&name| name != "auto") {
            None => {
                let software = self.info.device_type == "Cpu";
                let best = Profile::ALL
                    .into_iter()
                    .find(|profile| (profile.name == "cpu8") == (software && profile.subgroups) && runs(profile));
                Ok(best.unwrap_or(Profile::ALL[3]))
            }
            Some(name) => {
                let profile = Profile::named(name).ok_or_else(|| Error::Settings {
                    problem: format!("unknown profile \"{name}\""),
                    remedy: "use auto, sg32, sg64, cpu8 or min".into(),
                })?;
                if runs(&profile) {
                    return Ok(profile);
                }
                Err(Error::NoAdapter {
                    problem: format!(
                        "{} cannot run profile {name} (its subgroups have {} to {} lanes)",
                        self.info.adapter, self.info.subgroup_size.0, self.info.subgroup_size.1
                    ),
                    remedy: "use --profile auto".into(),
                })
            }
        }
    }
}

fn out_of_memory(what: String) -> Error {
    let remedy = "lower --max-splats or --max-resolution, or close other programs that use the GPU".into();
    Error::OutOfMemory { what, remedy }
}

fn watch_for_failures(device: &wgpu::Device, failure: &Arc<Mutex<Option<Failure>>>) {
    let slot = Arc::clone(failure);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let found = match error {
            wgpu::Error::OutOfMemory { source } => Failure::OutOfMemory(source.to_string()),
            other => Failure::Invalid(other.to_string()),
        };
        lock(&slot).get_or_insert(found);
    }));
    let slot = Arc::clone(failure);
    // Also called when the device is given up in order, and then nobody looks any more.
    device.set_device_lost_callback(move |reason, message| {
        *lock(&slot) = Some(Failure::Lost(format!("{reason:?} {message}").trim().to_owned()));
    });
}
