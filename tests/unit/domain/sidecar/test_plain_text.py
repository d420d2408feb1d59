"""Plain text of the HTML in which descriptions come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.sidecar.plain_text import html_of, plain_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("no markup", "no markup"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br/>two<br>three", "one\ntwo\nthree"),
        ("<ul><li>one</li>\n<li>two</li></ul>", "one\n\ntwo"),
        ("a <b>bold</b>  word", "a bold word"),
        ("&lt;lora:ink:1&gt; &amp; &eacute;", "<lora:ink:1> & é"),
        ("<script>alert('x')</script><style>p {}</style>kept", "kept"),
        ("<template><p>unseen</p></template>seen", "seen"),
        ("</script>kept", "kept"),
        ("<p>a</p><p></p><p></p><p>b</p>", "a\n\nb"),
        ("<!-- unseen -->seen", "seen"),
        ("<!-- <b>unseen</b> -->seen", "seen"),
        ("a --> b < c > d <3", "a --> b < c > d <3"),
        ("kept<script>lost <b>and</b> lost", "kept"),
        ("<SCRIPT>lost</Script >kept<!DOCTYPE html><?xml?>", "kept"),
        ("", ""),
    ],
)
def test_tags_are_dropped_and_blocks_become_lines(markup: str, text: str) -> None:
    assert plain_text(markup) == text


@given(
    st.text()
    | st.lists(st.sampled_from(["<", ">", "<!", "<![", "<!--", "]]>", "&#", "<p", "/", "</", "x", '"'])).map("".join)
)
def test_any_markup_at_all_gives_some_text(markup: str) -> None:
    text = plain_text(markup)
    assert text == text.strip()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_text_as_html_shows_the_same_text(text: str) -> None:
    assert plain_text(html_of(text)) == " ".join(text.split())
