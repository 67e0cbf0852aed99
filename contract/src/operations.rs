//! Every operation, in the order of the README.

use serde_json::{Value, json};

use crate::{
    answers::{
        EMAIL_NOT_VERIFIED, FORBIDDEN, INVALID_OR_LAST_STAFF, LAST_STAFF, LOGIN_REFUSED, NOBODY_HAS_IT,
        NOT_FOUND, OTP_INVALID, REGISTRATION_TOKEN_INVALID, TOKEN_REFUSED, file, listed, nothing, says,
        shown, shown_as, shown_in_version, such_as,
    },
    operation::{Operation, delete, get, patch, post, put},
};
use shared::session;

/// Operations that belong together.
pub(crate) struct Group {
    pub name: &'static str,
    pub description: &'static str,
    pub operations: fn() -> Vec<Operation>,
}

pub(crate) const GROUPS: [Group; 9] = [
    Group {
        name: "Registration",
        description: "Accounts by e-mail address, and its proof by a one-time code.",
        operations: registration,
    },
    Group { name: "Tokens", description: "Logging in and out.", operations: tokens },
    Group { name: "Sessions", description: "What the caller is logged in with.", operations: sessions },
    Group { name: "Profile", description: "The caller.", operations: profile },
    Group { name: "Passwords", description: "New ones for old ones, and for codes.", operations: passwords },
    Group {
        name: "Employees",
        description: "The directory: everybody keeps their own records, staff see and manage all.",
        operations: employees,
    },
    Group {
        name: "Phone numbers",
        description: "Accounts by phone number, and proofs of numbers by one-time codes.",
        operations: phones,
    },
    Group { name: "Users", description: "For staff; for others, themselves.", operations: users },
    Group { name: "About", description: "The API about itself.", operations: about },
];

fn registration() -> Vec<Operation> {
    let seeds = [
        json!({
            "email": "testuser@example.com",
            "username": "testuser",
            "phone_number": "1234567890",
            "password": "strongpassword123",
        }),
        json!({
            "username": "bunny0909",
            "password": "password123",
            "first_name": "Basavraj",
            "last_name": "Ningadali",
            "email": "test@example.com",
            "phone_number": "9881167671",
            "date_of_birth": "1990-01-01",
        }),
        json!({
            "username": "testuser",
            "email": "testuser@example.com",
            "password": "password123",
            "phone_number": "1234567890",
            "address": "123 Test Street",
        }),
    ];
    vec![
        post("/api/register", "api-register", "Make an account")
            .about("A code goes to the e-mail address.")
            .takes("Registration", &seeds)
            .answers(201, such_as(shown("The new user.", "User"), &a_user())),
        post("/api/otp/verify", "api-otp-verify", "Prove an e-mail address with its code")
            .about("A new address of a user takes effect with it.")
            .takes("EmailProof", &[json!({ "email": "testuser@example.com", "otp": "123456" })])
            .refuses(&[OTP_INVALID])
            .answers(200, says("Email verified successfully.")),
        post("/api/otp/resend", "api-otp-resend", "Send another code")
            .about("The answer is the same whether or not anybody has the address.")
            .takes("EmailAddress", &[json!({ "email": "testuser@example.com" })])
            .answers(200, says("If the address awaits verification, a new code has been sent.")),
    ]
}

fn tokens() -> Vec<Operation> {
    let logins = [
        json!({ "username": "testuser", "password": "strongpassword123" }),
        json!({ "username": "bunny0909", "password": "password123" }),
        json!({ "username": "your_username", "password": "your_password" }),
    ];
    vec![
        post("/api/login", "api-login", "Log in by e-mail address")
            .about("The address has to be verified.")
            .takes(
                "EmailLogin",
                &[json!({ "email": "testuser@example.com", "password": "strongpassword123" })],
            )
            .refuses(&[LOGIN_REFUSED, EMAIL_NOT_VERIFIED])
            .answers(200, a_new_session()),
        post("/api/token", "api-token", "Log in by username")
            .about("Or by a verified e-mail address or phone number.")
            .takes("Login", &logins)
            .refuses(&[LOGIN_REFUSED, EMAIL_NOT_VERIFIED])
            .answers(200, a_new_session()),
        post("/api/token/refresh", "api-token-refresh", "Get new tokens")
            .about(
                "The refresh token is used up. The client that used it (the same network and `User-Agent`) may \
                 repeat it: within a few seconds it gets the same successor, and later another one, as long as \
                 the first has not been used. Any other use of the token again ends the session.",
            )
            .takes("Refresh", &[json!({ "refresh": "<refresh_token>" })])
            .refuses(&[TOKEN_REFUSED])
            .answers(200, shown("The next tokens of the session.", "RefreshedTokens")),
        post("/api/token/verify", "api-token-verify", "Ask whether a token is alive")
            .about(
                "Answers about a refresh token, and about dead tokens, are limited for each session. Those about \
                 live access tokens are not.",
            )
            .takes("AnyToken", &[json!({ "token": "<access_token>" })])
            .refuses(&[TOKEN_REFUSED])
            .answers(200, shown_as("It is.", &json!({ "type": "object", "maxProperties": 0 }))),
        post("/api/logout", "api-logout", "Log out")
            .about("The session of the refresh token ends at once. Repeating it is no error.")
            .takes(
                "Logout",
                &[json!({ "refresh_token": "<refresh_token>" }), json!({ "refresh": "<refresh_token>" })],
            )
            .refuses(&[TOKEN_REFUSED])
            .answers(200, says("Logged out successfully.")),
        post("/api/logout/all", "api-logout-all", "Log out everywhere")
            .by_user()
            .answers(200, says("Logged out everywhere.")),
    ]
}

fn sessions() -> Vec<Operation> {
    vec![
        get("/api/sessions", "api-sessions-list", "The live sessions, newest first")
            .about(&format!("At most {}: when another session begins, the oldest ends.", session::MOST))
            .by_user()
            .answers(200, listed("All of them.", "Session")),
        delete("/api/sessions/{id}", "api-sessions-delete", "End a session")
            .by_user()
            .refuses(&[NOT_FOUND])
            .answers(204, nothing("Its tokens are dead.")),
    ]
}

fn profile() -> Vec<Operation> {
    let changed = |operation: Operation, body, example| {
        operation
            .about("A new e-mail address waits in `pending_email` until its code proves it.")
            .by_user()
            .in_version()
            .takes(body, &[example])
            .refuses(&[NOT_FOUND])
            .answers(200, shown_in_version("The user as they then are.", "User"))
    };
    vec![
        get("/api/profile", "api-profile-read", "The caller")
            .by_user()
            .answers(200, such_as(shown_in_version("The user.", "User"), &a_user())),
        changed(
            put("/api/profile", "api-profile-update", "Change the caller"),
            "CompleteUser",
            json!({ "username": "testuser", "email": "testuser@example.com", "address": "123 Test Street" }),
        ),
        changed(
            patch("/api/profile", "api-profile-partial-update", "Change some fields of the caller"),
            "PartialUser",
            json!({ "first_name": "Basavraj" }),
        ),
    ]
}

fn passwords() -> Vec<Operation> {
    let change = json!({
        "old_password": "strongpassword123",
        "new_password": "newpassword456",
        "confirm_password": "newpassword456",
    });
    let recovery = json!({
        "email": "testuser@example.com",
        "otp": "123456",
        "new_password": "newpassword456",
        "confirm_password": "newpassword456",
    });
    let sent = "If an account has that address, a code to set a new password has been sent.";
    vec![
        post("/api/password/reset", "api-password-reset", "Change the password")
            .about("All sessions end, and the caller gets a new one.")
            .by_user()
            .takes("PasswordChange", &[change])
            .answers(200, shown("The new session.", "ChangedPassword")),
        post("/api/password/forgot", "api-password-forgot", "Ask for a code to set a new password")
            .about("The answer is the same whether or not anybody has the address.")
            .takes("EmailAddress", &[json!({ "email": "testuser@example.com" })])
            .answers(200, says(sent)),
        post("/api/password/forgot/confirm", "api-password-forgot-confirm", "Set a new password with a code")
            .about("All sessions end.")
            .takes("PasswordRecovery", &[recovery])
            .refuses(&[OTP_INVALID])
            .answers(200, says("Password changed successfully.")),
    ]
}

fn employees() -> Vec<Operation> {
    let new = json!({
        "first_name": "Basavraj",
        "last_name": "Ningadali",
        "phone_number": "1234567890",
        "department": "Engineering",
    });
    let changed = |operation: Operation, body, example| {
        operation
            .by_user()
            .in_version()
            .takes(body, &[example])
            .refuses(&[NOT_FOUND])
            .answers(200, shown_in_version("The employee as they then are.", "Employee"))
    };
    vec![
        get("/api/employees", "api-employees-list", "A page of the employees")
            .about("One's own; for staff, all.")
            .by_user()
            .lists(&["Department", "IsPhoneVerified"])
            .answers(200, shown("The page.", "EmployeePage")),
        post("/api/employees", "api-employees-create", "Add an employee")
            .by_user()
            .takes("CompleteEmployee", std::slice::from_ref(&new))
            .answers(201, such_as(shown_in_version("The new employee.", "Employee"), &an_employee())),
        get("/api/employees/{id}", "api-employees-read", "An employee")
            .by_user()
            .refuses(&[NOT_FOUND])
            .answers(200, such_as(shown_in_version("The employee.", "Employee"), &an_employee())),
        changed(
            put("/api/employees/{id}", "api-employees-update", "Change an employee"),
            "CompleteEmployee",
            new,
        ),
        changed(
            patch("/api/employees/{id}", "api-employees-partial-update", "Change some fields of an employee"),
            "PartialEmployee",
            json!({ "job_title": "Engineer" }),
        ),
        delete("/api/employees/{id}", "api-employees-delete", "Delete an employee")
            .about("The phone number and the e-mail address are free again.")
            .by_user()
            .in_version()
            .refuses(&[NOT_FOUND])
            .answers(204, nothing("The employee is gone.")),
    ]
}

fn phones() -> Vec<Operation> {
    let sign_up = json!({
        "reg_token": "fef8702768384d1d88a2e1454e6c749c",
        "password": "123456789",
        "first_name": "Majed",
        "last_name": "Shabani",
        "email": "majedwp12@gmail.com",
    });
    let verified =
        json!({ "message": "Phone verified.", "registration_token": "fef8702768384d1d88a2e1454e6c749c" });
    vec![
        post("/otp/generate", "otp-generate", "Send a code to a phone number")
            .about(
                "By SMS, whether or not anybody has the number. Send an access token to verify the number of your \
                 own account.",
            )
            .also_by_user()
            .takes("EmployeePhone", &[json!({ "phone_number": "1234567890" })])
            .answers(200, says("OTP sent successfully")),
        post("/otp/verify", "otp-verify", "Prove a phone number with its code")
            .about(
                "The number of the employee who has it, for anyone with the code. The number of your own account, if \
                 you send your access token both here and with the request for the code.",
            )
            .also_by_user()
            .takes("EmployeePhoneProof", &[json!({ "phone_number": "1234567890", "otp": "1234" })])
            .refuses(&[OTP_INVALID, NOBODY_HAS_IT])
            .answers(200, says("Phone number verified successfully")),
        post(
            "/auth/check-phone",
            "auth-check-phone",
            "Ask whether anyone has an account with a phone number",
        )
        .about("If not, a code goes there to make one. An unverified number is no account, unless `Policy` is `seeds`.")
        .takes("Phone", &[json!({ "phone": "09101234567" })])
        .answers(
            200,
            such_as(
                shown("Whether anyone has.", "PhoneCheck"),
                &json!({ "exists": false, "message": "OTP sent." }),
            ),
        ),
        post("/auth/verify", "auth-verify", "Exchange a code for a registration token")
            .about("It lives for ten minutes and makes one account.")
            .takes("PhoneProof", &[json!({ "phone": "09101234567", "code": "1234" })])
            .refuses(&[OTP_INVALID])
            .answers(200, such_as(shown("The number is proven.", "PhoneVerified"), &verified)),
        post("/auth/register", "auth-register", "Make an account with a registration token")
            .about(
                "Its username is the phone number. An account that has the number unverified loses it, unless `Policy` \
                 is `seeds`.",
            )
            .takes("PhoneRegistration", &[sign_up])
            .refuses(&[REGISTRATION_TOKEN_INVALID])
            .answers(201, shown("The new user and a session.", "RegisteredUser")),
        post("/auth/login", "auth-login", "Log in by phone number")
            .about("The number has to be verified.")
            .takes("PhoneLogin", &[json!({ "phone": "09101234567", "password": "123456789" })])
            .refuses(&[LOGIN_REFUSED])
            .answers(200, a_new_session()),
    ]
}

fn users() -> Vec<Operation> {
    let changed = |operation: Operation, body, example| {
        operation
            .about("Oneself; for staff, anybody. What only staff may change is 403 for others.")
            .by_user()
            .in_version()
            .takes(body, &[example])
            .refuses(&[INVALID_OR_LAST_STAFF, FORBIDDEN, NOT_FOUND])
            .answers(200, shown_in_version("The user as they then are.", "User"))
    };
    vec![
        get("/api/users", "api-users-list", "A page of the users")
            .about("For staff, all; others see themselves.")
            .by_user()
            .lists(&["IsActive", "IsStaff", "IsPhoneVerified"])
            .answers(200, shown("The page.", "UserPage")),
        post("/api/users/{id}/unlock", "api-users-unlock", "Forget a user's failed logins")
            .by_staff()
            .refuses(&[NOT_FOUND])
            .answers(200, says("The user can log in again.")),
        post("/api/users/{id}/logout", "api-users-logout", "End every session of a user")
            .by_staff()
            .refuses(&[NOT_FOUND])
            .answers(200, says("Logged out everywhere.")),
        get("/api/users/{id}", "api-users-read", "A user")
            .about("Oneself; for staff, anybody.")
            .by_user()
            .refuses(&[NOT_FOUND])
            .answers(200, such_as(shown_in_version("The user.", "User"), &a_user())),
        changed(
            put("/api/users/{id}", "api-users-update", "Change a user"),
            "CompleteUserByStaff",
            json!({ "username": "testuser", "email": "testuser@example.com", "address": "123 Test Street" }),
        ),
        changed(
            patch("/api/users/{id}", "api-users-partial-update", "Change some fields of a user"),
            "PartialUserByStaff",
            json!({ "last_name": "Ningadali" }),
        ),
        delete("/api/users/{id}", "api-users-delete", "Delete a user")
            .about("Oneself; for staff, anybody. The names are free again, and the sessions dead.")
            .by_user()
            .in_version()
            .refuses(&[LAST_STAFF, NOT_FOUND])
            .answers(204, nothing("The user is gone.")),
    ]
}

fn about() -> Vec<Operation> {
    vec![
        get("/", "docs", "The documentation as a page").answers(200, file("The page.", &["text/html"])),
        get("/docs/{file}", "docs-file", "A part of the documentation page")
            .refuses(&[NOT_FOUND])
            .answers(200, file("The part.", &["text/css", "text/javascript"])),
        get("/openapi.json", "openapi", "The documentation for programs")
            .about("This OpenAPI document.")
            .answers(200, shown_as("The document.", &json!({ "type": "object" }))),
        get("/postman_collection.json", "postman-collection", "The documentation for Postman")
            .answers(200, shown_as("The collection.", &json!({ "type": "object" }))),
        get("/admin", "admin", "The admin panel")
            .about("A page for staff. What it does goes through this API.")
            .answers(200, file("The page.", &["text/html"]))
            .answers(304, nothing("The page is the one that `If-None-Match` names.")),
        get("/api", "api-root", "Every endpoint's name and URL")
            .answers(200, shown("The endpoints.", "Endpoints")),
        get("/.well-known/jwks.json", "well-known-jwks", "The public keys that verify tokens")
            .about("A JSON Web Key Set (RFC 7517).")
            .answers(200, shown("The keys.", "Keys")),
        get("/health", "health", "Whether the tables answer").answers(200, shown("They do.", "Health")),
    ]
}

fn a_new_session() -> Value {
    let tokens = json!({ "refresh": "<refresh_token>", "access": "<access_token>" });
    such_as(shown("A new session.", "Tokens"), &tokens)
}

fn a_user() -> Value {
    json!({
        "id": "019a5f3e-7d2b-7c41-9f0e-3b6a1d8e4c52",
        "username": "testuser",
        "email": "testuser@example.com",
        "first_name": "",
        "last_name": "",
        "phone_number": "+911234567890",
        "address": "",
        "date_of_birth": null,
        "is_email_verified": false,
        "pending_email": null,
        "is_phone_verified": false,
        "is_active": true,
        "is_staff": false,
        "date_joined": "2026-01-01T12:00:00.123Z",
        "last_login": null,
    })
}

fn an_employee() -> Value {
    json!({
        "id": "019a5f3e-8a10-7d35-8c2b-5e9f7a4b1c60",
        "first_name": "Basavraj",
        "last_name": "Ningadali",
        "phone_number": "+911234567890",
        "email": null,
        "date_of_birth": null,
        "department": "Engineering",
        "job_title": "",
        "hire_date": null,
        "address": "",
        "is_phone_verified": false,
        "owner": "019a5f3e-7d2b-7c41-9f0e-3b6a1d8e4c52",
        "created_at": "2026-01-01T12:00:00.456Z",
        "updated_at": "2026-01-01T12:00:00.456Z",
    })
}
