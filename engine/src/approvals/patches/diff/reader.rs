//! A patch line by line. Lines end in a line feed alone, as git ends them.

/// A patch that is not, to its end, one that the grammar has.
#[derive(Debug, PartialEq, Eq)]
pub struct NotUnderstood;

pub type Result<T> = std::result::Result<T, NotUnderstood>;

pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// True where the next line begins so.
    #[must_use]
    pub fn goes_on(&self, beginning: &str) -> bool {
        self.rest.starts_with(beginning.as_bytes())
    }

    /// The next line without its end; `None` if there is no line that ends.
    pub fn peek(&self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.rest)?;
        Some(&self.rest[..end])
    }

    pub fn line(&mut self) -> Result<&'a [u8]> {
        let line = self.peek().ok_or(NotUnderstood)?;
        self.rest = &self.rest[line.len() + 1..];
        Ok(line)
    }

    /// Reads on, where the next line begins so: how it goes on.
    pub fn optional<T>(
        &mut self,
        beginning: &str,
        read: impl FnOnce(&'a str) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.goes_on(beginning) {
            read(self.after(beginning)?).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The rest of the next line, which must begin so.
    pub fn after(&mut self, beginning: &str) -> Result<&'a str> {
        std::str::from_utf8(self.bytes_after(beginning)?).map_err(|_| NotUnderstood)
    }

    pub fn bytes_after(&mut self, beginning: &str) -> Result<&'a [u8]> {
        let line = self.line()?;
        line.strip_prefix(beginning.as_bytes()).ok_or(NotUnderstood)
    }
}

/// Goes on where this is so.
///
/// # Errors
/// Where it is not.
pub const fn understood(is_so: bool) -> Result<()> {
    if is_so { Ok(()) } else { Err(NotUnderstood) }
}
