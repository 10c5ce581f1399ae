"""Spelling of what is read: the notebooks' prose, other pages, and the docstrings and comments of the package.

A word is right if it stands in words.txt, among our terms and the names of people and things, or if pyspellchecker's
English dictionary has it. That dictionary is American, and our spelling British: where the two differ by a rule below,
the British form is right if the dictionary has the American one, and the American form is wrong.
"""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from spellchecker import SpellChecker

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "data/README.md", "tests/benchmarks/README.md", "tests/fuzz/README.md", "chapters/site/*.md"]
READ = sorted(path for files in [*PAGES, "chapters/[0-9][0-9]_*.py", "netlib/**/*.py"] for path in ROOT.glob(files))
LISTED = dict.fromkeys(Path(__file__).with_name("words.txt").read_text().split())
ENGLISH = SpellChecker(distance=1)

# What stands before, the British and the American letters, what stands after.
NO_ISE = r"(?!\w*(?:priz|pris|seiz|seis)|(?:cap|out|over|re|up|pool)?siz)"
OUR = "arm|behavi|(?:dis|un)?col|endeav|fav|flav|hon|hum|lab|neighb|rig|vap|vig"
VARIANTS = [
    (rf"^{NO_ISE}\w+", "is", "iz", r"(?:e[drs]?|ers|ing|ations?|able)$"),
    (r"^(?:anal|catal|dial|paral)", "ys", "yz", r"(?:e[drs]?|ers|ing)$"),
    (rf"^(?:{OUR})", "our", "or", r"(?!a[rt]|i[fmosz]|ous)"),
    (r"^(?:cent|fib|(?:centi|kilo|milli|nano)met|theat)", "re", "er", r"s?$"),
    (r"^cent", "r", "er", r"(?:ed|ing)$"),
    (r"^(?:un)?(?:cance|channe|labe|leve|mode|signa|trave|tunne)", "ll", "l", r"(?:ed|ers?|ing)$"),
    (r"^(?:ana|cata|dia)", "logue", "log", r"[ds]?$"),
    (r"^(?:def|off|pret)", "ence", "ense", r"s?$"),
    (r"^gr", "ey", "ay", r"(?:er|est|ish|s|scale)?$"),
    (r"^art", "e", "i", r"facts?$"),
]
TO_AMERICAN = [(re.compile(f"({before}){a}({after})"), rf"\1{b}\2") for before, a, b, after in VARIANTS]
TO_BRITISH = [(re.compile(f"({before}){b}({after})"), rf"\1{a}\2") for before, a, b, after in VARIANTS]

LISTING = re.compile(r"^( *)```(\{\w+\})?[^\n]*\n(.*?)^ *```", re.M | re.S)
NOISE = re.compile(
    r"""
      \A\ ---\n.*?\n\ ---\n | ^\ %%[^\n]*               # what jupytext notes of a notebook and of its cells
    | ``.+?`` | `[^`\n]*\n?[^`\n]*` | ^\ *(?:>>>|\.\.\.)[^\n]*  # code
    | "[\w.-]+" | \b\w+Error\b | :\w+: | \bnoqa[^\n]*  # values, errors, options of directives, orders to ruff
    | ^\ *[\w, *]+\ :\ [^\n]* | ^\ {4,}\w+(?:,\ \w+)*$  # parameters, and their kinds
    | \$\$.*?\$\$ | \$[^$\n]*\n?[^$\n]*\$               # formulas
    | </?[a-z][^<>]*> | https?://\S+ | \]\([^)]*\)      # tags and addresses
    | On\ the\ importance\ of\ initialization | Visualizing\ and  # titles of others' works
    """,
    re.M | re.S | re.X,
)
WORD = re.compile(r"(?<![\w\\./{@=])[^\W\d_]{3,}(?:'[a-z]+)?(?![\w({=/\\]|\.\w)")


def prose(path: Path) -> str:
    """A file in which whatever is no prose is blank; each word is in its line."""
    text = path.read_text()
    if path.suffix == ".py":
        text = commented(text)
    text = LISTING.sub(lambda listing: blank(listing) if not listing[2] else f"\n{listing[3]}", text)
    return NOISE.sub(blank, text)


def blank(noise: re.Match) -> str:
    return "\n" * noise[0].count("\n") or " "


def commented(source: str) -> str:
    """Comments and docstrings, each in its line."""
    lines, code = [""] * (source.count("\n") + 1), source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0] - 1] = token.string[1:]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            place = slice(node.lineno - 1, node.end_lineno)
            lines[place] = [re.sub('r?"""', "", line) for line in code[place]]
    return "\n".join(lines)


def words(path: Path) -> Iterator[tuple[int, str]]:
    """All words of a file's prose, each with the number of its line."""
    for number, line in enumerate(prose(path).splitlines(), start=1):
        for word in WORD.findall(line.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")):
            yield number, word.removesuffix("'s")


def changed(word: str, variants: list[tuple[re.Pattern, str]]) -> str:
    """The word as the other side of the Atlantic writes it."""
    return next((form.sub(other, word) for form, other in variants if form.search(word)), word)


@functools.cache
def right(word: str) -> bool:
    """Whether a word is one of British English."""
    word = word.lower()
    return changed(word, TO_BRITISH) == word and (word in ENGLISH or changed(word, TO_AMERICAN) in ENGLISH)


def correction(word: str) -> str:
    """How a word that is wrong may have been meant."""
    word = word.lower()
    british = changed(word, TO_BRITISH)
    return british if british != word else ENGLISH.correction(word) or "?"


def listed(word: str) -> str | None:
    """The word of the list that allows this one, which may have a capital or a plural's s more."""
    forms = (word, word.removesuffix("s"))
    return next((form for form in (*forms, *map(str.lower, forms)) if form in LISTED), None)


def misspelt(path: Path) -> list[str]:
    """Complaints, with what each word may have been."""
    wrong = [(number, word) for number, word in words(path) if not right(word) and not listed(word)]
    return [f"{path.name}:{number}: {word} ({correction(word)})" for number, word in wrong]


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_all_words_are_spelt_as_in_britain(path):
    assert misspelt(path) == [], "correct them; or, for a term or a name, add a line to tests/words.txt"


def test_the_list_is_in_order():
    assert list(LISTED) == sorted(LISTED, key=lambda word: (word.casefold(), word))


def test_every_word_of_the_list_is_used():
    used = {listed(word) for path in READ for _, word in words(path)}
    assert [word for word in LISTED if word not in used] == [], "remove them from tests/words.txt"


# Planted faults

SCRIPT = '''\
# ---
# jupyter:
#   kernelspec: pyton3
# ---

# %% [markdown]
# A sentence of `coed`, with a $\\formula$ and
# a [link](https://www.nowher.org/adress.html), and {markdown}.

# %% tags=["solushun"]
def recieved(x):
    """Colours of the neighbours.

    Parameters
    ----------
    wich : strnig
        What is {docstring}.
    """
    return "teh"  # and {comment}
'''
PAGE = """\
# A {heading}

| `tabel` | an entry that is {cell} |

```python
x = recieved
```

```{{figure}} figrue.png
:alt: What is {alternative}.
```

See the notebook's {end}
"""


@pytest.mark.parametrize(("name", "text"), [("planted.py", SCRIPT), ("planted.md", PAGE)], ids=["script", "page"])
@pytest.mark.parametrize("wrong", ["recieved", "Seperate", "color", "regularized", "centered", "labeling"])
def test_a_planted_misspelling_is_found_wherever_there_is_prose(name, text, wrong, tmp_path):
    places = re.findall(r"(?<!\{)\{(\w+)\}(?!\})", text)
    path = tmp_path / name
    path.write_text(text.format(**dict.fromkeys(places, "right")))
    assert misspelt(path) == []
    for place in places:
        path.write_text(text.format(**dict.fromkeys(places, "right") | {place: wrong}))
        (number,) = (n for n, line in enumerate(text.splitlines(), start=1) if f"{{{place}}}" in line)
        (found,) = misspelt(path)
        assert found.startswith(f"{name}:{number}: {wrong} (")


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("regularise", "regularize"),
        ("optimisation", "optimization"),
        ("emphasised", "emphasized"),
        ("analysed", "analyzed"),
        ("colour", "color"),
        ("behaviour", "behavior"),
        ("neighbouring", "neighboring"),
        ("centre", "center"),
        ("centred", "centered"),
        ("labelled", "labeled"),
        ("modelling", "modeling"),
        ("catalogue", "catalog"),
        ("defence", "defense"),
        ("grey", "gray"),
    ],
)
def test_the_british_form_is_right_and_the_american_wrong(british, american):
    assert right(british)
    assert not right(american)
    assert correction(american) == british


@pytest.mark.parametrize(
    "word", ["size", "capsized", "prize", "seizes", "promise", "laboratory", "rigorous", "parameter"]
)
def test_words_that_only_look_american_are_right(word):
    assert right(word)


def test_a_correction_is_proposed():
    assert correction("Recieve") == "receive"
    assert correction("qqqqqqqq") == "?"
