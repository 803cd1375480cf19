//! Holds the real engine and the fake to one contract, and the real one to what only a real one can show. Needs a Docker
//! Engine, docker-compose 1.29 and `/bin/busybox` (package busybox-static); without them these tests fail.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests make the files they show, and stop where something is wrong"
)]

mod compose;
mod container;
mod contract;
mod image;
mod lab;
