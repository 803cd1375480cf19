//! Moves a fleet of OpenClaw agents from bare-metal processes into Docker containers, group by group, and back.
//!
//! Data goes one way: [`scan`] makes an [`inventory`], [`plan`] makes a plan of it, [`step`] makes the list of steps,
//! [`execute`] walks that list (dry run, run, resume, rollback) under a [`journal`], [`report`] shows it. The rooms
//! [`host`], [`docker`] and [`openclaw`] are the only ones that change the host, talk to Docker, and know OpenClaw.

pub mod cli;
pub mod display;
pub mod docker;
pub mod execute;
pub mod host;
pub mod inventory;
pub mod journal;
mod lines;
pub mod openclaw;
pub mod plan;
pub mod report;
pub mod scan;
pub mod secret;
pub mod step;
pub mod units;
