//! Chance that repeats: the same seed gives the same identifiers and bytes. For tests and for the
//! practice cluster's own choices; never for secrets.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ports::{Clock, Randomness};
use uuid::Uuid;

/// Randomness from a seed; clones draw from the same sequence.
#[derive(Clone)]
pub struct SeededRandomness {
    seed: u64,
    drawn: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl SeededRandomness {
    /// Randomness that depends on `seed` and on how much was drawn; identifiers carry the time of
    /// `clock`, as UUID version 7 does.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self { seed, drawn: Arc::new(AtomicU64::new(0)), clock }
    }

    fn next(&self) -> (u64, u64) {
        let turn = self.drawn.fetch_add(1, Ordering::Relaxed);
        (turn, mix(self.seed ^ mix(turn)))
    }
}

impl Randomness for SeededRandomness {
    /// A UUID version 7. Those of one millisecond are in the order drawn: the turn stands right
    /// after the time.
    fn uuid(&self) -> Uuid {
        let (turn, random) = self.next();
        let mut bytes = [0_u8; 10];
        // The version takes the upper half of the first byte, the variant the top of the third.
        bytes[0] = u8::try_from(turn >> 28 & 0x0f).unwrap_or(0);
        bytes[1] = u8::try_from(turn >> 20 & 0xff).unwrap_or(0);
        bytes[2] = u8::try_from(turn >> 14 & 0x3f).unwrap_or(0);
        bytes[3] = u8::try_from(turn >> 6 & 0xff).unwrap_or(0);
        bytes[4] = u8::try_from((turn & 0x3f) << 2).unwrap_or(0);
        bytes[5..].copy_from_slice(&random.to_be_bytes()[..5]);
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let (_, random) = self.next();
            chunk.copy_from_slice(&random.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Scrambles a number (the finaliser of splitmix64).
#[must_use]
pub(crate) const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from text, the same on every machine and in every run (FNV-1a, then [`mix`]).
#[must_use]
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    mix(sum)
}

/// Letters and digits from a number, as Kubernetes makes the ends of names: no vowels, nothing that
/// looks like something else.
#[must_use]
pub(crate) fn name_suffix(number: u64, length: usize) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rest = number;
    (0..length)
        .map(|_| {
            let letter = ALPHABET[usize::try_from(rest % 27).unwrap_or(0)];
            rest = mix(rest);
            char::from(letter)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MockClock;

    #[test]
    fn identifiers_repeat_with_the_seed_and_sort_in_the_order_drawn() {
        let clock: Arc<dyn Clock> = Arc::new(MockClock::default());
        let draw = |seed| {
            let chance = SeededRandomness::new(seed, Arc::clone(&clock));
            (0..20_000).map(|_| chance.uuid()).collect::<Vec<_>>()
        };
        let ids = draw(7);
        assert_eq!(ids, draw(7));
        assert_ne!(ids, draw(8));
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn bytes_repeat_with_the_seed() {
        let clock: Arc<dyn Clock> = Arc::new(MockClock::default());
        let (mut one, mut two) = ([0_u8; 33], [0_u8; 33]);
        SeededRandomness::new(1, Arc::clone(&clock)).fill(&mut one);
        SeededRandomness::new(1, clock).fill(&mut two);
        assert_eq!(one, two);
        assert_ne!(one, [0_u8; 33]);
    }
}
