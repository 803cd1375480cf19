//! The `ocmigrate` command.

fn main() {}
