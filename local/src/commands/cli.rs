//! The command line.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::PossibleValuesParser};
use jiff::tz::TimeZone;
use local::{Data, Import, Mapping, Options, Settings};

/// The options of how a local stack runs.
const LOCAL_STACK: [&str; 7] = ["memory", "env", "parameter", "messages", "dynamodb", "carriers", "release"];

/// Runs all of Rollcall on this computer.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo run --", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The port on 127.0.0.1; 0 takes any that is free.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Keep nothing: the data is gone when the stack stops.
    #[arg(long, global = true)]
    memory: bool,
    /// How many functions run at once, as an AWS account limits them; further requests are throttled.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// An environment variable for every function; it wins over the template's.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// The value of a template parameter.
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = pair)]
    parameter: Vec<(String, String)>,
    /// A folder with texts of messages, which replace the built-in ones (docs/messages.md).
    #[arg(long, global = true, value_name = "DIR", value_parser = folder)]
    messages: Option<PathBuf>,
    // Spelt here, where a doc comment would put its code marks into the help.
    #[arg(help = "Use the DynamoDB at this URL, such as DynamoDB Local's, instead of the embedded one")]
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint)]
    dynamodb: Option<String>,
    // As above.
    #[arg(
        help = "Drop text messages that carriers would drop: this file has a line for each text registered in India, its template id and the text"
    )]
    #[arg(long, global = true, value_name = "FILE")]
    carriers: Option<PathBuf>,
    /// Run release builds of the functions.
    #[arg(long, global = true)]
    pub(crate) release: bool,
}

/// What to do instead of running until Ctrl-C.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    CheckDeploy(CheckDeploy),
    CreateSuperuser(CreateSuperuser),
    ImportDjango(ImportDjango),
    Reindex(Reindex),
    CheckMessages(CheckMessages),
}

/// Check a folder with texts of messages, and print its text messages as carriers register them (docs/messages.md).
#[derive(Debug, Args)]
pub(crate) struct CheckMessages {
    /// The folder, which has a folder for each language.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The name of the stack, for texts that give it.
    #[arg(long, value_name = "NAME", default_value = "rollcall")]
    pub(crate) stack: String,
}

/// Check what `sam deploy` is about to deploy: the parameters in samconfig.toml, and the processor and the C library for which the
/// functions in target/lambda were built.
#[derive(Debug, Args)]
pub(crate) struct CheckDeploy {
    /// The environment in samconfig.toml, as for `sam deploy`.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) config_env: String,
}

/// Make a user who is staff, or make a user staff; what is not given here is asked for, and so is the password.
#[derive(Debug, Args)]
pub(crate) struct CreateSuperuser {
    /// The username.
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// The e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
}

/// Import the users and employees of a Django system from a file that its dumpdata wrote. The command can be run again: records
/// that are there stay as they are.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct ImportDjango {
    /// The file, JSON or JSON Lines, as it is: compressed with gzip, in UTF-16.
    pub(crate) dump: PathBuf,
    /// Report what the import would do, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The name of a deployed stack's function Import; the stack is then not the local one.
    #[arg(long, value_name = "NAME", conflicts_with_all = LOCAL_STACK)]
    pub(crate) function: Option<String>,
    /// The owner of employees that name none.
    #[arg(long, value_name = "USERNAME")]
    pub(crate) owner: Option<String>,
    /// What the Django system had verified before it made a user, although no field says so.
    #[arg(long, value_enum)]
    pub(crate) verified: Vec<Address>,
    /// Take the refresh tokens of the Django system here, once the stack knows the secret that signed them.
    #[arg(long)]
    pub(crate) refresh_tokens: bool,
    /// What users log in with. Without it, the values in the dump tell.
    #[arg(long, value_enum)]
    pub(crate) login: Option<Login>,
    /// What inactive users are: pending until their address is verified, or disabled. Without it, the dump has to show that a user
    /// is pending.
    #[arg(long, value_enum)]
    pub(crate) inactive: Option<Inactive>,
    /// The region of phone numbers without a country code, such as IN. Without it, the stack's.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The time zone of times without an offset, such as Asia/Kolkata.
    #[arg(long, value_name = "ZONE", value_parser = timezone, default_value = "UTC")]
    pub(crate) timezone: TimeZone,
    /// What a field means whose name does not say it, such as app.user.handle=username.
    #[arg(long, value_name = "APP.MODEL.FIELD=FIELD")]
    pub(crate) map: Vec<Mapping>,
    /// Apply what is different in the dump to the records that nobody has changed here since their import.
    #[arg(long)]
    pub(crate) update: bool,
    /// And delete those of them that are not in the dump.
    #[arg(long, requires = "update")]
    pub(crate) delete_missing: bool,
}

impl ImportDjango {
    /// What is to be done with the records of the dump.
    pub(crate) fn import(&self) -> Import {
        let settings = Settings {
            emails_are_verified: self.verified.contains(&Address::Email),
            phones_are_verified: self.verified.contains(&Address::Phone),
            login: self.login.map(|login| match login {
                Login::Username => local::Login::Username,
                Login::Email => local::Login::Email,
                Login::Phone => local::Login::Phone,
            }),
            inactive: self.inactive.map(|inactive| match inactive {
                Inactive::Pending => local::Inactive::Pending,
                Inactive::Disabled => local::Inactive::Disabled,
            }),
            refresh_tokens: self.refresh_tokens,
            owner: self.owner.clone(),
            region: self.region.clone(),
            timezone: self.timezone.clone(),
            map: self.map.clone(),
        };
        let Self { dry_run, update, delete_missing, .. } = *self;
        Import { settings, dry_run, update, delete_missing }
    }
}

/// Rewrite stored records in the shape of this release, all users and all employees. It can be run again, and beside traffic.
#[derive(Debug, Args)]
pub(crate) struct Reindex {
    /// Only records of this kind.
    #[arg(value_parser = PossibleValuesParser::new(local::Reindex::KINDS))]
    pub(crate) kind: Option<String>,
    /// Go on after the record with this key, where an interrupted run stopped.
    #[arg(long, value_name = "KEY")]
    pub(crate) after: Option<String>,
    /// The name of a deployed stack's function Reindex; the stack is then not the local one.
    #[arg(long, value_name = "NAME", conflicts_with_all = LOCAL_STACK)]
    pub(crate) function: Option<String>,
}

/// What users log in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Login {
    Username,
    Email,
    Phone,
}

/// What users are who are not active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inactive {
    Pending,
    Disabled,
}

/// Where a code can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Address {
    Email,
    Phone,
}

impl Arguments {
    /// The options for a stack in the workspace at `root`. The binaries' folder is known after the build.
    pub(crate) fn options(self, root: &Path) -> Options {
        let messages =
            self.messages.map(|folder| ("MESSAGES_FOLDER".to_owned(), folder.display().to_string()));
        Options {
            port: self.port,
            data: if self.memory { Data::Memory } else { Data::Folder(root.join(".local")) },
            env: self.env.into_iter().chain(messages).collect(),
            parameters: BTreeMap::from_iter(self.parameter),
            dynamodb: self.dynamodb,
            binaries: PathBuf::new(),
            template: root.join("template.yaml"),
            concurrency: self.concurrency,
            carriers: self.carriers,
            terminal: true,
        }
    }
}

/// The nearest folder upwards that holds `template.yaml`.
pub(crate) fn workspace() -> io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let root = here.ancestors().find(|folder| folder.join("template.yaml").is_file());
    root.map(ToOwned::to_owned).ok_or_else(|| io::Error::other("there is no template.yaml here or above"))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = std::path::absolute(text).map_err(|error| error.to_string())?;
    if folder.is_dir() { Ok(folder) } else { Err("it is no folder".to_owned()) }
}

fn timezone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| "expected the name of a time zone, such as Asia/Kolkata".to_owned())
}

fn endpoint(text: &str) -> Result<String, String> {
    if text.starts_with("http://") {
        Ok(text.to_owned())
    } else {
        Err("expected http://HOST:PORT".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_deployed_stack_has_no_options_of_a_local_one() {
        for command in [["import-django", "dump.json"], ["reindex", "users"]] {
            let command = ["local"].into_iter().chain(command).chain(["--function", "a-function"]);
            assert!(Arguments::try_parse_from(command.clone()).is_ok());
            for option in [
                "--memory",
                "--release",
                "--env=A=b",
                "--parameter=A=b",
                "--messages=.",
                "--dynamodb=http://localhost:1",
                "--carriers=a",
            ] {
                let refused = Arguments::try_parse_from(command.clone().chain([option])).unwrap_err();
                assert_eq!(refused.kind(), clap::error::ErrorKind::ArgumentConflict, "{option}");
            }
        }
    }
}
