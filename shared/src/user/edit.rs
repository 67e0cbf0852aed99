//! A request to change a user, by themselves or by staff.

use super::{
    Account, FIELDS, User, Username, throttle_of_names,
    update::{Changes, Flags, update},
};
use crate::{
    Error, Form,
    audit::{self, Changed, Event},
    client::Client,
    dynamo::Db,
    email::Email,
    fields::Given,
    form::BLANK,
    otp,
    phone::PhoneRules,
    precondition::Precondition,
    throttle::{self, Counted},
    user::claim::{self, Holders},
};

/// What a request asks for, as far as it can be read before it is known who asks.
pub struct Edit(Result<EditForm, Error>);

/// The fields of the body, each parsed or with a complaint in `form`.
pub struct EditForm {
    changes: Changes,
    /// Whether the e-mail address is given as none, which it can only stay.
    without_email: bool,
    form: Form,
}

impl Edit {
    /// Reads the body. `PUT` wants the fields that a user cannot be without; every other one may be left out and then stays as
    /// it is.
    #[must_use]
    pub fn read(form: Result<Form, Error>, is_complete: bool, precondition: Precondition) -> Self {
        Self(form.and_then(|form| EditForm::read(form, is_complete, precondition)))
    }

    /// Who has the names that it asks for.
    pub async fn holders(&self, db: &Db) -> Result<Holders, Error> {
        let Ok(EditForm { changes, .. }) = &self.0 else { return claim::read(db, &[], None).await };
        claim::read_to_take(db, &changes.names(), changes.email.as_ref().map(Email::key).as_deref()).await
    }

    /// The fields, once it is known that the caller may ask; 400 or 415 for a body that is none.
    pub fn fields(self) -> Result<EditForm, Error> {
        self.0
    }
}

impl EditForm {
    fn read(mut form: Form, complete: bool, precondition: Precondition) -> Result<Self, Error> {
        let phones = PhoneRules::from_env()?;
        let username = if complete {
            form.required("username", Username::parse)
        } else {
            form.not_blank("username", Username::parse)
        };
        let without_email = form.is_given_blank("email");
        let email = match (without_email, complete) {
            (true, _) => None,
            (false, true) => form.required("email", Email::parse),
            (false, false) => form.not_blank("email", Email::parse),
        };
        let changes = Changes {
            precondition,
            username,
            email,
            keeps_pending: complete,
            phone: form.nullable("phone_number", |text| phones.parse(text)),
            details: Given::read(&mut form, FIELDS, complete),
            flags: Flags::default(),
        };
        Ok(Self { changes, without_email, form })
    }

    /// Reads what only staff may change besides: 403 unless the caller is staff, or repeats how they are themselves.
    pub fn read_flags(&mut self, caller: &Account, account: Option<&Account>) -> Result<(), Error> {
        const NAMES: [&str; 4] = ["is_active", "is_staff", "is_email_verified", "is_phone_verified"];
        let asked = NAMES.map(|name| self.form.flag(name));
        if !caller.user.is_staff {
            let present = account.map(|account| &account.user).map(|user| {
                [user.is_active, user.is_staff, user.is_email_verified, user.is_phone_verified].map(Some)
            });
            let changes = |at: usize| {
                self.form.has(NAMES[at]) && present.is_none_or(|present| present[at] != asked[at])
            };
            if (0..NAMES.len()).any(changes) {
                return Err(Error::Forbidden);
            }
            // To repeat is not to say: a flag may be about to change, with the phone number or by staff.
            return Ok(());
        }
        let [is_active, is_staff, is_email_verified, is_phone_verified] = asked;
        self.changes.flags = Flags { is_active, is_staff, is_email_verified, is_phone_verified };
        Ok(())
    }

    /// 400 with all that is wrong with the fields, whoever is to be changed.
    pub fn check(&mut self) -> Result<(), Error> {
        self.form.check()
    }

    /// Makes the change and leaves its audit event, once limits are counted and what depends on the user is checked. Gives the
    /// account as it then is.
    pub async fn make(
        self,
        db: &Db,
        client: &Client,
        caller: &Account,
        account: Account,
        holders: Holders,
    ) -> Result<Account, Error> {
        let counted = self.count(db, client, &caller.user, &account.user).await?;
        let made = self.make_counted(db, client, caller, account, holders);
        throttle::settle(db, &counted, made).await
    }

    async fn make_counted(
        self,
        db: &Db,
        client: &Client,
        caller: &Account,
        account: Account,
        holders: Holders,
    ) -> Result<Account, Error> {
        let Self { changes, without_email, mut form } = self;
        let user = &account.user;
        if without_email && !user.email.is_empty() {
            form.complain("email", BLANK);
        }
        form.complain_all(changes.complaints(user, &holders)?);
        form.check()?;
        let (account, fields) = update(db, caller, account, &changes, holders, client).await?;
        if !fields.is_empty() {
            let act =
                if account.user.id == caller.user.id { Event::ProfileChanged } else { Event::UserChanged };
            let (actor, record) = (Some(caller.user.id), Changed::User(account.user.id));
            let fields: Vec<_> = fields.iter().map(String::as_str).collect();
            audit::change(act, actor, record, &fields, client.ip());
        }
        Ok(account)
    }

    /// Counts what has a limit: codes and, like registrations, names. "Already exists" tells who is here, and must not be had
    /// for nothing; staff see everybody anyway.
    async fn count(
        &self,
        db: &Db,
        client: &Client,
        caller: &User,
        user: &User,
    ) -> Result<Vec<Counted>, Error> {
        let names = throttle_of_names(client)?;
        let (codes, codes_of_user) = (otp::throttle_of(client)?, otp::throttle_of_changes(user.id)?);
        match (self.changes.stages_email(user), self.changes.takes_names(user) && !caller.is_staff) {
            (true, true) => throttle::admit(db, [codes, codes_of_user, names]).await.map(Vec::from),
            (true, false) => throttle::admit(db, [codes, codes_of_user]).await.map(Vec::from),
            (false, true) => throttle::admit(db, [names]).await.map(Vec::from),
            (false, false) => Ok(Vec::new()),
        }
    }
}
