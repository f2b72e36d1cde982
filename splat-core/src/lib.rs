//! Reconstruction of scenes as 3D Gaussians from posed images, deterministic, on any adapter that
//! wgpu reaches.
//!
//! The road: posed images → [`scene`] → [`scene::Dataset`] → [`train::Trainer`] → [`model::Model`]
//! (the stages of a [`recipe`], the rasterizer among them) → [`loss`] → backward → [`optim`] →
//! [`density`] → files. Read [`model`], then [`train`], then one recipe.
//!
//! Four lifetimes: a `Model` per device, [`params::Params`] per scene, [`stage::Scratch`] per capacity
//! and resolution, [`stage::Frame`] per step.
//!
//! # References
//! - Kerbl 2023: 3D Gaussian Splatting for Real-Time Radiance Field Rendering
//! - Zwicker 2001: EWA Volume Splatting
//! - Yu 2024: Mip-Splatting: Alias-free 3D Gaussian Splatting
//! - Ye 2024: AbsGS: Recovering Fine Details for 3D Gaussian Splatting
//! - Kheradmand 2024: 3D Gaussian Splatting as Markov Chain Monte Carlo
//! - Girish 2024: EAGLES: Efficient Accelerated 3D Gaussians with Lightweight Encodings
//! - Wang 2004: Image Quality Assessment: From Error Visibility to Structural Similarity
//! - Kingma 2015: Adam: A Method for Stochastic Optimization
//! - Fritsch & Carlson 1980: Monotone Piecewise Cubic Interpolation
//! - Fritsch & Butland 1984: A Method for Constructing Local Monotone Piecewise Cubic Interpolants
//! - Huffman 1952: A Method for the Construction of Minimum-Redundancy Codes
//! - Wang & Song 2011: Ckmeans.1d.dp: Optimal k-means Clustering in One Dimension by Dynamic Programming
//! - Wang 2012: Fast Approximate k-Means via Cluster Closures
//! - Duda 2013: Asymmetric Numeral Systems: Entropy Coding Combining Speed of Huffman Coding with Compression Rate of
//!   Arithmetic Coding
//! - de Queiroz & Chou 2016: Compression of 3D Point Clouds Using a Region-Adaptive Hierarchical Transform
//! - Skilling 2004: Programming the Hilbert Curve
//! - Meyer 2010: On Floating-Point Normal Vectors
//! - Duff 2017: Building an Orthonormal Basis, Revisited

#![allow(rustdoc::broken_intra_doc_links, reason = "shapes are written as [N, 3]; links are checked by eye")]

pub mod archive;
pub mod atomic;
pub mod bench;
pub mod camera_path;
pub mod codec;
pub mod density;
pub mod edit;
pub mod error;
pub mod formats;
pub mod gpu;
pub mod look;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod optim;
mod parallel;
pub mod params;
pub mod preview;
pub mod recipe;
pub mod render;
pub mod run;
pub mod scene;
pub mod schedule;
pub mod session;
pub mod settings;
pub mod stage;
pub mod text;
pub mod train;

pub use error::{Error, Result};
