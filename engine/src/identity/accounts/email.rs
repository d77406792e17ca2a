//! What counts as an address of a person.

use lettre::Address;

/// An address that mail can go to: one, typed, without a name or a comment.
pub(crate) fn checked_email(text: &str) -> Result<String, String> {
    let wrong = || "Write one address, like approver@example.org.".to_owned();
    let address: Address = text.trim().parse().map_err(|_| wrong())?;
    let plain: &str = address.as_ref();
    // What a mail server without SMTPUTF8 would refuse, it refuses at night.
    if plain.len() > 254 || !plain.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    Ok(plain.to_owned())
}
