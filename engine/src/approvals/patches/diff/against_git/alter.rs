//! What somebody could do to a patch so that it is read otherwise than it is applied.

use super::chance::Chance;
use super::made::Made;

const HEADERS: [&[u8]; 11] = [
    b"diff ",
    b"index ",
    b"--- ",
    b"+++ ",
    b"old mode",
    b"new mode",
    b"new file",
    b"deleted ",
    b"rename ",
    b"copy ",
    b"similarity",
];

const INSERTED: [&[u8]; 28] = [
    b"rename old docs/a.md\nrename new evil.sh\n",
    b"rename from docs/a.md\nrename to evil.sh\n",
    b"copy from run.sh\ncopy to docs/run.sh\n",
    b"rename new evil.sh\n",
    b"rename to evil.sh\n",
    b"old mode 100644\nnew mode 100755\n",
    b"old mode 100644\nnew mode 120000\n",
    b"new file mode 100644\n",
    b"deleted file mode 100644\n",
    b"index 1234567..89abcde 120000\n",
    b"diff --git a/docs/a.md b/docs/a.md\n",
    b"diff --git a/evil.sh b/evil.sh\nnew file mode 100755\n",
    b"diff --git x/docs/a.md y/evil.sh\n",
    b"--- a/evil.sh\n+++ b/evil.sh\n@@ -0,0 +1 @@\n+evil\n",
    b"--- /dev/null\n+++ docs/evil.sh\n@@ -0,0 +1 @@\n+evil\n",
    b"--- a.txt\t1970-01-01 00:00:00 +0000\n+++ a.txt\t2026-01-01 00:00:00 +0000\n",
    b"--- a/evil.sh\n",
    b"+++ b/evil.sh\n",
    b"*** a.txt\n--- a.txt\n***************\n*** 1 ****\n! a\n--- 1 ----\n! b\n",
    b"1c\nevil\n.\nw evil.sh\n",
    b"1c1\n< a\n---\n> b\n",
    b"Index: evil.sh\n===================================================================\n",
    b"GIT binary patch\nliteral 0\nHcmV?d00001\n\n",
    b"Binary files a/x and b/x differ\n",
    b"\\ No newline at end of file\n",
    b"@@ -1 +1 @@\n-a\n+b\n",
    b"\n",
    b"From 1234 Mon Sep 17 00:00:00 2001\nSubject: words\n\n---\n",
];

const PATHS: [&[u8]; 20] = [
    b"evil.sh",
    b"../evil.sh",
    b"docs/../evil.sh",
    b"/etc/passwd",
    b"docs//a.md",
    b"./a.txt",
    b".git/config",
    b".GIT/hooks/x",
    b"docs/.git/config",
    b"git~1/config",
    b".git./config",
    b".git /config",
    b".git::$INDEX_ALLOCATION/config",
    b".g\xe2\x80\x8cit/config",
    b"/dev/null",
    b"docs",
    b"a.txt\r",
    b"a.txt ",
    b"a.txt\t",
    b"docs\\..\\x",
];

/// The patch with one thing altered.
pub fn altered(patch: &[u8], made: &[&Made], chance: &mut Chance) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = patch
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.is_empty() {
        return patch.to_vec();
    }
    let headers: Vec<usize> = (0..lines.len())
        .filter(|&at| HEADERS.iter().any(|header| lines[at].starts_with(header)))
        .collect();
    let at = if chance.is(70) && !headers.is_empty() {
        chance.one_of(&headers)
    } else {
        chance.below(lines.len())
    };
    let other = chance.below(lines.len());
    match chance.below(20) {
        0 => lines.swap(at, other),
        1 => lines.swap(at, (at + 1) % other.max(at + 1)),
        2 => drop(lines.remove(at)),
        3 => lines.insert(other, lines[at].clone()),
        4 => lines.insert(at, lines[at].clone()),
        5..=7 => lines.insert(at, chance.one_of(&INSERTED).to_vec()),
        8 => lines.push(chance.one_of(&INSERTED).to_vec()),
        9 => {
            let foreign = chance.one_of(made).patch.clone();
            let foreign: Vec<&[u8]> = foreign.split_inclusive(|&byte| byte == b'\n').collect();
            if !foreign.is_empty() {
                lines.insert(at, chance.one_of(&foreign).to_vec());
            }
        }
        // A path is another one everywhere, or in this line alone.
        10 => return other_path(patch, &lines[at], chance),
        11 => lines[at] = other_path(&lines[at], &lines[at], chance),
        12 => {
            let (from, to) = chance.one_of(&[
                ("rename from ", "rename old "),
                ("rename to ", "rename new "),
                (" a/", " "),
                (" b/", " "),
                (" a/", " b/"),
                (" b/", " c/d/"),
                (" a/", " \"a/"),
                ("--- ", "---  "),
                ("rename ", "copy "),
                ("100644", "100755"),
                ("100644", "120000"),
                ("100755", "160000"),
                ("100644", "0100644"),
                ("index ", "index"),
                ("new file mode", "deleted file mode"),
            ]);
            return if chance.is(50) {
                replaced(patch, from.as_bytes(), to.as_bytes())
            } else {
                lines[at] = replaced(&lines[at], from.as_bytes(), to.as_bytes());
                lines.concat()
            };
        }
        13 => {
            let ends: [&[u8]; 6] = [
                b"\r\n",
                b" \n",
                b"\t\n",
                b"\t2026-01-01 00:00:00 +0000\n",
                b"",
                b"\0\n",
            ];
            let line = lines[at].strip_suffix(b"\n").unwrap_or(&lines[at]);
            lines[at] = [line, chance.one_of(&ends)].concat();
        }
        14 => return replaced(patch, b"\n", b"\r\n"),
        15 => return other_counts(lines, chance),
        16 => {
            let place = chance.below(lines[at].len());
            let letters = b" \t\r\n\0\"\\+-@/.0a\xff";
            lines[at][place] = chance.one_of(letters);
        }
        17 => lines[at] = quoted(&lines[at]),
        18 => lines.truncate(at.max(1)),
        _ => {
            // Whole parts in another order are still git's.
            let second = chance.one_of(made).patch.clone();
            return [&second, patch].concat();
        }
    }
    lines.concat()
}

/// Puts another path where the line's own stands.
fn other_path(text: &[u8], line: &[u8], chance: &mut Chance) -> Vec<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let from = memchr::memmem::find(line, b"b/")
        .or_else(|| memchr::memmem::find(line, b"a/"))
        .map_or(0, |place| place + 2);
    if from == 0 || from == line.len() {
        return text.to_vec();
    }
    replaced(text, &line[from..], chance.one_of(&PATHS))
}

/// Changes the numbers of a hunk.
fn other_counts(mut lines: Vec<Vec<u8>>, chance: &mut Chance) -> Vec<u8> {
    let hunks: Vec<usize> = (0..lines.len())
        .filter(|&at| lines[at].starts_with(b"@@ "))
        .collect();
    if !hunks.is_empty() {
        let at = chance.one_of(&hunks);
        let digits: Vec<usize> = (0..lines[at].len())
            .filter(|&place| lines[at][place].is_ascii_digit())
            .collect();
        if !digits.is_empty() {
            let place = chance.one_of(&digits);
            lines[at][place] = chance.one_of(b"0123456789,");
        }
    }
    lines.concat()
}

/// The paths of a header between quotation marks, some letters as escapes.
fn quoted(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let parts: Vec<Vec<u8>> = line
        .split(|&byte| byte == b' ')
        .map(|part| match part {
            [b'a' | b'b', b'/', ..] => [b"\"", part, b"\\056\""].concat(),
            other => other.to_vec(),
        })
        .collect();
    [parts.join(&b' '), b"\n".to_vec()].concat()
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut done = 0;
    for place in memchr::memmem::find_iter(text, from) {
        replaced.extend_from_slice(&text[done..place]);
        replaced.extend_from_slice(to);
        done = place + from.len();
    }
    replaced.extend_from_slice(&text[done..]);
    replaced
}
