//! The command line: arguments in, results on stdout, everything else on stderr, an exit code that says what happened.

pub(crate) mod args;
mod bench;
mod check;
mod eval;
pub(crate) mod export;
mod info;
mod manual;
pub(crate) mod output;
mod progress;
mod render;
mod render_path;
mod settings;
mod signals;
pub(crate) mod target;
mod train;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;
use splat_core::Error;

use args::{Args, Verb};

/// `--require-psnr` was not reached.
#[derive(Debug)]
struct BelowThreshold {
    found: f64,
    required: f64,
}

impl std::fmt::Display for BelowThreshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "held-out PSNR is {:.3} dB, below the required {:.3} dB", self.found, self.required)
    }
}

impl std::error::Error for BelowThreshold {}

/// Exit code of [`BelowThreshold`].
const BELOW_THRESHOLD: u8 = 7;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let args = Args::parse();
    let quiet = args.quiet;
    let result = run(args.verb.unwrap_or_else(no_verb), quiet);
    result.map_or_else(|error| report(&error), ExitCode::from)
}

/// The window, or the help where there is none.
#[cfg(feature = "gui")]
fn no_verb() -> Verb {
    Verb::View(args::ViewArgs { target: None, gpu: args::GpuArgs::default() })
}

/// The window, or the help where there is none.
#[cfg(not(feature = "gui"))]
fn no_verb() -> Verb {
    use clap::CommandFactory;
    Args::command().error(clap::error::ErrorKind::MissingSubcommand, "this build has no window: name a command").exit()
}

fn run(verb: Verb, quiet: bool) -> anyhow::Result<u8> {
    match verb {
        #[cfg(feature = "gui")]
        Verb::View(view) => crate::gui::run(&view),
        Verb::Train(train) => train::run(&train, quiet),
        Verb::Eval(eval) => eval::run(&eval, quiet),
        Verb::Render(render) => render::run(&render, quiet),
        Verb::Export(export) => export::run(&export, quiet),
        Verb::Info(info) => info::run(&info),
        Verb::Bench(bench) => bench::run(&bench),
        Verb::Settings(settings) => settings::run(&settings),
        Verb::Completions { shell } => manual::completions(shell),
        Verb::Man { dir } => manual::pages(dir.as_deref()),
    }
}

/// Runs a command line, for tests of what else should come to the same.
#[cfg(all(test, feature = "gui"))]
pub(crate) fn run_words(words: &[&str]) -> anyhow::Result<u8> {
    let args = Args::try_parse_from(words)?;
    run(args.verb.unwrap_or_else(no_verb), true)
}

/// Tells an error as `splat: what: why` and chooses the exit code.
fn report(error: &anyhow::Error) -> ExitCode {
    let is_broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    // Whoever read our output has what they wanted: `splat settings | head`.
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    output::error(&splat_core::session::chain(error.as_ref()));
    let core = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    if let Some(Error::NoAdapter { remedy, .. }) = core
        && !remedy.contains("mesa-vulkan-drivers")
    {
        output::note("on Debian and Ubuntu, `sudo apt-get install mesa-vulkan-drivers` installs a software adapter");
    }
    if error.is::<BelowThreshold>() {
        return ExitCode::from(BELOW_THRESHOLD);
    }
    ExitCode::from(core.and_then(|error| u8::try_from(error.exit_code()).ok()).unwrap_or(1))
}
