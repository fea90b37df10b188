//! The limits of buckets, keys and values.

/// The longest name of a bucket, the longest key and the longest prefix, in bytes.
pub const MAX_NAME: usize = 1024;

/// The longest value, in bytes.
pub const MAX_VALUE: usize = 16 * 1024 * 1024;
