//! A chunked body has one outcome wherever it is split, and what is encoded is decoded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rusm_uring_net::http1::{
    ChunkedDecoder, HeadLimits, RequestError, Trailers, encode_chunk, encode_last_chunk,
};

fuzz_target!(|data: &[u8]| {
    // Every split of a long one would take too long.
    let input = data.get(..MAX).unwrap_or(data);
    for kept in [false, true] {
        let whole = decode(input, &[], kept);
        let bytes: Vec<usize> = (0..input.len()).collect();
        assert_eq!(decode(input, &bytes, kept), whole);
        for at in 0..input.len() {
            assert_eq!(decode(input, &[at], kept), whole, "split at {at}");
        }
    }
    let mut encoded = Vec::new();
    for chunk in data.chunks(usize::from(data.first().copied().unwrap_or(1)).max(1)) {
        encode_chunk(&mut encoded, chunk);
    }
    encode_last_chunk(&mut encoded);
    let len = encoded.len();
    encoded.extend_from_slice(b"GET / HTTP/1.1");
    let decoded = decode(&encoded, &[len / 2], true);
    assert_eq!(
        decoded,
        (data.to_vec(), Ok((len, true, Some(Trailers::new()))))
    );
});

/// The content, and how many bytes were the body's, whether it is complete, and its trailers.
type Outcome = (
    Vec<u8>,
    Result<(usize, bool, Option<Trailers>), RequestError>,
);

fn decode(input: &[u8], cuts: &[usize], kept: bool) -> Outcome {
    let limits = HeadLimits::default();
    let mut decoder = match kept {
        true => ChunkedDecoder::with_trailers(MAX_BODY, &limits),
        false => ChunkedDecoder::new(MAX_BODY),
    };
    let (mut content, mut from, mut consumed, mut done) = (Vec::new(), 0, 0, false);
    for &to in cuts.iter().chain([&input.len()]) {
        if done {
            break;
        }
        match decoder.decode(&input[from..to], &mut content) {
            Ok(progress) => {
                assert!(progress.done || progress.consumed == to - from);
                consumed += progress.consumed;
                done = progress.done;
            }
            Err(error) => return (content, Err(error)),
        }
        from = to;
    }
    assert!(content.len() as u64 <= MAX_BODY);
    let trailers = match done {
        true => match decoder.take_trailers() {
            Ok(trailers) => Some(trailers),
            Err(error) => return (content, Err(error)),
        },
        false => None,
    };
    (content, Ok((consumed, done, trailers)))
}

const MAX: usize = 600;
const MAX_BODY: u64 = 1 << 20;
