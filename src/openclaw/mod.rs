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
mod known_secrets;
mod loopback;
mod merged;
mod relative;
mod secret_file;
mod secret_names;
mod skill;
mod tree;
mod value;

pub mod bind;
pub mod command;
pub mod config;
pub mod environment;
pub mod facilities;
mod facts;
pub mod health;
pub mod layout;
pub mod meaning;
pub mod output;
pub mod release;
pub mod sessions;

pub use auth_store::{auth_store, oauth_logins};
pub use bind::{Rewrite, RewriteError, Rewritten, find_included_tie, for_container};
pub use bindings::{BindingProblem, BindingProblemKind};
pub use config::{ConfigError, Document, MAX_BYTES, MAX_ENTRIES};
pub use credentials::{FoundCredential, Unresolved};
pub use edges::{MOST_RELATIONS, Relation};
pub use facts::{Browser, Context, Facts, facts};
pub use include::{
    IncludeError, IncludeProblem, IncludeReader, MAX_INCLUDE_BYTES, Origin, include_roots, merge,
};
pub use known_secrets::known_secrets;
pub use loopback::{LoopbackUrl, addresses as loopback_addresses};
pub use meaning::meaning;
pub use merged::Merged;
pub use release::Version;
pub use secret_file::SecretFile;
pub use skill::{SkillPrograms, skill_programs};
