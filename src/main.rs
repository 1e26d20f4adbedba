//! `edgestage`: passes the arguments and the environment to [`edgestage::run`] and exits with
//! its code.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use edgestage::util::environment::Environment;
use rustix::termios::tcgetwinsize;

fn main() -> ExitCode {
    let terminal = std::io::stderr().is_terminal();
    let size = tcgetwinsize(std::io::stdout()).ok();
    let environment = Environment {
        variables: std::env::vars_os().collect(),
        directory: std::env::current_dir().unwrap_or_default(),
        terminal,
        interactive: terminal && std::io::stdin().is_terminal(),
        columns: size.map(|size| size.ws_col).filter(|columns| *columns > 0),
    };
    let arguments: Vec<_> = std::env::args_os().collect();
    ExitCode::from(edgestage::run(&arguments, &environment).code())
}
