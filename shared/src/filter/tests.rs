//! What is found, and what is not.

use proptest::prelude::*;

use super::*;

fn filter(list: List, words: &[&str]) -> Filter {
    let words = words.iter().map(|word| (list, Word::new(word).unwrap()));
    Filter::new(words.collect()).unwrap()
}

fn found(filter: &Filter, text: &str) -> Found {
    let mut found = Found::default();
    filter.look(&Folded::of(text), &mut found);
    found
}

/// `text` without these words.
fn masked(words: &[&str], text: &str) -> String {
    let places = found(&filter(List::Mask, words), text).masked;
    mask(text, places)
}

#[test]
fn a_word_is_found_whole() {
    for (text, expected) in [
        ("bad", "***"),
        ("a bad one", "a *** one"),
        ("(bad)", "(***)"),
        ("bad,bad.bad", "***,***.***"),
        ("very_bad_indeed", "very_***_indeed"),
        ("bad's", "***'s"),
        ("badge", "badge"),
        ("abad", "abad"),
        ("bad1", "bad1"),
        ("1bad", "1bad"),
        ("bädbad", "bädbad"),
        ("ba d", "ba d"),
        ("", ""),
    ] {
        assert_eq!(masked(&["bad"], text), expected, "{text}");
    }
}

#[test]
fn letters_are_compared_by_what_they_are_not_how_they_look() {
    for (word, text, expected) in [
        ("bad", "BaD", "***"),
        ("BAD", "bad", "***"),
        ("straße", "STRASSE", "*******"),
        ("STRASSE", "straße", "******"),
        ("ὀδυσσεύς", "ΟΔΥΣΣΕΎΣ ὈΔΥΣΣΕΎΣ", "ΟΔΥΣΣΕΎΣ ********"),
        ("плохо", "ПЛОХО.", "*****."),
        // Wide, bold and ligated forms.
        ("bad", "ｂａｄ", "***"),
        ("bad", "𝐛𝐚𝐝!", "***!"),
        ("fine", "ﬁne", "***"),
        // Composed, or not.
        ("café", "cafe\u{301}", "*****"),
        ("cafe\u{301}", "café", "****"),
        // A letter with a mark is another letter.
        ("cafe", "café cafe\u{301}", "café cafe\u{301}"),
        ("schon", "schön", "schön"),
        // What is not seen.
        ("bad", "b\u{200b}a\u{ad}d", "*****"),
        ("bad", "x\u{200b}bad", "x\u{200b}bad"),
        ("bad", "\u{feff}bad\u{200d}", "\u{feff}***\u{200d}"),
        // Look-alikes of other scripts are other letters: here a Cyrillic а.
        ("bad", "bаd", "bаd"),
    ] {
        assert_eq!(masked(&[word], text), expected, "{word} in {text}");
    }
}

#[test]
fn a_phrase_goes_over_white_space() {
    for (text, expected) in [
        ("a bad  \t\r\nword", "a ************"),
        ("a bad\u{a0}word", "a ********"),
        ("badword", "badword"),
        ("bad, word", "bad, word"),
        ("bad words", "bad words"),
    ] {
        assert_eq!(masked(&["bad   word"], text), expected, "{text}");
    }
}

#[test]
fn a_star_stands_for_the_rest_of_a_word() {
    for (word, text, expected) in [
        ("bad*", "badly abad bad", "***ly abad ***"),
        ("*bad", "badly abad bad", "badly a*** ***"),
        ("*bad*", "badly abad abadb", "***ly a*** a***b"),
        ("坏话", "你说坏话吗 坏话", "你说坏话吗 **"),
        ("*坏话*", "你说坏话吗", "你说**吗"),
        // In the middle it is one.
        ("b*d", "b*d bad", "*** bad"),
    ] {
        assert_eq!(masked(&[word], text), expected, "{word} in {text}");
    }
}

#[test]
fn what_is_no_word_has_no_bounds() {
    for (word, text, expected) in [
        ("🖕", "no🖕way", "no*way"),
        ("c++", "c++, c++x xc++", "***, ***x xc++"),
        ("@all", "hi@all @allies", "hi**** @allies"),
    ] {
        assert_eq!(masked(&[word], text), expected, "{word} in {text}");
    }
}

#[test]
fn words_that_overlap_are_all_hidden() {
    let words = ["bad word", "word game", "a bad word game today", "word"];
    for (text, expected) in [
        ("bad word game", "*************"),
        ("bad word, word game!", "********, *********!"),
        ("a bad word game today", "*********************"),
        ("a bad word game", "a *************"),
    ] {
        assert_eq!(masked(&words, text), expected, "{text}");
    }
}

#[test]
fn each_list_is_told_apart() {
    let words = [
        (List::Flag, "odd"),
        (List::Mask, "bad"),
        (List::Reject, "evil"),
        // One word in two lists.
        (List::Flag, "bad"),
    ];
    let words = words.map(|(list, word)| (list, Word::new(word).unwrap()));
    let filter = Filter::new(words.to_vec()).unwrap();
    let expected = Found {
        flagged: vec![0..3, 4..7, 13..16],
        masked: vec![4..7, 13..16],
        rejected: vec![8..12, 17..21],
    };
    assert_eq!(found(&filter, "odd bad evil bad evil"), expected);
    assert_eq!(found(&filter, "fine"), Found::default());
}

#[test]
fn no_words_are_no_filter() {
    assert!(Filter::new(Vec::new()).is_none());
}

#[test]
fn a_word_has_something_to_be_seen() {
    for bad in [
        "",
        " ",
        "*",
        "**",
        "* *",
        "****",
        "\u{200b}",
        "*\u{feff}*",
        "a\0b",
        "\u{7f}",
    ] {
        assert_eq!(Word::new(bad), None, "{bad:?}");
    }
    assert!(Word::new(&"ä".repeat(MAX_WORD_CHARS)).is_some());
    assert_eq!(Word::new(&"a".repeat(MAX_WORD_CHARS + 1)), None);
}

proptest! {
    /// Whatever the text, it stays as long, and what is hidden is no more in it.
    #[test]
    fn a_mask_keeps_the_number_of_characters(
        text in "([aAbB ßéﬁ\u{301}\u{200b}坏½]|ab|\\PC){0,40}",
        words in prop::collection::vec("[aAbBßé坏]{1,3}( [ab]{1,2})?", 1..6),
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let hidden = masked(&words, &text);
        prop_assert_eq!(hidden.chars().count(), text.chars().count());
        let pairs = hidden.chars().zip(text.chars());
        prop_assert!(pairs.clone().all(|(now, before)| now == before || now == '*'));
        prop_assert_eq!(masked(&words, &hidden), hidden.clone());
    }

    /// A word with white space around it is found, however it is written.
    #[test]
    fn a_word_alone_is_found(word in "\\w{1,10}") {
        prop_assume!(Word::new(&word).is_some());
        let text = format!("so {} there", word.to_uppercase());
        prop_assert_ne!(masked(&[&word], &text), text);
    }
}
