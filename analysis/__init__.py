"""Pure functions from arrays and documents to numbers and figures, and the results store."""

if __name__ != "natrium.analysis":
    # Under another name jobflow would write a wrong @module into every document.
    raise ImportError(
        f"this package is natrium.analysis, imported as {__name__!r}: install natrium and import it by its name"
    )
