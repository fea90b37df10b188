//! Reports of a measurement, for people and programs.
//!
//! - [`json`]: the file that all others are made from.
//! - [`table`]: the summary for a terminal.
//! - [`hgrm`]: histograms for other tools of `HdrHistogram`.
//! - [`html`]: one page with charts for a browser.

#[cfg(test)]
mod browser;
mod charts;
mod figures;
pub mod hgrm;
pub mod html;
pub mod json;
#[cfg(test)]
pub(crate) mod sample;
pub mod table;
