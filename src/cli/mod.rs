//! The only room with argv, prompts, progress and exit codes; one file a subcommand. stdout is data, stderr is
//! everything else.

mod check_plan;
mod counter;
mod execute;
mod export;
mod failure;
mod finalize;
mod fold;
mod inspect;
mod plan;
mod plan_file;
mod prompt;
mod recover;
mod rollback;
mod scan;
mod setting;
mod status;
mod terminal;
mod tokens;
mod verify;
mod wishes;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use terminal::Terminal;

/// Move OpenClaw agents from bare-metal processes into Docker containers, group by group, and back
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    /// Keep journals and manifests in DIR
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/var/lib/ocmigrate"
    )]
    state_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find gateways, their files, credentials and starters; changes nothing
    Scan(scan::Scan),
    /// Tell what configurations, state directories and unit files say, without looking at processes
    Inspect(inspect::Inspect),
    /// Decide groups, budgets and names, and write them to a file
    Plan(plan::Plan),
    /// Move a group into its container
    Execute(execute::Execute),
    /// Bring a group back to bare metal, keeping what was written since
    Rollback(rollback::Rollback),
    /// Bring a group whose run was cut off back to bare metal; a unit runs this at boot
    Recover(recover::Recover),
    /// Give up the way back of a group: remove what rollback would need
    Finalize(finalize::Finalize),
    /// Show where every group stands
    Status(status::Status),
    /// Compare plan and journal with what runs
    Verify(verify::Verify),
    /// List every credential of a plan, its gateway today and its container tomorrow; never a value
    Tokens(tokens::Tokens),
    /// Write what a plan describes for another tool, without executing it
    Export(export::Export),
    /// Tell the whole story of a finding
    Explain(scan::Explain),
}

/// Runs the command line of this process and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    let terminal = Terminal::new();
    match run(&arguments, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => terminal.fail(&failure),
    }
}

fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let state = &arguments.state_dir;
    match &arguments.command {
        Command::Scan(scan) => scan.run(terminal),
        Command::Inspect(inspect) => inspect.run(terminal),
        Command::Plan(plan) => plan.run(terminal),
        Command::Execute(execute) => execute.run(state, terminal),
        Command::Rollback(rollback) => rollback.run(state, terminal),
        Command::Recover(recover) => recover.run(state, terminal),
        Command::Finalize(finalize) => finalize.run(state, terminal),
        Command::Status(status) => status.run(state, terminal),
        Command::Verify(verify) => verify.run(state, terminal),
        Command::Tokens(tokens) => tokens.run(terminal),
        Command::Export(export) => export.run(state, terminal),
        Command::Explain(explain) => explain.run(terminal),
    }
}
