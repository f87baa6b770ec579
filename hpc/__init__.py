"""Where and how calculations run: supervision, databases, machines, local runs."""

if __name__ != "natrium.hpc":
    # Under another name jobflow would write a wrong @module into every document.
    raise ImportError(
        f"this package is natrium.hpc, imported as {__name__!r}: install natrium and import it by its name"
    )
