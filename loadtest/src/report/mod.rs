//! Reports of a measurement, for people and programs.
//!
//! - [`json`]: the file that everything else is made from.
//! - [`table`]: the summary for a terminal.
//! - [`hgrm`]: histograms as other tools of `HdrHistogram` read them.
//! - [`html`]: one page with charts, which needs nothing but a browser.

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
