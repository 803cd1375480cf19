//! `lab services`: the Bot API and the model server, until a signal.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ocmigrate_lab::services::{Options, Services as Running, lab_address};
use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;

/// Run the Bot API and the model server until SIGINT or SIGTERM
#[derive(Debug, Args)]
pub(super) struct Services {
    /// Listen on ADDRESS, and add it to `lo` if it is missing
    #[arg(long, default_value_t = lab_address())]
    address: IpAddr,
    /// Serve the Bot API on PORT
    #[arg(long, value_name = "PORT", default_value_t = 9600)]
    bot_port: u16,
    /// Serve the Bot API as api.telegram.org, with TLS, on PORT
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    tls_port: u16,
    /// Serve the model on PORT
    #[arg(long, value_name = "PORT", default_value_t = 9700)]
    model_port: u16,
    /// Let every answer of the model take MS milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    model_delay_ms: u64,
    /// Write the ledger to DIR/ledger.json at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Services {
    pub(super) fn run(self) -> Outcome {
        let Self {
            address,
            bot_port,
            tls_port,
            model_port,
            model_delay_ms,
            data,
        } = self;
        let model_delay = Duration::from_millis(model_delay_ms);
        let running = Running::start(&Options {
            address,
            bot_port,
            tls_port,
            model_port,
            model_delay,
        })?;
        let (bot, model) = (running.bot_address(), running.model_address());
        writeln!(
            io::stdout().lock(),
            "bot api http://{bot}\nmodel http://{model}/v1"
        )?;
        wait_for_signal()?;
        if let Some(directory) = data {
            fs::create_dir_all(&directory)?;
            let ledger = serde_json::to_vec_pretty(&running.client().ledger()?)?;
            fs::write(directory.join("ledger.json"), ledger)?;
        }
        Ok(())
    }
}

fn wait_for_signal() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}
