//! Moves a fleet of OpenClaw agents from bare-metal processes into Docker containers, and back.
