//! `waybill-local`: the local cloud's commands. `make` calls it.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use waybill_local::{
    api_client::ApiClient,
    cloud, content, demo,
    error::{Context, Result},
    instance::Instance,
    issuer::Issuer,
    keys::{self, LinkSignerKeys},
    lake, say,
    stack::Stack,
    tenants, up,
};

#[derive(Parser)]
#[command(about = "Waybill on this machine: cloud, deployment, sample data, demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the local cloud, deploy into it and leave it running.
    Up {
        /// Which local cloud: `default` for exploring, `test` for the tests.
        #[arg(long, default_value = "default")]
        instance: String,
    },
    /// End the local cloud; its state is lost.
    Down {
        /// Which local cloud.
        #[arg(long, default_value = "default")]
        instance: String,
    },
    /// Deliver a real report end to end, and show every step.
    Demo {
        /// Which local cloud.
        #[arg(long, default_value = "default")]
        instance: String,
    },
    /// Fill a stack's secrets with keys where they are empty. Uses the AWS credentials of the environment.
    InitKeys {
        /// Name of the CloudFormation stack.
        #[arg(long)]
        stack: String,
        /// Make a new access key of the link signer, which signs from now on.
        #[arg(long)]
        rotate_link_signer: bool,
        /// Delete the link signer's access keys, so that the stack can be deleted. Every direct link ends.
        #[arg(long, conflicts_with = "rotate_link_signer")]
        remove_link_signer: bool,
    },
    /// Create a further sample tenant, or renew a tenant's credential.
    Tenant {
        /// Its id.
        id: String,
        /// Which local cloud.
        #[arg(long, default_value = "default")]
        instance: String,
    },
    /// Generate wallet transactions as Hive-partitioned Parquet.
    Lake {
        /// Folder to write to.
        #[arg(long)]
        out: PathBuf,
        /// Number of transactions, 1,000 to 100,000,000.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
        rows: u64,
        /// The same seed makes the same data.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Ids of the tenants.
        #[arg(long, value_delimiter = ',', default_values_t = up::TENANTS.map(str::to_owned))]
        tenants: Vec<String>,
    },
    /// Check report definitions, and triggers against them; faults come as file, line and reason.
    CheckReports {
        /// Folder of the definitions.
        dir: PathBuf,
        /// Folder of the files of triggers.
        #[arg(long)]
        triggers: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    waybill_local::install_crypto();
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Up { instance } => {
            let stack = up::up(&Instance::new(&instance)?, &bin_dir()?).await?;
            say(up::guide(&stack));
        }
        Command::Down { instance } => {
            let was_running = cloud::stop(&Instance::new(&instance)?).await?;
            say(if was_running { "The local cloud has ended." } else { "No local cloud was running." });
        }
        Command::Demo { instance } => demo::run(&Instance::new(&instance)?, &bin_dir()?).await?,
        Command::InitKeys { stack, rotate_link_signer, remove_link_signer } => {
            let link_signer = match (rotate_link_signer, remove_link_signer) {
                (true, _) => LinkSignerKeys::Rotate,
                (_, true) => LinkSignerKeys::Remove,
                _ => LinkSignerKeys::Ensure,
            };
            let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
            let made = keys::init(&config, &stack, link_signer).await?;
            say(if made.is_empty() { "No key had to be made.".into() } else { format!("Made: {}", made.join(", ")) });
            if remove_link_signer {
                say("The link signer has no access key any more; the stack can be deleted.");
            }
        }
        Command::Tenant { id, instance } => tenant(&id, &Instance::new(&instance)?).await?,
        Command::Lake { out, rows, seed, tenants } => {
            let summary = lake::generate(&out, rows, seed, &tenants).context("generate the lake")?;
            say(format_args!("{summary:?}"));
        }
        Command::CheckReports { dir, triggers } => {
            say(format_args!("{} report definitions are well-formed.", content::check_reports(&dir)?));
            if let Some(triggers) = triggers {
                say(format_args!("{} files of triggers fit them.", content::check_triggers(&triggers, &dir)?));
            }
        }
    }
    Ok(())
}

async fn tenant(id: &str, instance: &Instance) -> Result<()> {
    let mut stack = Stack::load_from(&instance.stack_file())?;
    let issuer = Issuer::load(&stack.issuer.key_path)?;
    let admin = ApiClient::new(&stack)?.with_token(&stack.admin_token);
    let made = tenants::ensure(&admin, &issuer, id, stack.tenant(id)).await?;
    say(&made.token);
    stack.tenants.retain(|tenant| tenant.id != id);
    stack.tenants.push(made);
    stack.save(&instance.stack_file())
}

/// The functions' binaries lie beside this one.
fn bin_dir() -> Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    Ok(program.parent().map(PathBuf::from).unwrap_or_default())
}
