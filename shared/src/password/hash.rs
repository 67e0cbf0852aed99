//! How a password is kept: argon2id, as a PHC string.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::{Password, django, memory::Memory};
use crate::Error;

/// OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT: usize = 32;

/// A password hash: a PHC string or, until its owner logs in, what Django made. It cannot be printed.
#[derive(Clone)]
pub struct Hash(String);

impl Hash {
    /// A hash as Django stores it, or why it cannot be used.
    pub fn of_django(text: &str) -> Result<Self, &'static str> {
        django::Encoded::read(text)?;
        Ok(Self(text.to_owned()))
    }

    /// No password is right.
    pub(crate) fn unusable() -> Self {
        Self(String::new())
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// Hashes passwords in memory that an instance keeps: taking 19 MiB from the system for each hash costs as much as half
/// the hash. The memory is wiped after each.
#[derive(Default)]
pub struct Hasher {
    memory: Mutex<Memory>,
    /// Nanoseconds of work since [`Hasher::taken`] was last asked.
    taken: AtomicU64,
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Another password.
    Wrong,
    /// The password.
    Right,
    /// The password, hashed by rules that are no longer ours: hash it again.
    RightButOld,
}

impl Hasher {
    /// The hash of a new password, with a random salt.
    pub fn hash(&self, password: &Password) -> Result<Hash, Error> {
        let salt: [u8; 16] = uuid::Uuid::new_v4().into_bytes();
        let mut output = [0; OUTPUT];
        let ours = ours()?;
        self.argon2(&ours, &password.composed, &salt, &mut output)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&ours).map_err(failure)?,
            salt: Some(Salt::new(&salt).map_err(failure)?),
            hash: Some(Output::new(&output).map_err(failure)?),
        };
        Ok(Hash(hash.to_string()))
    }

    /// Compares a password with a hash, in constant time. What is not hashed by our rules costs a hash by them besides: no
    /// comparison is cheaper than that with nobody.
    pub fn compare(&self, password: &Password, hash: &Hash) -> Result<Match, Error> {
        if !hash.0.starts_with('$') {
            self.compare_with_nobody(password)?;
            return self.timed(|| compare_with_django(password, hash));
        }
        let stored = PasswordHash::new(&hash.0).map_err(failure)?;
        let params = Params::try_from(&stored).map_err(failure)?;
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
            return Err(failure("a hash without a salt or a result"));
        };
        let ours = ours()?;
        let same = (params.m_cost(), params.t_cost(), params.p_cost())
            == (ours.m_cost(), ours.t_cost(), ours.p_cost());
        if !same {
            self.compare_with_nobody(password)?;
        }
        let mut output = vec![0; expected.len()];
        self.argon2(&params, &password.composed, salt, &mut output)?;
        Ok(match verify_slices_are_equal(&output, expected.as_bytes()) {
            Err(_) => Match::Wrong,
            Ok(()) if same => Match::Right,
            Ok(()) => Match::RightButOld,
        })
    }

    /// Costs what a comparison costs, so that an unknown user takes as long as a wrong password.
    pub fn compare_with_nobody(&self, password: &Password) -> Result<(), Error> {
        self.argon2(&ours()?, &password.composed, b"nobody has this!", &mut [0; OUTPUT])
    }

    /// How long it has worked since this was last asked, if it has.
    pub(crate) fn taken(&self) -> Option<Duration> {
        let nanoseconds = self.taken.swap(0, Ordering::Relaxed);
        (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
    }

    fn timed<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        let nanoseconds = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.taken.fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    fn argon2(&self, params: &Params, password: &str, salt: &[u8], output: &mut [u8]) -> Result<(), Error> {
        self.timed(|| self.argon2_untimed(params, password, salt, output))
    }

    fn argon2_untimed(
        &self,
        params: &Params,
        password: &str,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), Error> {
        // A poisoned lock only means that a hash panicked halfway; the memory is written before it is read.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = memory.blocks(params.block_count());
        let result = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
            .hash_password_into_with_memory(password.as_bytes(), salt, output, blocks)
            .map_err(failure);
        memory.wipe();
        result
    }
}

/// Django hashes what it is given, which its serializers have trimmed. What is right only when it is trimmed is not hashed
/// again: the new hash would be of another password.
fn compare_with_django(password: &Password, hash: &Hash) -> Result<Match, Error> {
    let encoded = django::Encoded::read(&hash.0).map_err(Error::internal)?;
    let (typed, trimmed) = (password.typed.as_str(), password.typed.trim());
    if encoded.is_of(typed)? {
        Ok(Match::RightButOld)
    } else if trimmed != typed && encoded.is_of(trimmed)? {
        Ok(Match::Right)
    } else {
        Ok(Match::Wrong)
    }
}

fn ours() -> Result<Params, Error> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT)).map_err(failure)
}

fn failure<E: std::fmt::Display>(error: E) -> Error {
    Error::internal(format!("argon2: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[test]
    fn a_hash_is_an_argon2id_phc_string_with_owasps_parameters() {
        let hash = Hasher::default().hash(&password("password123")).unwrap();
        assert!(hash.text().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.text());
    }

    #[test]
    fn only_the_password_matches_and_every_hash_has_its_own_salt() {
        let hasher = Hasher::default();
        let (one, two) =
            (hasher.hash(&password("password123")).unwrap(), hasher.hash(&password("password123")).unwrap());
        assert_ne!(one.text(), two.text());
        assert_eq!(hasher.compare(&password("password123"), &one).unwrap(), Match::Right);
        assert_eq!(hasher.compare(&password("Password123"), &one).unwrap(), Match::Wrong);
        assert_eq!(hasher.compare(&password("password123 "), &one).unwrap(), Match::Wrong);
    }

    #[test]
    fn a_password_is_the_same_however_its_characters_are_composed() {
        let hasher = Hasher::default();
        let hash = hasher.hash(&password("Ame\u{301}lie-2024")).unwrap();
        assert_eq!(hasher.compare(&password("Am\u{e9}lie-2024"), &hash).unwrap(), Match::Right);
    }

    #[test]
    fn a_hash_with_other_parameters_matches_and_is_due_for_renewal() {
        let phc = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1_024, 1, 1, None).unwrap());
        let old = argon2::PasswordHasher::hash_password_with_salt(&phc, b"password123", b"0123456789abcdef")
            .unwrap();
        let hasher = Hasher::default();
        assert_eq!(
            hasher.compare(&password("password123"), &Hash(old.to_string())).unwrap(),
            Match::RightButOld
        );
        assert_eq!(hasher.compare(&password("password124"), &Hash(old.to_string())).unwrap(), Match::Wrong);
    }

    /// Django's, of `Ame\u{301}lie-2024`.
    const OF_DJANGO: &str = "pbkdf2_sha1$1000000$HAesBV72mAeClo6BxuC1f5$joWP+XSYrRyy/C7luE+zayq2Qds=";

    #[test]
    fn a_hash_of_djangos_is_of_what_was_typed_and_is_due_for_renewal() {
        let (hasher, hash) = (Hasher::default(), Hash::of_django(OF_DJANGO).unwrap());
        let compare = |text: &str| hasher.compare(&password(text), &hash).unwrap();
        assert_eq!(compare("Ame\u{301}lie-2024"), Match::RightButOld);
        assert_eq!(compare("Am\u{e9}lie-2024"), Match::Wrong);
        // Django's serializers trimmed it; a hash of it as it stands would be another.
        assert_eq!(compare(" Ame\u{301}lie-2024"), Match::Right);
    }

    #[test]
    fn the_memory_of_a_hash_is_wiped() {
        let hasher = Hasher::default();
        hasher.hash(&password("password123")).unwrap();
        let memory = &hasher.memory.lock().unwrap().0;
        assert_eq!(memory.len(), 19_456);
        assert!(memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }
}
