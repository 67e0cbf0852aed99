//! How long a password is hashed, beside the reference implementation in C (argon2-cffi) with the same parameters, in turns.
//! `python3` in the `PATH` has it.

use std::{
    error::Error,
    process::{Command, ExitCode},
    time::Instant,
};

use shared::password::{Hasher, Password};

/// What a hash may take of the time that the reference takes.
const GOAL: f64 = 0.75;
const ROUNDS: usize = 10;
const HASHES: usize = 20;

/// Prints the milliseconds of each hash.
const REFERENCE: &str = "
import sys, time
from argon2.low_level import Type, hash_secret_raw
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    hash_secret_raw(b'correct horse battery staple', b'0123456789abcdef', time_cost=2, memory_cost=19456, parallelism=1,
                    hash_len=32, type=Type.ID)
    print((time.perf_counter() - began) * 1e3)
";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.extend(our_times()?);
        reference.extend(reference_times()?);
    }
    let (ours, reference) = (median(ours), median(reference));
    let part = ours / reference;
    println!("ours {ours:.1} ms, the reference {reference:.1} ms: {part:.2} of it (goal: at most {GOAL})");
    Ok(if part <= GOAL { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn our_times() -> Result<Vec<f64>, Box<dyn Error>> {
    let (hasher, password) = (Hasher::default(), Password::parse("correct horse battery staple")?);
    (0..HASHES)
        .map(|_| {
            let began = Instant::now();
            hasher.hash(&password).map_err(|error| error.to_string())?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        })
        .collect()
}

fn reference_times() -> Result<Vec<f64>, Box<dyn Error>> {
    let output = Command::new("python3").args(["-c", REFERENCE, &HASHES.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.lines().map(str::parse).collect::<Result<_, _>>()?)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
