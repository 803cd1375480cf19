//! The fault matrix: every call that changes something fails, or the program dies there, and the world must still end in
//! one of two states, with never two pollers. Everything runs against the machine and the engine in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fleet;
mod machine;
mod snapshot;
mod starters;
mod world;

mod chosen;
mod crash;
mod fail;
mod refuse;
mod repeat;
mod resurrect;
mod road;
