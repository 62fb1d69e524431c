//! The AI servers of [`causerie_testkit::ai`], on ports of one's own.
//!
//! ```text
//! causerie-fake-ai --openai 9001 --anthropic 9002 --behaviour tokens-50@20
//! ```
//!
//! Prints the URL of each as a line, `openai http://127.0.0.1:9001/`, when it
//! listens. `GET /calls` answers the calls so far. Ends on Ctrl-C or SIGTERM.

use anyhow::ensure;
use causerie_testkit::ai::{AiOptions, AiServer, Behaviour, Provider};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Speaks the AI providers' streaming formats, errors included, on loopback.
#[derive(Parser)]
#[command(name = "causerie-fake-ai", version)]
struct Args {
    /// Speak OpenAI's chat completions on this port; 0 is any.
    #[arg(long, value_name = "PORT")]
    openai: Option<u16>,
    /// Speak Anthropic's Messages on this port; 0 is any.
    #[arg(long, value_name = "PORT")]
    anthropic: Option<u16>,
    /// What a request gets that names no behaviour, by its model, the header
    /// x-fake-ai or the query ?behaviour=
    #[arg(long, default_value = "hello")]
    behaviour: Behaviour,
    /// Refuse requests without this key.
    #[arg(long)]
    key: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let wanted = [
        ("openai", Provider::OpenAi, args.openai),
        ("anthropic", Provider::Anthropic, args.anthropic),
    ];
    let mut servers = Vec::new();
    for (name, provider, port) in wanted {
        let Some(port) = port else { continue };
        let server = AiServer::start(AiOptions {
            port,
            key: args.key.clone(),
            behaviour: args.behaviour.clone(),
            ..AiOptions::new(provider)
        });
        let server = server.await?;
        announce(name, &server);
        servers.push(server);
    }
    ensure!(
        !servers.is_empty(),
        "nothing to do: give --openai PORT, --anthropic PORT or both"
    );

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Whoever started the program reads the URLs from its output.
#[allow(clippy::print_stdout)]
fn announce(name: &str, server: &AiServer) {
    println!("{name} {}", server.url());
}
