//! The desktop window.

mod action;
mod background;
mod commands;
mod dialogs;
mod display;
mod export_dialog;
mod files;
mod guard;
mod menu;
mod no_adapter;
mod palette;
mod prefs;
mod shortcuts;
mod status;
mod theme;
mod toasts;
mod welcome;
