//! `edgestage`: argv and environment in, exit code out.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use edgestage::environment::Environment;
use terminal_size::{Width, terminal_size_of};

fn main() -> ExitCode {
    let terminal = std::io::stderr().is_terminal();
    let environment = Environment {
        variables: std::env::vars_os().collect(),
        directory: std::env::current_dir().unwrap_or_default(),
        terminal,
        interactive: terminal && std::io::stdin().is_terminal(),
        columns: terminal_size_of(std::io::stdout()).map(|(Width(columns), _)| columns),
    };
    let arguments: Vec<_> = std::env::args_os().collect();
    ExitCode::from(edgestage::run(&arguments, &environment).code())
}
