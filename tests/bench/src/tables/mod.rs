//! What is measured of ours alone.

mod core;
mod memory;
mod scale;
mod sessions;

pub use core::core;
pub use memory::memory;
pub use scale::scale;
pub use sessions::sessions;
