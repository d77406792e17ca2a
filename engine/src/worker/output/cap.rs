//! Keeps the first and the last part of a log, whatever lies between.

use std::collections::VecDeque;

/// What is kept of one attempt's output. Its memory is bounded by the cap.
pub struct CappedLog {
    head_left: usize,
    /// Of the first part: what is not yet stored.
    pending: Vec<u8>,
    tail: VecDeque<u8>,
    tail_cap: usize,
    omitted: u64,
}

impl CappedLog {
    /// A log of at most `cap` bytes: half for its beginning, half for its end.
    #[must_use]
    pub fn new(cap: u64) -> Self {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX / 2);
        let head = cap / 2;
        Self {
            head_left: head,
            pending: Vec::new(),
            tail: VecDeque::new(),
            tail_cap: cap - head,
            omitted: 0,
        }
    }

    /// Takes masked output.
    pub fn push(&mut self, data: &[u8]) {
        let (head, rest) = data.split_at(data.len().min(self.head_left));
        self.head_left -= head.len();
        self.pending.extend_from_slice(head);
        let skipped = rest.len().saturating_sub(self.tail_cap);
        let rest = &rest[skipped..];
        let overflow = (self.tail.len() + rest.len()).saturating_sub(self.tail_cap);
        self.tail.drain(..overflow);
        self.tail.extend(rest);
        self.omitted += (skipped + overflow) as u64;
    }

    /// Takes what can be stored now: the beginning, as far as it was read.
    pub fn take_pending(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// Whether there is something to store now.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// How many bytes the middle has lost so far.
    #[must_use]
    pub const fn omitted(&self) -> u64 {
        self.omitted
    }

    /// Takes all that is left, at the end, with a line where bytes are missing.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let mut rest = self.take_pending();
        if self.omitted > 0 {
            rest.extend_from_slice(
                format!("\n[watchbill: {} bytes left out here]\n", self.omitted).as_bytes(),
            );
        }
        let tail = std::mem::take(&mut self.tail);
        let (front, back) = tail.as_slices();
        rest.extend_from_slice(front);
        rest.extend_from_slice(back);
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_whole() {
        let mut log = CappedLog::new(10);
        log.push(b"0123");
        assert_eq!(log.take_pending(), b"0123");
        log.push(b"456789");
        assert_eq!(log.take_pending(), b"4");
        assert_eq!(log.take_rest(), b"56789");
        assert_eq!(log.omitted(), 0);
    }

    #[test]
    fn the_middle_goes_and_is_counted() {
        for step in [1, 3, 7, 100] {
            let mut log = CappedLog::new(10);
            let data: Vec<u8> = (0..100).collect();
            for part in data.chunks(step) {
                log.push(part);
                assert!(log.tail.len() <= 5);
            }
            let rest = log.take_rest();
            assert_eq!(log.omitted(), 90);
            assert!(rest.starts_with(&[0, 1, 2, 3, 4]));
            assert!(rest.ends_with(&[95, 96, 97, 98, 99]));
            assert!(String::from_utf8_lossy(&rest).contains("90 bytes left out here"));
        }
    }
}
