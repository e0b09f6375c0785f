//! Ids and seeded chance: the laboratory's data come out the same at each start.

/// Well-spread bits of a seed.
pub fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// One of `choices`.
pub fn pick<T>(choices: &[T], seed: u64) -> &T {
    &choices[below(choices.len() as u64, seed) as usize]
}

/// A number from 0 up to `end`, without it.
pub fn below(end: u64, seed: u64) -> u64 {
    mix(seed) % end.max(1)
}

/// A number from 0 to 1.
pub fn fraction(seed: u64) -> f64 {
    (mix(seed) >> 11) as f64 / (1u64 << 53) as f64
}

/// A short string id, of the length of the Platform's own.
pub fn short_id(seed: u64, length: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..length as u64)
        .map(|place| *pick(LETTERS, mix(seed) ^ place.wrapping_mul(0x5851_F42D)) as char)
        .collect()
}

/// A UUID's form.
pub fn uuid(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(seed ^ 0xFFFF));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 52,
        low & 0xFFFF_FFFF_FFFF
    )
}
