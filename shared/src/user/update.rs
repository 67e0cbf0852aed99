//! Changes of a user.

use super::{
    Account, User, Username,
    claim::{self, Holders, Name, PROVEN, Terms, USERNAME},
    find,
    names::{names, taken, unproven},
    notices, staff, username_key,
};
use crate::{
    Error,
    client::Client,
    dynamo::{Db, Retry, Write},
    email::{self, Email},
    error::FieldErrors,
    fields::{Given, changed},
    form::Patch,
    otp::{Channel, Limits, Purpose, Record},
    phone::{Phone, PhoneRules},
    precondition::Precondition,
    time,
};

/// What is to be changed. `None` leaves a field as it is.
#[derive(Default)]
pub(super) struct Changes {
    /// In which version the user is to be changed.
    pub precondition: Precondition,
    /// A new username.
    pub username: Option<Username>,
    /// A new e-mail address, pending until a code has verified it.
    pub email: Option<Email>,
    /// Whether naming the present address or number leaves a pending one as it is: a `PUT` has to name the address, and names all
    /// that it has read.
    pub keeps_pending: bool,
    /// A new phone number, or none. In place of one that is verified it is pending, unless staff give it to another user.
    pub phone: Patch<Phone>,
    /// The fields that have no rule of their own.
    pub details: Given,
    /// What only staff may change.
    pub flags: Flags,
}

#[expect(clippy::struct_field_names, reason = "they are the fields of the API")]
/// What only staff may change of a user. `None` leaves a flag as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// Whether they can log in.
    pub is_active: Option<bool>,
    /// Whether they are staff.
    pub is_staff: Option<bool>,
    /// Whether the present e-mail address counts as proven.
    pub is_email_verified: Option<bool>,
    /// Whether the phone number counts as proven.
    pub is_phone_verified: Option<bool>,
}

impl Changes {
    /// The names that these changes would take.
    pub fn names(&self) -> Vec<Name> {
        names(self.username.as_ref(), self.email.as_ref(), self.phone.as_set())
    }

    /// Whether a name among these is not the user's already.
    pub fn takes_names(&self, user: &User) -> bool {
        let is_new_username =
            self.username.as_ref().is_some_and(|new| new.key() != username_key(&user.username));
        let new_phone = self.phone.as_set().map(Phone::e164);
        is_new_username
            || self.stages_email(user)
            || (new_phone.is_some() && new_phone != user.phone_number.as_deref())
    }

    /// Whether a new address is to be staged, for which a code goes out.
    pub fn stages_email(&self, user: &User) -> bool {
        let pending = user.pending_email.as_deref().map(email::key);
        self.email
            .as_ref()
            .is_some_and(|new| new.key() != email::key(&user.email) && Some(new.key()) != pending)
    }
}

/// Changes a user; gives the account as it then is, and the names of the fields that changed.
///
/// The record is written in the version in which it was read, together with the names that move; when another request was
/// faster, it is read again and the same fields are changed in what it then is, so that both changes survive. The
/// precondition of the `client` is held against every version that is read.
pub(super) async fn update(
    db: &Db,
    caller: &Account,
    mut account: Account,
    changes: &Changes,
    mut holders: Holders,
    client: &Client,
) -> Result<(Account, Vec<String>), Error> {
    let id = account.user.id;
    let mut retry = Retry::of("a change of a user");
    loop {
        changes.precondition.check(account.version)?;
        let complaints = changes.complaints(&account.user, &holders)?;
        if !complaints.is_empty() {
            return Err(Error::Invalid(complaints));
        }
        let staff = Some(caller.user.id).filter(|caller| *caller != id);
        let mut draft = Draft::new(db, changes, account.user.clone(), staff.is_none());
        draft.change_plain_fields();
        draft.change_username();
        if staff.is_some() || !draft.stages_phone() {
            draft.change_phone()?;
        }
        draft.change_present_email()?;
        draft.change_email(client, &holders)?;
        if draft.user.language() != account.user.language() {
            draft.change_language();
        }
        let Draft { user, wanted, writes: mut moves, .. } = draft;
        let (taken, losses) = claim::take(db, &wanted, id, &holders, staff)?;
        moves.extend(taken);
        let fields = changed(&account.user, &user)?;
        let is_pending = account.is_pending && changes.flags.is_active.is_none() && !user.is_staff;
        if fields.is_empty() && moves.is_empty() && is_pending == account.is_pending {
            return Ok((account, Vec::new()));
        }
        let mut next = account.clone();
        next.user = user;
        next.is_pending = is_pending;
        next.version += 1;
        // Deactivating a user ends their sessions, and activating them again does not bring these back.
        next.epoch += u64::from(account.user.is_active && !next.user.is_active);
        let mut writes = Vec::from_iter(next.change(db)?);
        writes.extend(staff::count(db, account.user.is_active_staff(), next.user.is_active_staff()));
        // A transaction may touch a record only once: who loses a name themselves is held to it by that write.
        if !losses.are_of(caller.user.id) {
            writes.extend(staff::still(db, caller.user.id, id));
        }
        writes.extend(moves);
        writes.extend(notices::of_change(db, &account.user, &next.user)?);
        if db.transact(writes).await? {
            losses.audit(Some(caller.user.id), client.ip());
            return Ok((next, fields));
        }
        retry.again().await?;
        let code_to = changes.email.as_ref().map(Email::key);
        let names = changes.names();
        let (read, names) =
            futures_util::join!(find(db, id), claim::read_to_take(db, &names, code_to.as_deref()));
        let before = account;
        (account, holders) = (read?.ok_or(Error::NotFound("User"))?, names?);
        let is_unchanged = account.version == before.version;
        staff::check(db, caller, &account).await?;
        // Who was staff, and says so again, does not undo that they are so no longer.
        if id == caller.user.id && changes.flags != Flags::default() && !account.user.is_staff {
            return Err(Error::Forbidden);
        }
        if is_unchanged && changes.removes_staff(&account.user) && staff::is_one(db).await? {
            return Err(Error::LastStaffUser);
        }
    }
}

impl Changes {
    /// What stands against these changes in the state in which the user and the names are.
    pub fn complaints(&self, user: &User, holders: &Holders) -> Result<FieldErrors, Error> {
        let mut complaints = taken(&self.names(), holders, user.id)?;
        // An address is one's own once it is proven.
        let own = Email::parse(&user.email).ok().filter(|_| user.is_email_verified);
        if let Some(new) = self.username.as_ref().filter(|name| name.key() != username_key(&user.username)) {
            let complaint = new.poses_as_another(own.as_ref(), PhoneRules::from_env()?);
            if let Some(complaint) = complaint.or(new.unfit()?) {
                complaints.entry("username").or_default().insert(0, complaint.to_owned());
            }
        }
        // What is not there cannot be proven.
        if self.flags.is_email_verified == Some(true) && user.email.is_empty() {
            complaints.insert("is_email_verified", vec!["There is no e-mail address to verify.".to_owned()]);
        }
        let has_phone = match self.phone {
            Patch::Keep => user.phone_number.is_some(),
            Patch::Clear => false,
            Patch::Set(_) => true,
        };
        if self.flags.is_phone_verified == Some(true) && !has_phone {
            complaints.insert("is_phone_verified", vec!["There is no phone number to verify.".to_owned()]);
        }
        Ok(complaints)
    }

    /// Whether an active staff user would no longer be one.
    fn removes_staff(&self, user: &User) -> bool {
        let remains =
            self.flags.is_active.unwrap_or(user.is_active) && self.flags.is_staff.unwrap_or(user.is_staff);
        user.is_active_staff() && !remains
    }
}

/// A change in the making.
struct Draft<'a> {
    db: &'a Db,
    changes: &'a Changes,
    /// The user as they will be.
    user: User,
    /// Whether they make the change themselves.
    by_user: bool,
    /// The names that they take.
    wanted: Vec<(Name, Terms)>,
    /// The names that they have and go on having, and that `writes` has a write of.
    marked: Vec<Name>,
    /// What is written besides their own record and the names that they take.
    writes: Vec<Write>,
}

impl<'a> Draft<'a> {
    fn new(db: &'a Db, changes: &'a Changes, user: User, by_user: bool) -> Self {
        Self { db, changes, user, by_user, wanted: Vec::new(), marked: Vec::new(), writes: Vec::new() }
    }

    fn change_username(&mut self) {
        let Some(new) = &self.changes.username else { return };
        if new.key() == username_key(&self.user.username) {
            // Another spelling of the same name.
            new.text().clone_into(&mut self.user.username);
        } else {
            self.replace_username(new);
        }
    }

    fn replace_username(&mut self, new: &Username) {
        let old = Name::Username(username_key(&self.user.username));
        self.wanted.push((Name::Username(new.key()), USERNAME));
        self.writes.push(claim::free(self.db, &old, self.user.id));
        new.text().clone_into(&mut self.user.username);
    }

    /// A new number in place of a verified one waits until a code proves it, and the verified one works until then: a mistyped number
    /// locks nobody out. False when the number is changed at once.
    fn stages_phone(&mut self) -> bool {
        let says_more =
            self.changes.flags.is_phone_verified.is_some_and(|said| said != self.user.is_phone_verified);
        let new = self.changes.phone.as_set().map(Phone::e164);
        if says_more || !self.user.is_phone_verified || new == self.user.phone_number.as_deref() {
            return false;
        }
        let Some(new) = new else { return false };
        self.user.pending_phone_number = Some(new.to_owned());
        true
    }

    /// The number, and whether it is verified. A new number starts unverified; sending `is_phone_verified: true` again does
    /// not verify it.
    fn change_phone(&mut self) -> Result<(), Error> {
        let (old, was_verified) = (self.user.phone_number.clone(), self.user.is_phone_verified);
        match &self.changes.phone {
            Patch::Keep => {}
            Patch::Clear => self.user.phone_number = None,
            Patch::Set(phone) => self.user.phone_number = Some(phone.e164().to_owned()),
        }
        let is_new = self.user.phone_number != old;
        if is_new || (self.changes.phone.is_given() && !self.changes.keeps_pending) {
            self.user.pending_phone_number = None;
        }
        let is_verified = match self.changes.flags.is_phone_verified {
            Some(said) if said != was_verified => said,
            _ => was_verified && !is_new,
        };
        self.user.is_phone_verified = is_verified;
        let number = self.user.phone_number.clone().map(Name::Phone);
        if is_new {
            if let Some(number) = number {
                self.wanted.push((number, terms_of(is_verified)?.in_language(self.user.language())));
            }
            if let Some(old) = old {
                self.give_up_phone(old)?;
            }
        } else if let Some(number) = number.filter(|_| is_verified != was_verified) {
            let terms = terms_of(is_verified)?.in_language(self.user.language());
            self.writes.push(claim::mark(self.db, &number, self.user.id, &terms));
            self.marked.push(number);
        }
        Ok(())
    }

    /// A username that is the old number goes with it. It does not become the new one, which may be unverified.
    fn give_up_phone(&mut self, old: String) -> Result<(), Error> {
        if is_called(&self.user, &old)? {
            self.replace_username(&Username::generated());
        }
        self.writes.push(claim::free(self.db, &Name::Phone(old), self.user.id));
        Ok(())
    }

    /// How the present address is spelled, and whether it counts as verified.
    fn change_present_email(&mut self) -> Result<(), Error> {
        let user = &mut self.user;
        let new = self.changes.email.as_ref();
        let respelled = new.filter(|new| new.key() == email::key(&user.email) && new.typed() != user.email);
        if let Some(new) = respelled {
            new.typed().clone_into(&mut user.email);
        }
        let flag = self.changes.flags.is_email_verified.filter(|flag| *flag != user.is_email_verified);
        if let Some(verified) = flag {
            user.is_email_verified = verified;
            if !user.email.is_empty() {
                let terms = terms_of(verified)?.spelled(&user.email).in_language(user.language());
                let name = Name::Email(email::key(&user.email));
                self.writes.push(claim::mark(self.db, &name, user.id, &terms));
                self.marked.push(name);
            }
        } else if let Some(new) = respelled {
            self.writes.push(claim::spell(self.db, new, user.id, user.language()));
            self.marked.push(Name::Email(new.key()));
        }
        Ok(())
    }

    /// A new address waits, in place of any that waits already, until its code verifies it. Going back to the present one
    /// gives the pending one up, unless the change keeps it.
    fn change_email(&mut self, client: &Client, holders: &Holders) -> Result<(), Error> {
        let Some(new) = &self.changes.email else { return Ok(()) };
        let is_staged = self.changes.stages_email(&self.user);
        let user = &mut self.user;
        let is_present = new.key() == email::key(&user.email);
        if (is_staged || (is_present && !self.changes.keeps_pending))
            && let Some(given_up) = user.pending_email.take()
        {
            self.writes.push(claim::free(self.db, &Name::Email(email::key(&given_up)), user.id));
        }
        if is_staged {
            user.pending_email = Some(new.typed().to_owned());
            self.wanted.push((
                Name::Email(new.key()),
                Terms { staged: true, by_user: self.by_user, ..unproven()? }
                    .spelled(new.typed())
                    .in_language(user.language()),
            ));
            self.writes.extend(send_codes(self.db, client, new, user, holders)?);
        }
        Ok(())
    }

    /// Codes that anyone may ask for go out in the language that the claims of the address and of the number have. Claims that this
    /// change writes have the new one already.
    fn change_language(&mut self) {
        let is_written =
            |name: &Name| self.marked.contains(name) || self.wanted.iter().any(|(wanted, _)| wanted == name);
        let names = claim::names_of(&self.user).into_iter();
        let others: Vec<_> = names
            .filter(|name| !matches!(name, Name::Username(_)) && !is_written(name))
            .map(|name| claim::speak(self.db, &name, self.user.id, self.user.language()))
            .collect();
        self.writes.extend(others);
    }

    fn change_plain_fields(&mut self) {
        let (user, flags) = (&mut self.user, self.changes.flags);
        user.details.apply(&self.changes.details);
        user.is_active = flags.is_active.unwrap_or(user.is_active);
        user.is_staff = flags.is_staff.unwrap_or(user.is_staff);
    }
}

/// Whether the username of a user is this number, in any spelling.
pub(super) fn is_called(user: &User, number: &str) -> Result<bool, Error> {
    let username = Username::parse(&user.username).ok();
    let phones = PhoneRules::from_env()?;
    let phone = username.and_then(|username| username.as_phone(phones));
    Ok(phone.is_some_and(|phone| phone.e164() == number))
}

/// How an address or number is had that staff have looked at: like one that a code has proven, or like a new one.
fn terms_of(verified: bool) -> Result<Terms, Error> {
    if verified { Ok(PROVEN) } else { unproven() }
}

/// A code to the new address, and a notice to the present one.
fn send_codes(
    db: &Db,
    client: &Client,
    new: &Email,
    user: &User,
    holders: &Holders,
) -> Result<Vec<Write>, Error> {
    let now = time::seconds(time::now());
    let allowance = holders.allowance.send(Purpose::VerifyEmail, now, Limits::from_env()?)?;
    let code = Record::by_email(Purpose::VerifyEmail, new.typed(), Some(user.id), client)?;
    let code = code.in_language(user.language());
    let mut writes = vec![code.write(db, &new.key())?, allowance.write(db, &new.key())?];
    if !user.email.is_empty() {
        let notice = Record::notice(Purpose::NoticeEmailChange, Channel::Email, &user.email, user.id)?;
        writes.push(notice.in_language(user.language()).write_notice(db)?);
    }
    Ok(writes)
}
