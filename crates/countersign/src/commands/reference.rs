//! The reference of this command line, written from its declaration.

use clap::CommandFactory as _;

use super::Done;
use crate::cli::Cli;
use crate::error::Exit;
use crate::output;

/// Prints the reference as Markdown.
pub fn run() -> Done {
    let mut text =
        String::from("# The command line\n\nWritten from the program itself; `cargo xtask` keeps it true.\n");
    section(&mut Cli::command(), "countersign", &mut text);
    output::say(text.trim_end());
    Ok(Exit::Done)
}

fn section(command: &mut clap::Command, path: &str, text: &mut String) {
    let help = command.clone().bin_name(path).disable_help_subcommand(true).render_long_help();
    text.push_str(&format!("\n## `{path}`\n\n```text\n{}\n```\n", help.to_string().trim_end()));
    let names: Vec<String> =
        command.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| c.get_name().to_owned()).collect();
    for name in names {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            section(sub, &format!("{path} {name}"), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_arguments_of_a_command_are_called_alike() {
        Cli::command().debug_assert();
    }
}
