//! The window.

mod action;
mod compare;
mod display;
mod panels;
mod parts;
mod scores;
mod thumbnails;
