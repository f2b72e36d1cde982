//! A compute pipeline that knows its bindings by name.
//!
//! Binding numbers and kinds are read from the WGSL, so host and shader cannot disagree: the caller
//! names each buffer, and a missing or extra name panics with both lists.

use std::num::NonZeroU64;

use bytemuck::Pod;

use super::buffer::Binding;
use super::device::Gpu;
use super::pass::Pass;
use super::shader::Source;

/// A compiled kernel.
#[derive(Debug)]
pub struct Kernel {
    name: String,
    // Unlike the name, never shared by two permutations.
    id: u64,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    uniform: Option<(u32, u64)>,
    storage: Vec<(u32, String)>,
}

/// Most workgroups along one axis that every adapter allows.
const MAX_GROUPS_PER_AXIS: u32 = 65_535;

impl Kernel {
    pub(super) fn compile(gpu: &Gpu, name: &str, source: &Source) -> Kernel {
        let module = source.parse().unwrap_or_else(|message| panic!("{message}"));
        let (uniform, storage, entries) = reflect(&module);
        let layout = gpu
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(name), entries: &entries });
        let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(source.text.as_str().into()),
        };
        // SAFETY: our kernels index within the sizes the host passes and all their loops end; tests
        // run them with checks compiled in (`SPLAT_CHECKED_SHADERS=1`).
        let module = if std::env::var_os("SPLAT_CHECKED_SHADERS").is_some() {
            gpu.device.create_shader_module(descriptor)
        } else {
            unsafe { gpu.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
        };
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            // Every kernel writes its workgroup memory before reading it.
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        Kernel { name: name.to_owned(), id: gpu.next_kernel_id(), pipeline, layout, uniform, storage }
    }

    /// Records a dispatch of `groups` workgroups (spread over two axes when there are many).
    ///
    /// # Panics
    /// When the names do not match the shader's bindings, or the uniform's size does not: bugs of ours.
    pub fn run<U: Pod>(&self, pass: &mut Pass<'_>, groups: u32, uniform: &U, buffers: &[(&str, Binding<'_>)]) {
        let bytes = bytemuck::bytes_of(uniform);
        let mut parts = Vec::with_capacity(buffers.len() + 1);
        let mut offset = None;
        if let Some((_, size)) = self.uniform {
            let given = bytes.len() as u64;
            assert!(given == size, "{}: uniform has {given} bytes, the shader expects {size}", self.name);
            offset = Some(pass.push_uniform(bytes));
            parts.push((pass.ring.clone(), 0, size));
        }
        for name in self.storage.iter().map(|(_, name)| name.as_str()) {
            let buffer = buffers.iter().find(|(given, _)| *given == name).map(|(_, buffer)| buffer);
            let Some(buffer) = buffer.filter(|_| buffers.len() == self.storage.len()) else {
                let wanted: Vec<_> = self.storage.iter().map(|(_, name)| name).collect();
                let given: Vec<_> = buffers.iter().map(|(name, _)| name).collect();
                panic!("{}: shader has {wanted:?}, host passes {given:?}", self.name);
            };
            parts.push((buffer.buffer.clone(), buffer.offset, buffer.bytes.map_or(0, NonZeroU64::get)));
        }
        let group = pass.gpu.memory.bind_group((self.id, parts), |(_, parts)| self.bind_group(pass.gpu, parts));
        let compute = pass.compute();
        compute.set_pipeline(&self.pipeline);
        compute.set_bind_group(0, &group, offset.as_slice());
        let groups = groups.max(1);
        let down = groups.div_ceil(MAX_GROUPS_PER_AXIS);
        compute.dispatch_workgroups(groups.div_ceil(down), down, 1);
    }
}

impl Kernel {
    fn bind_group(&self, gpu: &Gpu, parts: &[(wgpu::Buffer, u64, u64)]) -> wgpu::BindGroup {
        let numbers =
            self.uniform.iter().map(|(binding, _)| binding).chain(self.storage.iter().map(|(binding, _)| binding));
        let mut entries = Vec::with_capacity(parts.len());
        for (&binding, (buffer, offset, bytes)) in numbers.zip(parts) {
            let part = wgpu::BufferBinding { buffer, offset: *offset, size: NonZeroU64::new(*bytes) };
            entries.push(wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(part) });
        }
        gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&self.name),
            layout: &self.layout,
            entries: &entries,
        })
    }
}

type Reflection = (Option<(u32, u64)>, Vec<(u32, String)>, Vec<wgpu::BindGroupLayoutEntry>);

fn reflect(module: &naga::Module) -> Reflection {
    let mut uniform = None;
    let mut storage = Vec::new();
    let mut entries = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        let name = variable.name.clone().unwrap_or_default();
        let ty = match variable.space {
            naga::AddressSpace::Uniform => {
                let size = u64::from(module.types[variable.ty].inner.size(module.to_ctx()));
                uniform = Some((binding.binding, size));
                wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: true,
                    min_binding_size: NonZeroU64::new(size),
                }
            }
            naga::AddressSpace::Storage { access } => {
                let read_only = !access.contains(naga::StorageAccess::STORE);
                storage.push((binding.binding, name));
                wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Storage { read_only },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                }
            }
            _ => continue,
        };
        entries.push(wgpu::BindGroupLayoutEntry {
            binding: binding.binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty,
            count: None,
        });
    }
    (uniform, storage, entries)
}
