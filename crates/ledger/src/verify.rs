//! verify, being written.
