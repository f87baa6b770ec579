"""Pure builders: settings in, atoms out. No files, no engine, no queue."""

if __name__ != "natrium.structures":
    # Under another name jobflow would write a wrong @module into every document.
    raise ImportError(
        f"this package is natrium.structures, imported as {__name__!r}: install natrium and import it by its name"
    )
