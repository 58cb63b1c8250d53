//! `glass man`: the manual page, with all subcommands.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::Args;
use super::exit::Exit;
use super::failure::Failure;
use super::out;

/// Prints the page, for `man -l -`.
pub fn run() -> Result<Exit, Failure> {
    let page = page().map_err(|error| Failure::new(Exit::Failed, "the page cannot be made").caused_by(&error))?;
    out::print(&page)?;
    Ok(Exit::Done)
}

fn page() -> io::Result<String> {
    let mut command = <Args>::command();
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    add_subcommands(&mut page, &command)?;
    Ok(page)
}

/// Adds a section for each subcommand, without the options that all have.
fn add_subcommands(page: &mut String, command: &Command) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        let own = subcommand.clone().mut_args(|arg| {
            let shared = arg.is_global_set() || arg.get_id() == "help";
            arg.hide(shared)
        });
        let man = Man::new(own);
        let mut section = Vec::new();
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        man.render_extra_section(&mut section)?;
        let name = subcommand.get_bin_name().unwrap_or(subcommand.get_name());
        page.push_str(&format!(".SH {}\n", name.to_uppercase()));
        page.push_str(&String::from_utf8_lossy(&section).replace(".SH ", ".SS "));
        add_subcommands(page, subcommand)?;
    }
    Ok(())
}
