//! Registration.

use uuid::Uuid;

use super::{Account, Date, USERNAME, User, Username, names, reservation, taken};
use crate::{
    App, Error,
    claim::{self, Holders, Name, Terms},
    dynamo::{ATTEMPTS, Refused, Write, pause_before, transact},
    email::Email,
    otp::{Limits, Purpose, Record},
    password::Hash,
    phone::Phone,
    time,
};

/// Who is to be registered.
pub struct Registration {
    /// Their username.
    pub username: Username,
    /// Their e-mail address.
    pub email: Email,
    /// Their phone number.
    pub phone: Option<Phone>,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// May be empty.
    pub address: String,
    /// If they said.
    pub date_of_birth: Option<Date>,
    /// The hash of their password.
    pub password: Hash,
}

impl Registration {
    /// The names that it takes.
    fn names(&self) -> Vec<Name> {
        names(Some(&self.username), Some(&self.email), self.phone.as_ref())
    }
}

/// Registers a user, with a code to their e-mail address: everything is written or nothing is.
///
/// `holders` is what was read of the names; when another request changes it before this one writes, it is read again.
pub async fn register(app: &App, new: Registration, mut holders: Holders) -> Result<User, Error> {
    let (names, address) = (new.names(), new.email.key());
    let account = Account {
        user: User {
            id: Uuid::now_v7(),
            username: new.username.text().to_owned(),
            email: new.email.typed().to_owned(),
            first_name: new.first_name,
            last_name: new.last_name,
            phone_number: new.phone.as_ref().map(|phone| phone.e164().to_owned()),
            address: new.address,
            date_of_birth: new.date_of_birth,
            is_email_verified: false,
            pending_email: None,
            is_phone_verified: false,
            is_active: true,
            is_staff: false,
            date_joined: time::now(),
            last_login: None,
        },
        password: new.password,
        epoch: 0,
    };
    let id = account.user.id;
    let code = Record::new(Purpose::VerifyEmail, new.email.typed(), Some(id))?;
    let unproven = Terms { verified: false, staged: false, reserved_for: reservation()? };

    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            holders = claim::read(app, &names, Some(&address)).await?;
        }
        let complaints = taken(&names, &holders, id);
        if !complaints.is_empty() {
            return Err(Error::Invalid(complaints));
        }
        let now = time::seconds(time::now());
        let allowance = holders.allowance.send_first(Purpose::VerifyEmail, now, Limits::from_env()?)?;
        let mut writes = vec![
            Write::to(&app.tables.users).when("attribute_not_exists(pk)").put(account.item()?)?,
            code.write(app, &address)?,
            allowance.write(app, &address)?,
        ];
        let terms = |name: &Name| if matches!(name, Name::Username(_)) { USERNAME } else { unproven };
        let wanted: Vec<_> = names.iter().map(|name| (name.clone(), terms(name))).collect();
        writes.extend(claim::take(app, &wanted, id, &holders)?);
        match transact(app, writes).await {
            Ok(()) => return Ok(account.user),
            // Something is no longer as it was read: look again.
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a registration found no quiet moment".into()))
}
