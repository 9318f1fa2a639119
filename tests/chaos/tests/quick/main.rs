//! The short forms of `make chaos` and `make soak`, all at once: they wait most of the time.

mod every_byte;
mod prosody;
mod soak;
