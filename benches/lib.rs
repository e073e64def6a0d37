//! Measurements of Squall; the benches themselves are in `benches/`.
