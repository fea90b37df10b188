//! Components, from what a shard is given to the functions that it calls.
//!
//! - [`id`]: what components and actions are known by
//! - [`source`]: a component as a shard is given it
//! - [`kind`]: what it is, which follows from what it exports
//! - [`actions`]: its actions, and the two ways to call one
//! - [`exports`]: its functions that the host calls, and their types
//! - [`loaded`]: a component, ready for instances to be made of it
//! - [`registry`]: all components of a shard

mod actions;
pub(crate) mod exports;
pub(crate) mod id;
pub(crate) mod kind;
pub(crate) mod loaded;
pub(crate) mod registry;
pub(crate) mod source;
