//! Whether the Django system had verified an address, and whether an inactive user waits for that.

use serde_json::Value;

use super::{
    file::Object,
    model::Model,
    reader::{Reader, User},
    settings::{Inactive, Login},
    words::Field,
};

impl<'a> Reader<'a> {
    /// Whether the dump says that an address (the e-mail address or the phone number) of a user is verified; `None` if it does not
    /// say.
    pub(crate) fn proof(&self, user: &User<'a>, kind: Login, address: Option<&Value>) -> Option<bool> {
        let (field, proofs) = if kind == Login::Phone {
            (Field::Phone, Field::PhoneVerified)
        } else {
            (Field::Email, Field::EmailVerified)
        };
        let model = &self.models[user.model];
        let key = address.and_then(|address| self.address_key(address));
        let own = |(model, object): &(&Model<'a>, &'a Object)| {
            model.value(object, field).map(|own| self.address_key(own))
        };
        let has_it = |record: &(&Model<'a>, &'a Object)| key.is_some() && own(record) == Some(key.clone());
        let has_no_other = |record: &(&Model<'a>, &'a Object)| own(record).is_none_or(|own| own == key);
        let with_models = |records: &[(usize, &'a Object)]| -> Vec<_> {
            records.iter().map(|(model, object)| (&self.models[*model], *object)).collect()
        };
        let (profiles, addresses, others) =
            (with_models(&user.profiles), with_models(&user.addresses), with_models(&user.others));
        let of_user = model.says(user.object, Field::Verified);
        // Of a profile it is the number, if the profile has no e-mail address that it could be of.
        let of_phone = |(model, object): &(&Model<'a>, &'a Object)| {
            let is_of_phone = kind == Login::Phone && model.value(object, Field::Email).is_none();
            model.says(object, Field::Verified).filter(|_| is_of_phone)
        };
        let says_of_address = || {
            let said: Vec<_> = addresses
                .iter()
                .filter(|record| kind != Login::Phone && has_it(record))
                .filter_map(|(model, object)| {
                    model.says(object, Field::Verified).or(model.says(object, Field::EmailVerified))
                })
                .collect();
            (!said.is_empty()).then(|| said.contains(&true))
        };
        let denies = |record: &&(&Model<'a>, &'a Object)| {
            let (model, object) = record;
            has_it(record)
                && [proofs, Field::Verified].iter().any(|field| model.says(object, *field) == Some(false))
        };
        model
            .says(user.object, proofs)
            .or_else(|| {
                profiles
                    .iter()
                    .filter(|record| has_no_other(record))
                    .find_map(|(model, object)| model.says(object, proofs))
            })
            .or(of_user.filter(|_| (kind == Login::Phone) == (self.logins[model.name].login == Login::Phone)))
            .or_else(says_of_address)
            .or_else(|| profiles.iter().filter(|record| has_it(record)).find_map(of_phone))
            // Which address it is of is not certain, but that there is one that is not verified.
            .or([of_user, model.says(user.object, Field::OtpVerified)]
                .contains(&Some(false))
                .then_some(false))
            .or_else(|| profiles.iter().chain(&others).any(|record| denies(&record)).then_some(false))
    }

    /// Whether anything in the dump says of users of this model that an e-mail address is verified, or is not.
    pub(crate) fn says_which_emails_are_verified(&self, place: usize) -> bool {
        let of_model = |user: &&User<'a>| user.model == place;
        self.users.iter().filter(of_model).any(|user| {
            let email = self.fields(user, Field::Email).first().map(|found| found.value);
            email.is_some() && self.proof(user, Login::Email, email).is_some()
        })
    }

    /// Whether an inactive user waits for the verification of their address, and is not one who was dismissed: that must be
    /// certain, because a pending user becomes active. A user who was there before (who has logged in, was verified, or is staff)
    /// is not pending.
    pub(crate) fn is_pending(&self, user: &User<'a>) -> bool {
        match self.settings.inactive {
            Some(Inactive::Pending) => true,
            Some(Inactive::Disabled) => false,
            None => {
                let was_there = self.is_staff(user)
                    || !self.fields(user, Field::LastLogin).is_empty()
                    || self.says_verified(user) == Some(true);
                !was_there && (self.has_code(user) || self.denies_verification(user))
            }
        }
    }

    /// Whether any field says that something of the user is verified; `None` if there is no such field.
    fn says_verified(&self, user: &User<'a>) -> Option<bool> {
        let fields = [Field::Verified, Field::EmailVerified, Field::PhoneVerified, Field::OtpVerified];
        let addresses = user.addresses.iter().map(|(model, object)| (&self.models[*model], *object));
        let records = self.sources(user).chain(addresses);
        let said = records.flat_map(|(model, object)| fields.map(|field| model.says(object, field)));
        said.flatten().reduce(|one, other| one || other)
    }

    /// A field that says no is evidence only where fields say yes of active users: others were never used.
    fn denies_verification(&self, user: &User<'a>) -> bool {
        if self.says_verified(user) != Some(false) {
            return false;
        }
        let known = self.verifies.borrow().get(&user.model).copied();
        known.unwrap_or_else(|| {
            let is_like = |other: &&User<'a>| {
                other.model == user.model && self.is_active(other) && !self.is_staff(other)
            };
            let said: Vec<_> =
                self.users.iter().filter(is_like).map(|other| self.says_verified(other)).collect();
            let verifies = said.is_empty() || said.contains(&Some(true));
            self.verifies.borrow_mut().insert(user.model, verifies);
            verifies
        })
    }
}
