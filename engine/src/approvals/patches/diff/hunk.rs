//! Hunks, whose lines are counted.

use super::reader::{NotUnderstood, Reader, Result, understood};

const NO_NEWLINE: &[u8] = b"\\ No newline at end of file";

/// Lines that were added and removed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    pub added: u64,
    pub removed: u64,
}

/// Lines that a hunk still has on each side.
pub struct Extent {
    pub old: u64,
    pub new: u64,
}

/// Counts the lines of a hunk off, so that a removed line `-- a` is no header.
///
/// # Errors
/// Where it does not have exactly these.
pub fn hunk(reader: &mut Reader<'_>, mut left: Extent) -> Result<Lines> {
    let mut lines = Lines::default();
    let mut before = None;
    loop {
        if reader.peek() == Some(NO_NEWLINE) {
            // Only the last line of a side can be without one.
            understood(match before.take().ok_or(NotUnderstood)? {
                b'-' => left.old == 0,
                b'+' => left.new == 0,
                _ => left.old + left.new == 0,
            })?;
            reader.line()?;
        } else if left.old == 0 && left.new == 0 {
            understood(lines != Lines::default())?;
            return Ok(lines);
        } else {
            // Some programs leave the blank out of a blank line.
            let sign = reader.line()?.first().copied().unwrap_or(b' ');
            if sign != b'+' {
                left.old = left.old.checked_sub(1).ok_or(NotUnderstood)?;
            }
            if sign != b'-' {
                left.new = left.new.checked_sub(1).ok_or(NotUnderstood)?;
            }
            match sign {
                b'+' => lines.added += 1,
                b'-' => lines.removed += 1,
                b' ' => {}
                _ => return Err(NotUnderstood),
            }
            before = Some(sign);
        }
    }
}

/// `1,3 +1,4 @@` says three old lines and four new ones; a side without a comma has one.
/// Behind it stands a line of the file, in whichever encoding that is.
///
/// # Errors
/// Where it says no numbers.
pub fn extent(text: &[u8]) -> Result<Extent> {
    let end = memchr::memmem::find(text, b" @@").ok_or(NotUnderstood)?;
    let (numbers, behind) = text.split_at(end);
    understood(matches!(behind.get(3), None | Some(b' ')))?;
    let numbers = std::str::from_utf8(numbers).map_err(|_| NotUnderstood)?;
    let (old, new) = numbers.split_once(" +").ok_or(NotUnderstood)?;
    let side = |text: &str| match text.split_once(',') {
        Some((first, lines)) => count(first).and_then(|_| count(lines)),
        None => count(text).map(|_| 1),
    };
    Ok(Extent {
        old: side(old)?,
        new: side(new)?,
    })
}

/// A number of digits alone.
///
/// # Errors
/// Where it is none, or no patch could have so many lines.
pub fn count(text: &str) -> Result<u64> {
    understood(text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse::<u32>()
        .map(u64::from)
        .map_err(|_| NotUnderstood)
}
