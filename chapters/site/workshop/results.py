"""The book's numbers beside ours, from the records of all runs."""

from netlib.experiments import NETWORK2, NETWORK3, markdown, records, rows

PAGE = """# Results

What the book reports, and what the same experiments give here. Every row is made from the records of whole runs in
`data/results`, when this page is made; `netlib experiments table --markdown` prints the same. A recipe's name is what
`netlib experiments run` takes.

"By its rule" is the book's way of reporting one number for several runs: of the first runs, as many as the book made,
that with the best validation accuracy, at the epoch where this was best. The mean beside it is over all runs at their
best epochs, the last column over all runs as they ended. How much an accuracy on 10,000 images can be trusted is told
in [notebook 00](00_start_here.ipynb#how-good-is-it), what the numbers say, in [05](05_network3.ipynb) and
[06](06_dropout_data_committees.ipynb).

## Chapter 5: deeper, and no better

Accuracy on the 10,000 validation images.

{deep}

## Chapter 6: convolution, more data, dropout, committees

Accuracy on the 10,000 test images.

{convolutional}
"""


def page() -> str:
    """The page, in Markdown."""
    recorded = records()
    tables = {"deep": rows(recorded, NETWORK2), "convolutional": rows(recorded, NETWORK3)}
    return PAGE.format(**{name: markdown(measured) for name, measured in tables.items()})
