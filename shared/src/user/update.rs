//! Changes of a user.

use crate::dynamo::Write as TransactWriteItem;

use super::{
    Account, Date, Id, PROVEN, USERNAME, User, Username, find, names, staff, taken, unproven, username_key,
};
use crate::{
    App, Caller, Error, Request,
    dynamo::{ATTEMPTS, Refused, pause_before, transact},
    email::{self, Email},
    fields::changed,
    http::FieldErrors,
    otp::{Limits, Purpose, Record},
    phone::{Phone, PhoneRules},
    time,
    user::claim::{self, Holders, Losses, Name, Terms},
};

/// What is to be changed. `None` leaves a field as it is.
#[derive(Default)]
pub(super) struct Changes {
    /// A new username.
    pub username: Option<Username>,
    /// A new e-mail address, staged until a code has proven it.
    pub email: Option<Email>,
    /// Whether naming the present address is no wish to give up the staged one: a `PUT` has to name it.
    pub keeps_staged_email: bool,
    /// A new phone number, or none.
    pub phone: Option<Option<Phone>>,
    /// A new first name.
    pub first_name: Option<String>,
    /// A new last name.
    pub last_name: Option<String>,
    /// A new address.
    pub address: Option<String>,
    /// A new date of birth, or none.
    pub date_of_birth: Option<Option<Date>>,
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
        names(self.username.as_ref(), self.email.as_ref(), self.phone.as_ref().and_then(Option::as_ref))
    }

    /// Whether a name among these is not the user's already.
    pub fn takes_names(&self, user: &User) -> bool {
        let is_new_username =
            self.username.as_ref().is_some_and(|new| new.key() != username_key(&user.username));
        let new_phone = self.phone.as_ref().and_then(Option::as_ref).map(Phone::e164);
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
/// precondition of the `request` is held against every version that is read.
pub(super) async fn update(
    app: &App,
    caller: &Caller,
    mut account: Account,
    changes: &Changes,
    mut holders: Holders,
    request: &Request,
) -> Result<(Account, Vec<String>), Error> {
    let (id, precondition) = (account.user.id, request.precondition());
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let code_to = changes.email.as_ref().map(Email::key);
            let names = changes.names();
            let (read, names) =
                futures_util::join!(find(app, id), claim::read_to_take(app, &names, code_to.as_deref()));
            let before = account;
            (account, holders) = (read?.ok_or(Error::NotFound("User"))?, names?);
            let is_unchanged = account.version == before.version;
            staff::check(app, caller, &account).await?;
            // Who was staff, and says so again, does not undo that they are so no longer.
            if id == caller.id() && changes.flags != Flags::default() && !account.user.is_staff {
                return Err(Error::Forbidden);
            }
            if is_unchanged && changes.removes_staff(&account.user) && staff::is_one(app).await? {
                return Err(Error::LastStaffUser);
            }
        }
        precondition.check(account.version)?;
        let complaints = changes.complaints(&account.user, &holders)?;
        if !complaints.is_empty() {
            return Err(Error::Invalid(complaints));
        }
        let mut next = account.clone();
        let staff = Some(caller.id()).filter(|caller| *caller != id);
        let (moves, losses) = apply(app, request, changes, &mut next.user, &holders, staff)?;
        let fields = changed(&account.user, &next.user)?;
        if fields.is_empty() && moves.is_empty() {
            return Ok((account, Vec::new()));
        }
        next.version += 1;
        // Who is switched off is signed out, and stays so when they are switched on again.
        next.epoch += u64::from(account.user.is_active && !next.user.is_active);
        let mut writes = Vec::from_iter(next.change(app)?);
        writes.extend(staff::count(app, account.user.is_active_staff(), next.user.is_active_staff())?);
        // A transaction may touch a record only once: who loses a name themselves is held to it by that write.
        if !losses.are_of(caller.id()) {
            writes.extend(staff::still(app, caller, id)?);
        }
        writes.extend(moves);
        match transact(app, writes).await {
            Ok(()) => {
                losses.audit(Some(caller.id()), request.ip());
                return Ok((next, fields));
            }
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a change found no quiet moment".into()))
}

impl Changes {
    /// What stands against these changes in the state in which the user and the names are.
    pub fn complaints(&self, user: &User, holders: &Holders) -> Result<FieldErrors, Error> {
        let mut complaints = taken(&self.names(), holders, user.id)?;
        // An address is one's own once it is proven.
        let own = Email::parse(&user.email).ok().filter(|_| user.is_email_verified);
        if let Some(new) = self.username.as_ref().filter(|name| name.key() != username_key(&user.username))
            && let Some(complaint) = new.poses_as_another(own.as_ref(), PhoneRules::from_env()?)
        {
            complaints.entry("username").or_default().insert(0, complaint.to_owned());
        }
        // What is not there cannot be proven.
        if self.flags.is_email_verified == Some(true) && user.email.is_empty() {
            complaints.insert("is_email_verified", vec!["There is no e-mail address to verify.".to_owned()]);
        }
        let has_phone = self.phone.as_ref().map_or(user.phone_number.is_some(), Option::is_some);
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

/// Applies changes to the user; gives the writes besides the user's own record, and what others lose by them. `staff` is who
/// makes the changes, if not the user.
fn apply(
    app: &App,
    request: &Request,
    changes: &Changes,
    user: &mut User,
    holders: &Holders,
    staff: Option<Id>,
) -> Result<(Vec<TransactWriteItem>, Losses), Error> {
    let id = user.id;
    let (mut wanted, mut writes) = (Vec::new(), Vec::new());
    if let Some(new) = &changes.username {
        let old = username_key(&user.username);
        if new.key() != old {
            wanted.push((Name::Username(new.key()), USERNAME));
            writes.push(claim::free(app, &Name::Username(old), id));
        }
        new.text().clone_into(&mut user.username);
    }
    let (old_phone, was_phone_verified) = (user.phone_number.clone(), user.is_phone_verified);
    if let Some(new) = &changes.phone {
        user.phone_number = new.as_ref().map(|phone| phone.e164().to_owned());
    }
    let is_new_phone = user.phone_number != old_phone;
    // Who has proven the old number has not proven the new one, and to repeat that they have is not to say so.
    user.is_phone_verified = match changes.flags.is_phone_verified {
        Some(said) if said != was_phone_verified => said,
        _ => was_phone_verified && !is_new_phone,
    };
    if is_new_phone {
        if let Some(number) = &user.phone_number {
            wanted.push((Name::Phone(number.clone()), terms_of(user.is_phone_verified)?));
        }
        if let Some(old) = old_phone {
            // A username that is the old number goes with it. It does not become the new one, which may be unproven.
            let username = Username::parse(&user.username).ok();
            let phones = PhoneRules::from_env()?;
            let is_old = |phone: Phone| phone.e164() == old;
            if username.and_then(|username| username.as_phone(phones)).is_some_and(is_old) {
                let generated = Username::generated();
                wanted.push((Name::Username(generated.key()), USERNAME));
                writes.push(claim::free(app, &Name::Username(username_key(&user.username)), id));
                generated.text().clone_into(&mut user.username);
            }
            writes.push(claim::free(app, &Name::Phone(old), id));
        }
    } else if user.is_phone_verified != was_phone_verified
        && let Some(number) = &user.phone_number
    {
        writes.push(claim::mark(app, &Name::Phone(number.clone()), id, terms_of(user.is_phone_verified)?));
    }
    if let Some(verified) = changes.flags.is_email_verified.filter(|flag| *flag != user.is_email_verified) {
        if !user.email.is_empty() {
            writes.push(claim::mark(app, &Name::Email(email::key(&user.email)), id, terms_of(verified)?));
        }
        user.is_email_verified = verified;
    }
    if let Some(new) = &changes.email {
        let stages = changes.stages_email(user);
        writes.extend(change_email(app, new, stages, changes.keeps_staged_email, user)?);
        if stages {
            let terms = Terms { staged: true, ..unproven()? };
            wanted.push((Name::Email(new.key()), terms));
            writes.extend(send_codes(app, request, new, user, holders)?);
        }
    }
    for (new, field) in [
        (&changes.first_name, &mut user.first_name),
        (&changes.last_name, &mut user.last_name),
        (&changes.address, &mut user.address),
    ] {
        if let Some(new) = new {
            field.clone_from(new);
        }
    }
    user.date_of_birth = changes.date_of_birth.unwrap_or(user.date_of_birth);
    user.is_active = changes.flags.is_active.unwrap_or(user.is_active);
    user.is_staff = changes.flags.is_staff.unwrap_or(user.is_staff);
    let (taken, losses) = claim::take(app, &wanted, id, holders, staff)?;
    writes.extend(taken);
    Ok((writes, losses))
}

/// How an address or number is had that staff have looked at: like one that a code has proven, or like a new one.
fn terms_of(verified: bool) -> Result<Terms, Error> {
    if verified { Ok(PROVEN) } else { unproven() }
}

/// Stages a new address in place of any that is staged; going back to the present address gives the staged one up, unless the
/// change `keeps_staged`.
fn change_email(
    app: &App,
    new: &Email,
    stages: bool,
    keeps_staged: bool,
    user: &mut User,
) -> Result<Option<TransactWriteItem>, Error> {
    let is_present = new.key() == email::key(&user.email);
    if is_present {
        new.typed().clone_into(&mut user.email);
    }
    let is_replaced = stages || (is_present && !keeps_staged);
    let given_up = if is_replaced { user.pending_email.take() } else { None };
    if stages {
        user.pending_email = Some(new.typed().to_owned());
    }
    Ok(given_up.map(|address| claim::free(app, &Name::Email(email::key(&address)), user.id)))
}

/// A code to the new address, and a notice to the present one.
fn send_codes(
    app: &App,
    request: &Request,
    new: &Email,
    user: &User,
    holders: &Holders,
) -> Result<Vec<TransactWriteItem>, Error> {
    let now = time::seconds(time::now());
    let allowance = holders.allowance.send(Purpose::VerifyEmail, now, Limits::from_env()?)?;
    let code = Record::by_email(Purpose::VerifyEmail, new.typed(), Some(user.id), request)?;
    let mut writes = vec![code.write(app, &new.key())?, allowance.write(app, &new.key())?];
    if !user.email.is_empty() {
        let notice = Record::by_email(Purpose::NoticeEmailChange, &user.email, Some(user.id), request)?;
        writes.push(notice.write_notice(app)?);
    }
    Ok(writes)
}
