//! Benches of the serving path, in `benches/`. Build the examples first: `make build`.
