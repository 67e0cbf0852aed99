//! The first staff user, made by whoever operates the stack.

use super::{
    Account, User, Username,
    claim::{self, Losses, Name, PROVEN, USERNAME},
    find, notices,
    password::reset_addresses,
    staff, taken,
};
use crate::{
    Error,
    dynamo::{Db, Retry, Write},
    email::{self, Email},
    fields::changed,
    ids::{Ids, Numbered},
    otp::{self, Purpose},
    password::Hash,
};

/// Who is to be staff. The operator vouches for the address.
pub struct Superuser {
    /// Their username.
    pub username: Username,
    /// Their e-mail address.
    pub email: Email,
    /// The hash of their password.
    pub password: Hash,
}

/// Who is staff now.
pub struct Promoted {
    /// They themselves.
    pub user: User,
    /// Whether they are new.
    pub created: bool,
    /// The names of the fields that were set.
    pub fields: Vec<String>,
}

/// Makes an active staff user with a verified address or, if the username is somebody's with that very address, makes them
/// one: with the new password, and signed out everywhere.
///
/// 400 when the names are two users', or another's: a slip of the keyboard must promote nobody.
pub async fn create_or_promote(db: &Db, ids: &Ids, new: &Superuser) -> Result<Promoted, Error> {
    let username = Name::Username(new.username.key());
    let names = [username.clone(), Name::Email(new.email.key())];
    let mut retry = Retry::of("the making of a superuser");
    loop {
        let holders = claim::read_to_take(db, &names, None).await?;
        let present = match holders.of(&username) {
            Some(holder) => find(db, holder.user_id).await?,
            None => None,
        };
        let (next, mut writes) = match &present {
            Some(account) => promote(db, account, new)?,
            None => create(db, ids, new).await?,
        };
        let complaints = taken(&names, &holders, next.user.id)?;
        if !complaints.is_empty() {
            return Err(Error::Invalid(complaints));
        }
        let mut fields = vec!["password".to_owned()];
        let mut losses = Losses::default();
        if let Some(account) = &present {
            fields.extend(changed(&account.user, &next.user)?);
        } else {
            fields.extend(
                ["username", "email", "is_email_verified", "is_active", "is_staff"].map(str::to_owned),
            );
            let wanted =
                [(username.clone(), USERNAME), (names[1].clone(), PROVEN.spelled(new.email.typed()))];
            let taken;
            (taken, losses) = claim::take(db, &wanted, next.user.id, &holders, None)?;
            writes.extend(taken);
        }
        if db.transact(writes).await? {
            losses.audit(None, "");
            return Ok(Promoted { user: next.user, created: present.is_none(), fields });
        }
        retry.again().await?;
    }
}

type Made = (Account, Vec<Write>);

async fn create(db: &Db, ids: &Ids, new: &Superuser) -> Result<Made, Error> {
    let mut user = User::new(ids.next(db, Numbered::Users).await?, &new.username);
    new.email.typed().clone_into(&mut user.email);
    (user.is_email_verified, user.is_staff) = (true, true);
    let account = Account::new(user, new.password.clone());
    let mut writes = Vec::from(account.insert(db)?);
    writes.extend(staff::count(db, false, true));
    Ok((account, writes))
}

fn promote(db: &Db, account: &Account, new: &Superuser) -> Result<Made, Error> {
    let user = &account.user;
    if email::key(&user.email) != new.email.key() {
        return Err(Error::field("email", "The user with that username has another e-mail address."));
    }
    let mut next = account.clone();
    (next.user.is_email_verified, next.user.is_staff, next.user.is_active) = (true, true, true);
    next.is_pending = false;
    next.password = new.password.clone();
    next.epoch += 1;
    next.version += 1;
    let mut writes = Vec::new();
    // Somebody who knew the old password may have staged it, and could take the account over with it later.
    if let Some(staged) = next.user.pending_email.take() {
        writes.push(claim::free(db, &Name::Email(email::key(&staged)), user.id));
    }
    // So could anyone who has a code for a new password.
    writes.extend(otp::withdraw_resets(db, reset_addresses(user)));
    writes.extend(notices::tell(db, user, Purpose::NoticePasswordChanged)?);
    writes.extend(notices::of_change(db, user, &next.user)?);
    writes.extend(next.change(db)?);
    writes.push(claim::mark(db, &Name::Email(new.email.key()), user.id, &PROVEN));
    writes.extend(staff::count(db, user.is_active_staff(), true));
    Ok((next, writes))
}
