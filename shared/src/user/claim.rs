//! Unique names: each username, e-mail address and phone number of a user is a record of its own that names its user.
//!
//! A name is taken by writing that record on condition that there is none, in the transaction that writes the user: two
//! requests cannot both succeed, and no name is left without its user.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    record::User,
    staff::if_staff,
    username::{Username, key as username_key},
};
use crate::{
    Error,
    audit::{self, Changed, Event},
    config::Policy,
    dynamo::{BatchGet, Db, Found, Write, is_yes, key, n, no, number, s, text, yes},
    email::{self, Email},
    id::{Id, record_key},
    otp::{self, Allowance, Purpose},
    phone,
    throttle::DAY,
    time, unicode,
};

/// A name that one user has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// By its unique form.
    Username(String),
    /// By its unique form.
    Email(String),
    /// In E.164 form.
    Phone(String),
}

impl Name {
    /// The key of its record.
    fn pk(&self) -> String {
        match self {
            Self::Username(name) => format!("username#{name}"),
            Self::Email(address) => format!("email#{address}"),
            Self::Phone(number) => format!("phone#{number}"),
        }
    }

    /// Itself, in its unique form.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Username(text) | Self::Email(text) | Self::Phone(text) => text,
        }
    }

    /// The field that holds it.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::Email(_) => "email",
            Self::Phone(_) => "phone_number",
        }
    }

    /// What a second taker hears.
    #[must_use]
    pub fn taken(&self) -> &'static str {
        match self {
            Self::Username(_) => "A user with that username already exists.",
            Self::Email(_) => "user with this email already exists.",
            Self::Phone(_) => "user with this phone number already exists.",
        }
    }

    /// The record of the code that reserves it while it lives. Nothing reserves a number (docs/decisions.md).
    fn code(&self) -> Option<String> {
        match self {
            Self::Username(_) | Self::Phone(_) => None,
            Self::Email(address) => Some(otp::pk(Purpose::VerifyEmail, address)),
        }
    }

    /// The username that is spelled like this address or number, or the address or number that this username is spelled like.
    /// Such a username is only for the owner of the address or number.
    #[must_use]
    pub fn twin(&self) -> Option<Self> {
        match self {
            Self::Username(name) if phone::is_e164(name) => Some(Self::Phone(name.clone())),
            Self::Username(name) => Email::parse(name).ok().map(|email| Self::Email(email.key())),
            Self::Email(name) | Self::Phone(name) => Some(Self::Username(name.clone())),
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "they are the attributes of its record")]
/// Who has a name.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The user.
    pub user_id: Id,
    /// Whether a code has proven it. A username is never in doubt.
    pub verified: bool,
    /// Whether it is an address that is to replace the user's present one once it is verified.
    pub staged: bool,
    /// Whether that takes the user's token: they have asked for the address with one. One that staff gave, and one of an earlier
    /// release, takes the code alone.
    pub by_user: bool,
    /// How the user spells the address: codes go there, however it is spelled in a request. Absent in claims of earlier releases.
    pub spelling: Option<String>,
    /// The language of the user, if it is an address or number and they have chosen one. Absent in claims of earlier releases.
    language: Option<String>,
    /// Until when an address that staff gave can be verified: its code is enough, and it must not lie in wait for ever. Absent in claims
    /// of earlier releases.
    staged_until: Option<u64>,
    /// An unverified address may be taken over from this second on; `None` is never.
    reserved_until: Option<u64>,
    /// Whether a code for it is on its way.
    code_lives: bool,
}

impl Holder {
    /// The language of messages to its user; blank for none.
    #[must_use]
    pub fn language(&self) -> &str {
        self.language.as_deref().unwrap_or_default()
    }

    /// Whether another user may claim the name, so that nobody can squat on one that its owner may want: an unverified
    /// address once its reservation has passed and no code for it lives, an unverified number at once.
    #[must_use]
    pub fn has_lapsed(&self) -> bool {
        !self.verified
            && !self.code_lives
            && self.reserved_until.is_some_and(|until| until <= time::seconds(time::now()))
    }

    /// Whether a code can prove the name: nothing has yet, and its time has not passed. Only a staged address has one: functions of
    /// 0.1.0 leave it behind when they make the address the present one.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let until = self.staged_until.filter(|_| self.staged);
        !self.verified && until.is_none_or(|until| until > time::seconds(time::now()))
    }

    /// Whether a user who has proven the name, a phone number, takes it over. Under `Policy=strict` that is every unverified
    /// number, also one that was imported or claimed under `seeds`, which no other claim takes over.
    pub fn yields_to_proof(&self) -> Result<bool, Error> {
        Ok(!self.verified && (self.has_lapsed() || Policy::from_env()? == Policy::Strict))
    }

    fn yields(&self, name: &Name, terms: &Terms) -> Result<bool, Error> {
        match name {
            Name::Phone(_) if terms.verified => self.yields_to_proof(),
            _ => Ok(self.has_lapsed()),
        }
    }
}

/// The names a request speaks of, and who has them, all read at once. With an e-mail address comes how many codes were
/// sent to it.
#[derive(Default)]
pub struct Holders {
    holders: BTreeMap<Name, Holder>,
    /// What may still be sent to the address that was asked about.
    pub allowance: Allowance,
}

/// Reads who has these names, whether codes are on their way to them and, of `code_to`, how many were sent.
pub async fn read(db: &Db, names: &[Name], code_to: Option<&str>) -> Result<Holders, Error> {
    read_with_codes(db, BatchGet::default(), names, code_to).await.map(|(holders, _)| holders)
}

/// The same, before a user takes the names: with their [twins](Name::twin), which decide who may have a name and which move
/// with it.
pub async fn read_to_take(db: &Db, names: &[Name], code_to: Option<&str>) -> Result<Holders, Error> {
    read_beside(db, BatchGet::default(), names, code_to).await.map(|(holders, _)| holders)
}

/// The same as [`read_to_take`], in one call with what `batch` wants.
pub(crate) async fn read_beside(
    db: &Db,
    batch: BatchGet,
    names: &[Name],
    code_to: Option<&str>,
) -> Result<(Holders, Found), Error> {
    read_with_codes(db, batch, &with_twins(names), code_to).await
}

/// Reads who has a name and who has its twin, and nothing else.
pub async fn read_twins(db: &Db, name: &Name) -> Result<Holders, Error> {
    read_names(db, &with_twins(std::slice::from_ref(name))).await
}

fn with_twins(names: &[Name]) -> Vec<Name> {
    let all: BTreeSet<Name> = names.iter().cloned().chain(names.iter().filter_map(Name::twin)).collect();
    all.into_iter().collect()
}

async fn read_with_codes(
    db: &Db,
    mut batch: BatchGet,
    names: &[Name],
    code_to: Option<&str>,
) -> Result<(Holders, Found), Error> {
    for code in names.iter().filter_map(Name::code) {
        batch.want(&db.tables.otps, key(code));
    }
    if let Some(address) = code_to {
        batch.want(&db.tables.throttles, Allowance::key(address));
    }
    read_with(db, names, batch, code_to).await
}

/// Reads who has these names, and nothing else.
pub(crate) async fn read_names(db: &Db, names: &[Name]) -> Result<Holders, Error> {
    read_with(db, names, BatchGet::default(), None).await.map(|(holders, _)| holders)
}

async fn read_with(
    db: &Db,
    names: &[Name],
    mut batch: BatchGet,
    code_to: Option<&str>,
) -> Result<(Holders, Found), Error> {
    for name in names {
        batch.want(&db.tables.users, key(name.pk()));
    }
    let mut found = batch.send(db).await?;
    let mut holders = BTreeMap::new();
    for name in names {
        if let Some(holder) = holder(db, name, &mut found)? {
            holders.insert(name.clone(), holder);
        }
    }
    let allowance = match code_to {
        Some(address) => Allowance::read(found.take(&db.tables.throttles, &Allowance::key(address)))?,
        None => Allowance::default(),
    };
    Ok((Holders { holders, allowance }, found))
}

fn holder(db: &Db, name: &Name, found: &mut Found) -> Result<Option<Holder>, Error> {
    let Some(claim) = found.take(&db.tables.users, &key(name.pk())) else { return Ok(None) };
    let code = name.code().and_then(|code| found.take(&db.tables.otps, &key(code)));
    let user_id = text(&claim, "user_id").and_then(|id| id.parse().ok());
    Ok(Some(Holder {
        user_id: user_id.ok_or_else(|| Error::internal("a name without its user"))?,
        verified: is_yes(&claim, "verified"),
        staged: is_yes(&claim, "staged"),
        by_user: is_yes(&claim, "by_user"),
        spelling: text(&claim, "spelling").map(str::to_owned),
        language: text(&claim, "language").map(str::to_owned),
        staged_until: number(&claim, "staged_until"),
        // The time of a number is for the previous release: here nothing reserves one.
        reserved_until: number(&claim, "reserved_until")
            .map(|until| if matches!(name, Name::Phone(_)) { 0 } else { until }),
        code_lives: code.is_some_and(|code| otp::is_live(&code)),
    }))
}

impl Holders {
    /// Who has the name.
    #[must_use]
    pub fn of(&self, name: &Name) -> Option<&Holder> {
        self.holders.get(name)
    }

    /// Whether `user` cannot have the name on these terms: another user has it and keeps it.
    ///
    /// A username that is spelled like an address or number is kept by the user who has that address or number, and by
    /// nobody else. That `user` is its owner is for the caller to check ([`Username::poses_as_another`]).
    pub fn refuse(&self, name: &Name, user: Id, terms: &Terms) -> Result<bool, Error> {
        let Some(holder) = self.of(name).filter(|holder| holder.user_id != user) else { return Ok(false) };
        match (name, name.twin()) {
            // One that is spelled like a number goes with the number, by sign-up: nobody may choose it.
            (Name::Username(_), None | Some(Name::Phone(_))) => Ok(true),
            (Name::Username(_), Some(twin)) => match self.of(&twin) {
                Some(owner) if owner.user_id == holder.user_id => Ok(!owner.yields(&twin, terms)?),
                _ => Ok(false),
            },
            _ => Ok(!holder.yields(name, terms)?),
        }
    }
}

/// How a name is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Nobody can take it over, ever: a username, or an address that is proven.
    pub verified: bool,
    /// It waits to replace the present address.
    pub staged: bool,
    /// The user asks for it with their token, which is needed to verify it, too.
    pub by_user: bool,
    /// For so many seconds nobody can take it over; `None` is for good.
    pub reserved_for: Option<u64>,
    /// How the user spells it, if it is an address.
    pub spelling: Option<String>,
    /// The language of the user, blank for none; `None` leaves it as it is.
    pub language: Option<String>,
}

impl Terms {
    /// The same for an address that is spelled like this.
    #[must_use]
    pub fn spelled(self, address: &str) -> Self {
        Self { spelling: Some(address.to_owned()), ..self }
    }

    /// The same for an address or number of a user who has chosen this language, which is blank for none.
    #[must_use]
    pub fn in_language(self, language: &str) -> Self {
        Self { language: Some(language.to_owned()), ..self }
    }
}

/// How a verified address or number is taken.
pub(super) const PROVEN: Terms = Terms {
    verified: true,
    staged: false,
    by_user: false,
    reserved_for: None,
    spelling: None,
    language: None,
};
/// How a username is taken: there is nothing to verify.
pub(super) const USERNAME: Terms = PROVEN;

/// What others lose when a user takes names from them that they had not proven.
#[derive(Default)]
pub struct Losses(BTreeMap<Id, Loss>);

impl Losses {
    /// Whether this user loses something, so that their record is written.
    #[must_use]
    pub fn are_of(&self, user: Id) -> bool {
        self.0.contains_key(&user)
    }

    /// Leaves an audit event for everybody who has lost something, once that is written.
    pub fn audit(&self, actor: Option<Id>, ip: &str) {
        for (loser, loss) in &self.0 {
            audit::change(Event::NameLost, actor, Changed::User(*loser), &loss.fields(), ip);
        }
    }
}

/// The writes by which `user` takes names: their records and, when another user had them unproven, that user's loss of them.
/// With an address or number goes the username that is spelled like it: the loser gets a generated one.
/// Who is `staff`, and gives the names to the user, may be who loses them: they must be staff still.
pub(crate) fn take(
    db: &Db,
    wanted: &[(Name, Terms)],
    user: Id,
    holders: &Holders,
    staff: Option<Id>,
) -> Result<(Vec<Write>, Losses), Error> {
    let mut writes = Vec::new();
    let mut losses: BTreeMap<Id, Loss> = BTreeMap::new();
    for (name, terms) in wanted {
        // The code of an e-mail address is replaced in the same transaction, and its allowance is the condition.
        writes.push(take_one(db, name, user, terms, holders.of(name))?);
        let Some(loser) = holders.of(name).filter(|holder| holder.user_id != user) else { continue };
        let loss = losses.entry(loser.user_id).or_default();
        loss.add(name, loser);
        let Some(twin @ Name::Username(_)) = name.twin() else { continue };
        let is_theirs = holders.of(&twin).is_some_and(|holder| holder.user_id == loser.user_id);
        if is_theirs && !wanted.iter().any(|(name, _)| *name == twin) {
            loss.add(&twin, loser);
            writes.push(free(db, &twin, loser.user_id));
        }
    }
    for (loser, loss) in &losses {
        writes.extend(loss.write(db, *loser, staff == Some(*loser))?);
    }
    Ok((writes, Losses(losses)))
}

fn take_one(db: &Db, name: &Name, user: Id, terms: &Terms, holder: Option<&Holder>) -> Result<Write, Error> {
    let mut claim = key(name.pk());
    claim.insert("user_id".into(), s(user.stored()));
    claim.insert("verified".into(), if terms.verified { yes() } else { no() });
    claim.insert("staged".into(), if terms.staged { yes() } else { no() });
    if terms.by_user {
        claim.insert("by_user".into(), yes());
    } else if terms.staged {
        claim.insert("staged_until".into(), n(time::seconds(time::now()) + DAY));
    }
    if let Some(spelling) = &terms.spelling {
        claim.insert("spelling".into(), s(spelling));
    }
    if let Some(language) = terms.language.as_ref().filter(|language| !language.is_empty()) {
        claim.insert("language".into(), s(language));
    }
    if let Some(seconds) = terms.reserved_for {
        claim.insert("reserved_until".into(), n(time::seconds(time::now()) + seconds));
    }
    let put = Write::put(&db.tables.users, claim);
    let Some(holder) = holder else { return Ok(put.if_new()) };
    let put = put.if_equals("user_id", s(holder.user_id.stored()));
    if holder.user_id == user {
        return Ok(put);
    }
    match name {
        // Its twin is taken in the same transaction, or is the user's in the version of their record.
        Name::Username(_) => Ok(put),
        Name::Phone(_) => Ok(put.if_equals("verified", no())),
        Name::Email(_) => {
            let until = holder.reserved_until;
            let until = until.ok_or_else(|| Error::internal("an address taken over that never expires"))?;
            Ok(put
                .if_equals("verified", no())
                .if_equals("staged", if holder.staged { yes() } else { no() })
                .if_equals("reserved_until", n(until)))
        }
    }
}

/// The write by which `user` takes a name that nobody has.
pub(crate) fn take_free(db: &Db, name: &Name, user: Id, terms: &Terms) -> Result<Write, Error> {
    take_one(db, name, user, terms, None)
}

/// What one user loses by a takeover, in one write: a transaction may touch a record only once.
#[derive(Default)]
struct Loss {
    email: bool,
    pending_email: bool,
    phone: Option<String>,
    /// What they are called instead.
    username: Option<Username>,
}

impl Loss {
    fn add(&mut self, name: &Name, holder: &Holder) {
        match name {
            Name::Username(_) => self.username = Some(Username::generated()),
            Name::Email(_) if holder.staged => self.pending_email = true,
            Name::Email(_) => self.email = true,
            Name::Phone(number) => self.phone = Some(number.clone()),
        }
    }

    /// The fields that are empty then, and the username if it is another.
    fn fields(&self) -> Vec<&'static str> {
        audit::changed([
            ("username", self.username.is_some()),
            ("email", self.email),
            ("pending_email", self.pending_email),
            ("phone_number", self.phone.is_some()),
        ])
    }

    fn write(&self, db: &Db, loser: Id, is_staff: bool) -> Result<Vec<Write>, Error> {
        let mut writes = Vec::new();
        let mut user = Write::update(&db.tables.users, record_key(loser)).increment_version();
        user = if is_staff { if_staff(user) } else { user.if_exists() };
        if self.email {
            user = user.set("email", s("")).set("search.email", s("")).set("is_email_verified", no());
        }
        if let Some(number) = &self.phone {
            user = user
                .remove("phone_number")
                .set("search.phone_number", s(""))
                .set("is_phone_verified", no())
                .set("lost_phone_number", s(number));
        }
        if self.pending_email {
            user = user.remove("pending_email");
        }
        if let Some(username) = &self.username {
            user = user
                .set("username", s(username.text()))
                .set("search.username", s(unicode::folded(username.text())));
            writes.push(take_free(db, &Name::Username(username.key()), loser, &USERNAME)?);
        }
        writes.push(user);
        Ok(writes)
    }
}

/// The write that frees a name of `user`.
pub(crate) fn free(db: &Db, name: &Name, user: Id) -> Write {
    Write::delete(&db.tables.users, key(name.pk())).if_equals("user_id", s(user.stored()))
}

/// The write that marks an address of `user` as verified and present, on condition that it is `staged` or not as it was loaded.
pub(crate) fn prove(db: &Db, name: &Name, user: Id, staged: bool) -> Write {
    of_user(db, name, user, staged)
        .set("verified", yes())
        .set("staged", no())
        .remove("reserved_until")
        .remove("by_user")
        .remove("staged_until")
}

/// The write by which `user` has a present address or number on other terms.
pub(crate) fn mark(db: &Db, name: &Name, user: Id, terms: &Terms) -> Write {
    let mut write = of_user(db, name, user, false).set("verified", if terms.verified { yes() } else { no() });
    if let Some(spelling) = &terms.spelling {
        write = write.set("spelling", s(spelling));
    }
    if let Some(language) = &terms.language {
        write = in_language(write, language);
    }
    match terms.reserved_for {
        None => write.remove("reserved_until"),
        Some(seconds) => write.set("reserved_until", n(time::seconds(time::now()) + seconds)),
    }
}

/// The write that spells the present address of `user`, who has chosen this language, in another way.
pub(super) fn spell(db: &Db, address: &Email, user: Id, language: &str) -> Write {
    let claim = of_user(db, &Name::Email(address.key()), user, false);
    in_language(claim.set("spelling", s(address.typed())), language)
}

/// The write by which messages to an address or number of `user`, present or pending, are in this language; blank for none.
pub(super) fn speak(db: &Db, name: &Name, user: Id, language: &str) -> Write {
    let claim = Write::update(&db.tables.users, key(name.pk())).if_equals("user_id", s(user.stored()));
    in_language(claim, language)
}

fn in_language(claim: Write, language: &str) -> Write {
    if language.is_empty() { claim.remove("language") } else { claim.set("language", s(language)) }
}

/// A write of a name that `user` has, on condition that it is `staged` or not.
fn of_user(db: &Db, name: &Name, user: Id, staged: bool) -> Write {
    Write::update(&db.tables.users, key(name.pk()))
        .if_equals("user_id", s(user.stored()))
        .if_equals("staged", if staged { yes() } else { no() })
}

/// All the names of a user.
pub(crate) fn names_of(user: &User) -> Vec<Name> {
    let emails = [Some(&user.email), user.pending_email.as_ref()].into_iter().flatten();
    let emails = emails.filter(|email| !email.is_empty()).map(|address| Name::Email(email::key(address)));
    let phone = user.phone_number.clone().map(Name::Phone);
    [Name::Username(username_key(&user.username))].into_iter().chain(emails).chain(phone).collect()
}

/// Those of these names that anybody has, and who.
pub(crate) async fn users_of(db: &Db, names: BTreeSet<Name>) -> Result<BTreeMap<Name, Id>, Error> {
    let found = db.get_all(&db.tables.users, names.iter().map(|name| key(name.pk()))).await?;
    let user = |name: Name| Some((text(found.get(&name.pk())?, "user_id")?.parse().ok()?, name));
    Ok(names.into_iter().filter_map(user).map(|(id, name)| (name, id)).collect())
}

/// Those of these names that anybody has.
pub(crate) async fn taken_names(db: &Db, names: &[Name]) -> Result<BTreeSet<Name>, Error> {
    Ok(users_of(db, names.iter().cloned().collect()).await?.into_keys().collect())
}

/// Who has a name.
pub async fn find(db: &Db, name: &Name) -> Result<Option<Holder>, Error> {
    Ok(read_names(db, std::slice::from_ref(name)).await?.holders.remove(name))
}
