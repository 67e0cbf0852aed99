//! What the fields of Django models are called, and what they mean here.

use serde_json::{Map, Value};

/// What a field means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Username,
    Email,
    Phone,
    Password,
    FirstName,
    LastName,
    FullName,
    Address,
    DateOfBirth,
    Language,
    EmailVerified,
    PhoneVerified,
    /// Says that an address is verified, but not which: of a user the one they log in with or, of a user with a username, the
    /// e-mail address; of a profile or an employee the phone number.
    Verified,
    /// Says that a code was entered, but not for what: `false` says that something waits, and `true` verifies nothing.
    OtpVerified,
    IsActive,
    IsStaff,
    IsSuperuser,
    LastLogin,
    Joined,
    Groups,
    Department,
    JobTitle,
    HireDate,
    /// The user whom a record is about.
    User,
    /// The user whose record it is.
    Owner,
    /// The user who made a record.
    Creator,
}

/// Names without underscores, the preferred first.
const NAMES: &[(Field, &[&str])] = &[
    (Field::Username, &["username", "login", "loginname", "loginid"]),
    (Field::Email, &["email", "emailaddress", "emailid", "mail", "useremail", "emailaddr"]),
    (
        Field::Phone,
        &[
            "phonenumber",
            "phone",
            "mobilenumber",
            "mobile",
            "phoneno",
            "contactnumber",
            "mobileno",
            "contactno",
            "contact",
            "cellphone",
            "cellnumber",
            "cell",
            "mobilephone",
            "telephone",
            "telephonenumber",
            "tel",
            "phonenum",
            "userphone",
            "msisdn",
        ],
    ),
    (Field::Password, &["password", "passwordhash", "hashedpassword"]),
    (Field::FirstName, &["firstname", "fname", "givenname", "forename"]),
    (Field::LastName, &["lastname", "lname", "surname", "familyname", "secondname"]),
    (Field::FullName, &["name", "fullname", "displayname", "employeename", "completename"]),
    (
        Field::Address,
        &["address", "streetaddress", "homeaddress", "postaladdress", "addressline1", "address1"],
    ),
    (Field::DateOfBirth, &["dateofbirth", "dob", "birthdate", "birthday"]),
    (Field::Language, &["language", "languagecode", "preferredlanguage", "lang", "locale"]),
    (
        Field::EmailVerified,
        &[
            "isemailverified",
            "emailverified",
            "emailverifiedat",
            "isemailconfirmed",
            "emailconfirmed",
            "emailisverified",
        ],
    ),
    (
        Field::PhoneVerified,
        &[
            "isphoneverified",
            "phoneverified",
            "isphonenumberverified",
            "phonenumberverified",
            "ismobileverified",
            "mobileverified",
            "phoneverifiedat",
            "isphoneconfirmed",
            "phoneconfirmed",
            "phoneisverified",
        ],
    ),
    (
        Field::Verified,
        &[
            "isverified",
            "verified",
            "verifiedat",
            "isconfirmed",
            "confirmed",
            "accountverified",
            "isaccountverified",
        ],
    ),
    (Field::OtpVerified, &["isotpverified", "otpverified"]),
    (Field::IsActive, &["isactive", "active"]),
    (Field::IsStaff, &["isstaff"]),
    (Field::IsSuperuser, &["issuperuser"]),
    (Field::LastLogin, &["lastlogin"]),
    (
        Field::Joined,
        &[
            "datejoined",
            "createdat",
            "joinedat",
            "createdon",
            "created",
            "joineddate",
            "registeredat",
            "signupdate",
            "datecreated",
        ],
    ),
    (Field::Groups, &["groups"]),
    (Field::Department, &["department", "dept", "departmentname"]),
    (Field::JobTitle, &["jobtitle", "position", "designation", "title", "role", "jobrole"]),
    (
        Field::HireDate,
        &["hiredate", "dateofjoining", "joiningdate", "hiredat", "joindate", "dateofjoin", "datehired"],
    ),
    (Field::User, &["user", "userid", "useraccount", "authuser"]),
    (Field::Owner, &["owner"]),
    (Field::Creator, &["createdby", "addedby"]),
];

/// What `--map` may name.
const MAPPED: &[(&str, Field)] = &[
    ("username", Field::Username),
    ("email", Field::Email),
    ("phone_number", Field::Phone),
    ("phone", Field::Phone),
    ("password", Field::Password),
    ("first_name", Field::FirstName),
    ("last_name", Field::LastName),
    ("full_name", Field::FullName),
    ("name", Field::FullName),
    ("address", Field::Address),
    ("date_of_birth", Field::DateOfBirth),
    ("language", Field::Language),
    ("is_email_verified", Field::EmailVerified),
    ("is_phone_verified", Field::PhoneVerified),
    ("is_active", Field::IsActive),
    ("is_staff", Field::IsStaff),
    ("last_login", Field::LastLogin),
    ("date_joined", Field::Joined),
    ("created_at", Field::Joined),
    ("department", Field::Department),
    ("job_title", Field::JobTitle),
    ("hire_date", Field::HireDate),
    ("owner", Field::Owner),
    ("user", Field::User),
];

impl Field {
    /// The name of a field of this project's users and employees, as `--map` takes it.
    pub(crate) fn of_ours(name: &str) -> Option<Self> {
        MAPPED.iter().find(|(ours, _)| *ours == name).map(|(_, field)| *field)
    }

    pub(crate) fn all_ours() -> impl Iterator<Item = &'static str> {
        MAPPED.iter().map(|(name, _)| *name)
    }

    /// What a field of a model means, and its place among those that mean the same.
    pub(crate) fn of(name: &str) -> Option<(Self, usize)> {
        let plain = plain(name);
        NAMES.iter().find_map(|(field, names)| {
            names.iter().position(|name| *name == plain).map(|place| (*field, place))
        })
    }

    /// Whether it says that something is verified: that is true of the same record only.
    pub(crate) fn is_proof(self) -> bool {
        matches!(self, Self::EmailVerified | Self::PhoneVerified | Self::Verified | Self::OtpVerified)
    }
}

/// A field's name whatever its style: `phone_number` and `phoneNumber` are one.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).collect::<String>().to_lowercase()
}

/// Whether a value says something: neither `null` nor empty.
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => !values.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A record with one of these is of a code that was sent: the code, or until when it can be used.
const CODE: &[&str] = &[
    "otp",
    "code",
    "token",
    "expires",
    "expires_at",
    "expires_on",
    "expire_at",
    "expired_at",
    "expiry",
    "expiry_date",
    "expiry_time",
    "expiration",
    "expiration_date",
    "expiration_time",
    "is_expired",
    "valid_until",
    "is_used",
];
/// And so is one with a field whose name has a word of each of these, such as `verification_code`.
const CODE_FOR: &[&str] = &[
    "verification",
    "verify",
    "activation",
    "confirmation",
    "confirm",
    "registration",
    "signup",
    "sms",
    "email",
    "code",
    "token",
];
const CODE_PART: &[&str] = &["code", "token", "key", "hash", "expires", "expiry", "expiration"];

/// Whether a field is one of a code that was sent.
pub(crate) fn is_of_code(field: &str) -> bool {
    let words: Vec<&str> = field.split('_').collect();
    let is_part = |word: &&str| CODE_PART.contains(word);
    let is_compound = || {
        let purpose = words.iter().position(|word| CODE_FOR.contains(word));
        purpose.is_some_and(|at| words[at + 1..].iter().any(is_part))
    };
    let is_proof = Field::of(field).is_some_and(|(field, _)| field.is_proof());
    !is_proof && (CODE.contains(&field) || words.contains(&"otp") || is_compound())
}

/// What every model of users has that is made from Django's, and no table of pending sign-ups needs.
pub(crate) fn is_of_users(fields: &Map<String, Value>) -> bool {
    ["last_login", "is_active"].iter().any(|name| fields.contains_key(*name))
}

/// Whether a text is a hash that Django stores, or marks a password that cannot be used.
pub(crate) fn is_hash(value: &Value) -> bool {
    const ALGORITHMS: [&str; 9] = [
        "pbkdf2_sha256$",
        "pbkdf2_sha1$",
        "argon2$",
        "bcrypt$",
        "bcrypt_sha256$",
        "scrypt$",
        "sha1$",
        "md5$",
        "crypt$",
    ];
    value.as_str().is_some_and(|text| ALGORITHMS.iter().any(|start| text.starts_with(start)))
}

/// Whether a hash is one that logins here compare with, or marks that there is no password.
pub(crate) fn is_known_hash(value: &Value) -> bool {
    const ALGORITHMS: [&str; 6] =
        ["pbkdf2_sha256$", "pbkdf2_sha1$", "argon2$", "bcrypt$", "bcrypt_sha256$", "scrypt$"];
    value
        .as_str()
        .is_some_and(|text| text.starts_with('!') || ALGORITHMS.iter().any(|start| text.starts_with(start)))
}

/// What refers to a record: its key, which as a natural one is a list. The key 7 is not the name "7".
pub(crate) fn reference(key: &Value) -> String {
    key.to_string()
}

/// A model's name without its app.
pub(crate) fn short(model: &str) -> &str {
    model.rsplit('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_in_every_style() {
        for (name, field) in [
            ("phone_number", Field::Phone),
            ("phoneNumber", Field::Phone),
            ("phonenumber", Field::Phone),
            ("mobile", Field::Phone),
            ("phone_no", Field::Phone),
            ("user_name", Field::Username),
            ("emailid", Field::Email),
            ("fullname", Field::FullName),
            ("firstname", Field::FirstName),
            ("second_name", Field::LastName),
            ("is_mobile_verified", Field::PhoneVerified),
        ] {
            assert_eq!(Field::of(name).map(|(field, _)| field), Some(field), "{name}");
        }
        assert_eq!(Field::of("is_admin"), None);
    }

    #[test]
    fn a_code_is_known_by_its_name_and_other_codes_are_not() {
        for field in [
            "verification_code",
            "otp",
            "phone_otp",
            "code",
            "code_hash",
            "activation_key",
            "otp_expiry",
            "is_used",
        ] {
            assert!(is_of_code(field), "{field}");
        }
        for field in [
            "country_code",
            "postal_code",
            "referral_code",
            "fcm_token",
            "is_verified",
            "otp_verified",
            "date_joined",
        ] {
            assert!(!is_of_code(field), "{field}");
        }
    }
}
