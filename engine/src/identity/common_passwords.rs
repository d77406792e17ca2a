//! Long passwords that everybody tries first. Shorter ones are refused for their length.

/// Words that common passwords are made of; a password that is only these, digits and
/// punctuation is one of them.
const WORDS: &[&str] = &[
    "abc",
    "abcd",
    "abcdef",
    "abcdefgh",
    "abcdefghi",
    "abcdefghij",
    "abcdefghijklmnopqrstuvwxyz",
    "admin",
    "administrator",
    "adminadmin",
    "and",
    "angel",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "azerty",
    "azertyuiop",
    "baseball",
    "batman",
    "battery",
    "batterystaple",
    "bonjour",
    "changeit",
    "changeme",
    "charlie",
    "chelsea",
    "computer",
    "correct",
    "correcthorse",
    "default",
    "doudou",
    "dragon",
    "example",
    "football",
    "forever",
    "freedom",
    "hello",
    "horse",
    "hunter",
    "iloveyou",
    "internet",
    "isthe",
    "itis",
    "jesus",
    "jordan",
    "killer",
    "letme",
    "letmein",
    "liverpool",
    "login",
    "london",
    "loulou",
    "loveme",
    "love",
    "marseille",
    "master",
    "michael",
    "monkey",
    "motdepasse",
    "mot",
    "de",
    "passe",
    "mustang",
    "my",
    "mypassword",
    "is",
    "the",
    "secret",
    "nicole",
    "ninja",
    "nothing",
    "pass",
    "passw",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "pokemon",
    "princess",
    "p@ssword",
    "p@ssw",
    "pa$$word",
    "qaz",
    "qazwsx",
    "qazwsxedc",
    "qwe",
    "qwer",
    "qwerty",
    "qwertyuiop",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertz",
    "root",
    "rootroot",
    "samsung",
    "shadow",
    "soleil",
    "solo",
    "staple",
    "starwars",
    "summer",
    "spring",
    "autumn",
    "winter",
    "sunshine",
    "super",
    "superman",
    "superuser",
    "system",
    "temp",
    "temporary",
    "test",
    "testing",
    "tester",
    "testtest",
    "thisis",
    "this",
    "a",
    "to",
    "trustno",
    "user",
    "username",
    "watchbill",
    "welcome",
    "whatever",
    "wsx",
    "you",
    "your",
    "zaq",
    "zxc",
    "zxcv",
    "zxcvb",
    "zxcvbn",
    "zxcvbnm",
    "i",
    "in",
    "me",
    "let",
    "for",
    "ever",
    "not",
    "no",
    "one",
    "yes",
];

/// Whether the password is among those that are tried first for this login.
pub(super) fn is_common(login: &str, password: &str) -> bool {
    let lower = password.to_lowercase();
    few_distinct(&lower) || is_sequence(&lower) || is_made_of_words(login, &lower)
}

/// One short unit over and over: `aaaaaaaaaaaaaaa`, `abcabcabcabcabc`, `121212121212121`.
fn few_distinct(text: &str) -> bool {
    let mut characters: Vec<char> = text.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len() < 5
}

/// Each character follows the one before, or wraps round: `1234567890123456`.
fn is_sequence(text: &str) -> bool {
    const ROWS: &str = "1234567890 0987654321 abcdefghijklmnopqrstuvwxyz qwertyuiopasdfghjklzxcvbnm azertyuiopqsdfghjklmwxcvbn";
    let pairs: Vec<(char, char)> = text.chars().zip(text.chars().skip(1)).collect();
    let known = pairs
        .iter()
        .filter(|(first, second)| {
            let pair: String = [*first, *second].iter().collect();
            ROWS.contains(&pair) || matches!((first, second), ('0', '1') | ('9', '0' | '1'))
        })
        .count();
    // A slip of one in ten hardly makes it a secret.
    known * 10 >= pairs.len() * 9
}

/// Little is left once the words and the login are taken out.
fn is_made_of_words(login: &str, text: &str) -> bool {
    let login = login.to_lowercase();
    let name = login.split('@').next().unwrap_or_default();
    let without_login = if login.len() >= 3 {
        text.replace(&login, " ")
    } else {
        text.to_owned()
    };
    let plain: String = without_login
        .chars()
        .map(|character| match character {
            '@' => 'a',
            '$' => 's',
            '0' => 'o',
            other => other,
        })
        .collect();
    text.chars().any(char::is_alphabetic)
        && [without_login, plain].iter().any(|text| {
            let rest: String = text
                .chars()
                .filter(|character| !character.is_alphabetic() && *character != ' ')
                .collect();
            (rest.chars().count() < 10 || is_sequence(&rest))
                && text
                    .split(|character: char| {
                        !character.is_alphabetic() && !"@$".contains(character)
                    })
                    .all(|part| splits_into_words(part, name))
        })
}

/// Whether the part can be cut into listed words, found from the left in one pass.
fn splits_into_words(part: &str, name: &str) -> bool {
    let mut reachable = vec![false; part.len() + 1];
    reachable[0] = true;
    for start in 0..part.len() {
        if !reachable[start] {
            continue;
        }
        let rest = &part[start..];
        for word in WORDS.iter().copied().chain([name]) {
            if !word.is_empty() && rest.starts_with(word) {
                reachable[start + word.len()] = true;
            }
        }
    }
    reachable[part.len()]
}
