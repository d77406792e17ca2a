//! Which characters cannot be seen, and their names.

/// Whether a character is drawn as nothing, is a command rather than a letter, or has no
/// meaning outside a program. Line feed and tab are text.
#[must_use]
pub const fn is_invisible(character: char) -> bool {
    match character {
        '\n' | '\t' | ' '..='~' => false,
        // Controls: of ASCII, and those above it that terminals obey as well.
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        // Ignored by default: soft hyphen, joiners, fillers, selectors, tags, and those that
        // turn the direction of writing.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        // Drawn, as nothing: braille without a dot, a note without a head, fillers and joiners
        // of old scripts.
        | '\u{2800}' | '\u{1d159}' | '\u{16fe4}' | '\u{13430}'..='\u{13440}'
        // No characters.
        | '\u{fdd0}'..='\u{fdef}' => true,
        other => other as u32 & 0xfffe == 0xfffe,
    }
}

/// Whether a character turns the direction in which what follows is read.
#[must_use]
pub const fn turns_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// The short names of ASCII's controls, in their order.
const SHORT: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR",
    "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC",
    "FS", "GS", "RS", "US",
];

/// Returns the short name of a control of ASCII.
pub(super) fn control(character: char) -> Option<&'static str> {
    match character {
        '\x7f' => Some("DEL"),
        other => SHORT.get(usize::try_from(u32::from(other)).ok()?).copied(),
    }
}

/// Whether it only makes an emoji of the visible characters around it: the selector of the
/// coloured form after one that has it, a joiner between two. Nothing can be hidden so: what
/// stands around them is seen, and there is one at a place.
pub(super) const fn joins_emoji(
    before: Option<char>,
    character: char,
    after: Option<char>,
) -> bool {
    match (before, character, after) {
        (Some('0'..='9' | '#' | '*'), '\u{fe0f}', Some('\u{20e3}')) => true,
        (Some(before), '\u{fe0f}', _) => is_picture(before),
        (Some(before), '\u{200d}', Some(after)) => {
            (is_picture(before) || before == '\u{fe0f}') && is_picture(after)
        }
        _ => false,
    }
}

/// The blocks that emoji are of. Each character of them is drawn, if only as a box.
const fn is_picture(character: char) -> bool {
    matches!(
        character,
        '©' | '®' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{2199}'
        | '\u{21a9}'..='\u{21aa}' | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{25fe}'
        | '\u{2600}'..='\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b55}' | '\u{3030}'
        | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}'
    )
}

/// A name, without the number that some have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    Own(&'static str),
    Numbered(&'static str, u32),
    /// A character of ASCII that nobody sees.
    Tag(char),
}

/// Of ASCII's controls, by their numbers.
const CONTROLS: [&str; 32] = [
    "null",
    "start of heading",
    "start of text",
    "end of text",
    "end of transmission",
    "enquiry",
    "acknowledge",
    "bell",
    "backspace",
    "tab",
    "line feed",
    "line tabulation",
    "form feed",
    "carriage return",
    "shift out",
    "shift in",
    "data link escape",
    "device control one",
    "device control two",
    "device control three",
    "device control four",
    "negative acknowledge",
    "synchronous idle",
    "end of transmission block",
    "cancel",
    "end of medium",
    "substitute",
    "escape",
    "file separator",
    "group separator",
    "record separator",
    "unit separator",
];

/// The name of an invisible character.
pub(super) fn name(character: char) -> Name {
    let number = u32::from(character);
    Name::Own(match character {
        '\0'..='\x1f' => CONTROLS[number as usize],
        '\x7f' => "delete",
        '\u{85}' => "next line",
        '\u{90}' => "device control string",
        '\u{9b}' => "control sequence introducer",
        '\u{9c}' => "string terminator",
        '\u{9d}' => "operating system command",
        '\u{80}'..='\u{9f}' => "control character",
        '\u{ad}' => "soft hyphen",
        '\u{34f}' => "combining grapheme joiner",
        '\u{61c}' => "Arabic letter mark",
        '\u{115f}'..='\u{1160}' | '\u{3164}' | '\u{ffa0}' => "Hangul filler",
        '\u{17b4}'..='\u{17b5}' => "Khmer inherent vowel",
        '\u{180e}' => "Mongolian vowel separator",
        '\u{180b}'..='\u{180f}' => "Mongolian variation selector",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{202a}' => "left-to-right embedding",
        '\u{202b}' => "right-to-left embedding",
        '\u{202c}' => "pop directional formatting",
        '\u{202d}' => "left-to-right override",
        '\u{202e}' => "right-to-left override",
        '\u{2060}' => "word joiner",
        '\u{2061}'..='\u{2064}' => "invisible operator",
        '\u{2066}' => "left-to-right isolate",
        '\u{2067}' => "right-to-left isolate",
        '\u{2068}' => "first strong isolate",
        '\u{2069}' => "pop directional isolate",
        '\u{206a}'..='\u{206f}' => "deprecated format character",
        '\u{2800}' => "blank braille pattern",
        '\u{fe00}'..='\u{fe0f}' => {
            return Name::Numbered("variation selector", number - 0xfe00 + 1);
        }
        '\u{feff}' => "zero width no-break space (byte order mark)",
        '\u{fff9}'..='\u{fffb}' => "interlinear annotation",
        '\u{e0020}'..='\u{e007e}' => {
            return Name::Tag(char::from_u32(number - 0xe_0000).unwrap_or('?'));
        }
        '\u{e007f}' => "cancel tag",
        '\u{e0100}'..='\u{e01ef}' => {
            return Name::Numbered("variation selector", number - 0xe_0100 + 17);
        }
        '\u{e0000}'..='\u{e0fff}' => "invisible tag character",
        '\u{fdd0}'..='\u{fdef}' => "noncharacter",
        _ if number & 0xfffe == 0xfffe => "noncharacter",
        _ => "invisible character",
    })
}
