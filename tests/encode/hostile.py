"""Five hundred strings that people, vendors and attackers put into fields. The same ones each time."""

import random

# Many short strings are read better in rows.
# ruff: noqa: E501

_WRITTEN = (
    "<", ">", "&", "'", '"', "&amp;", "&lt;script&gt;", "&#0;", "&#x0;", "&#xD800;", "&nbsp;", "&undefined;", "&", "&;",
    "]]>", "<![CDATA[", "<![CDATA[x]]>", "]]]]><![CDATA[>", "-->", "<!--", "<!-- a -- b -->", "<?adf version='1.0'?>",
    "?>", "<?", "<?xml version='1.0' encoding='utf-16'?>", "<!DOCTYPE adf [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>&x;",
    "</comments></customer>", "</adf>", "<adf/>", "<name part='first'>x</name>", "<script>alert(1)</script>",
    "' or '1'='1", "'; DROP TABLE leads; --", "${jndi:ldap://x}", "{{7*7}}", "${7*7}", "%s%n%d", "%00", "\\0", "\\u0000",
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "\t=1+1", "\r=1+1", "\n=1",
    " =1+1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201", "'=1+1", '"=1+1', ";=1+1", "a;=1+1", "a\t=1+1", "a|=1", "a,=1",
    "-5.00", "+15555550101", "-", "+", "=", "@", "--", "1e5", "=-5", "-5.00.1", "+1 555 555 0101",
    " ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", " leading", "trailing ", "a  b", "a\tb", "a\nb", "a\rb", "a\r\nb",
    "\u00a0", "\u2003", "\u2028", "\u2029", "\u0085", "\u200b", "\u200d", "\ufeff", "\ufeffstart", "\u202ereversed",
    "\u2066isolated\u2069", "\ufffd", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff", "\U0001f600", "\U0001f468\u200d\U0001f469",
    "\ud800", "\udfff", "\ud83d", "\udc00\ud800", "a\ud800b", "e\u0301", "\u0301", "\u00e9", "Zo\u00eb", "Stra\u00dfe",
    "\u0130stanbul", "\u65e5\u672c\u8a9e", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\u0e20\u0e32\u0e29\u0e32",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334", "O'Brien", 'Bob "the" Smith', "Smith & Sons", "AT&T", "a<b>c",
    "null", "None", "true", "NaN", "Infinity", "undefined", "0", "00501", "1e309", "9" * 400, "a" * 2000, "<" * 200,
    "a=b&c=d", "a=b;c", "%26", "a%20b", "a+b", "a b", "?x=1#y", "a[b]", "a.b", "\x1b[31mred", "\x7f", "\x9b31m",
)  # fmt: skip


def strings() -> list[str]:
    """The written ones, every control character alone and inside, and random ones of every plane."""
    controls = [chr(number) for number in (*range(0x20), *range(0x7F, 0xA0))]
    found = [*_WRITTEN, *controls, *(f"a{each}b" for each in controls)]
    rng = random.Random(6)  # noqa: S311  # the same strings each time
    while len(found) < 500:
        size, top = rng.randint(1, 40), rng.choice((0x80, 0x300, 0x10000, 0x110000))
        found.append("".join(chr(rng.randrange(top)) for _ in range(size)))
    return found
