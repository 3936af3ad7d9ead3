//! HELP of every command with subcommands, made from their facts.

use crate::exec::{Call, Command, Flow, Outcome};
use crate::spec::categories::Categories;
use crate::spec::flags::Flags;
use crate::spec::{Group, Spec, syntax};

/// The HELP subcommand of a parent in `group`.
pub(super) const fn command(group: Group, since: &'static str, categories: Categories) -> Command {
    Command::new(
        Spec {
            name: "help",
            group,
            since,
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            categories,
            summary: "Prints this help.",
            ..Spec::NEW
        },
        help,
    )
}

fn help(call: &mut Call<'_>) -> Outcome {
    let parent = call.name().split('|').next().unwrap_or_default().to_owned();
    let row = call.table.find(parent.as_bytes()).map(|id| call.table.row(id));
    let subcommands = row.map_or(&[][..], |row| row.command.subcommands);
    let lines = subcommands
        .iter()
        .map(|command| (command.spec.name, command.spec.syntax, command.spec.summary));
    print(call, &parent, lines.collect());
    Ok(Flow::Done)
}

/// Replies with a line and an explanation for each of `(name, syntax, summary)`.
pub(super) fn print(call: &mut Call<'_>, parent: &str, mut lines: Vec<(&str, &str, &str)>) {
    // HELP itself comes last.
    lines.sort_by_key(|(name, ..)| *name == "help");
    let parent = parent.to_uppercase();
    call.out.array(1 + lines.len() * 2);
    call.out.status(&format!("{parent} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (name, syntax, summary) in lines {
        let syntax = syntax::plain(syntax);
        call.out.status(format!("{} {syntax}", name.to_uppercase()).trim_end());
        call.out.status(&format!("    {summary}"));
    }
}
