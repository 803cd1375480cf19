//! The only room that knows OpenClaw: its configuration, releases, layout on disk, health and command line.
//!
//! Pure: texts and values in, values out. Nothing here opens a file, starts a process or uses the network.

mod accounts;
mod agents;
mod auth_store;
mod bindings;
mod channels;
mod credentials;
mod edges;
mod edit;
mod include;
mod loopback;
mod merged;
mod secret_file;
mod tree;
mod value;

pub mod bind;
pub mod command;
pub mod config;
pub mod environment;
pub mod facts;
pub mod health;
pub mod layout;
pub mod meaning;
pub mod output;
pub mod release;

pub use auth_store::{auth_store, oauth_logins};
pub use bind::{Rewrite, RewriteError, Rewritten, find_included_tie, for_container};
pub use bindings::{BindingProblem, BindingProblemKind};
pub use config::{ConfigError, Document};
pub use credentials::{FoundCredential, Unresolved};
pub use edges::{MOST_RELATIONS, Relation};
pub use facts::{Context, Facts, facts};
pub use include::{
    IncludeError, IncludeProblem, IncludeReader, MAX_INCLUDE_BYTES, Origin, include_roots, merge,
};
pub use loopback::LoopbackUrl;
pub use meaning::meaning;
pub use merged::Merged;
pub use release::Version;
pub use secret_file::SecretFile;
