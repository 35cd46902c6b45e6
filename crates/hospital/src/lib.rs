//! hospital
